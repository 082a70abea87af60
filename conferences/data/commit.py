"""The only place where a decision becomes real: saved first, sent afterwards."""

from __future__ import annotations

from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.step import Step


def commit(uow: ConferencesUnitOfWork, step: Step) -> None:
    """Stage what the step asks for in the transaction at hand."""
    if step.after is not None and step.after != step.before:
        uow.save(step.before, step.after)
    for outgoing in step.send:
        uow.send(outgoing)
    uow.note(step)

"""A step is what one decision asks for: the next value of a conference, and what is to be sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from conferences.rules.states import Conference
from foundation.bus.outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class Step:
    """A step holds the next value and the messages; `commit()` saves first and sends afterwards.

    `because` is the line for the log.
    """

    because: str
    before: Conference | None = None
    after: Conference | None = None
    send: tuple[Outgoing, ...] = ()


def nothing(because: str) -> Step:
    """Return a step that changes nothing, with its reason."""
    return Step(because)

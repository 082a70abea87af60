"""Deliberate faults in how sites judge each other: a slow host or a blocked broker looks like a dead site."""

from __future__ import annotations

import pytest

from failover.rules.cell_facts import Step
from tests.simulation.cells import Cell
from tests.simulation.faults import Faults
from tests.simulation.judges import NEVER, Judge
from tests.simulation.place import Place

planted = Faults()


@planted
def judge_that_was_held_up_is_believed(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: an agent that did not run for a while takes its own silence for that of the other site."""
    decide = Judge.decide

    def hasty(judge: Judge, cell: Cell, now: float) -> Step:
        judge.ran_at = judge.read_at = now
        judge.on_time_since = judge.unchanged_since = judge.vouched_at = NEVER
        return decide(judge, cell, now)

    patch.setattr(Judge, "decide", hasty)


@planted
def sign_of_life_goes_through_the_broker(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: the software counts as alive only while timers get through to it."""
    patch.setattr(Place, "software_lives", property(lambda place: place.awake))

"""A unit ends a conference: at its time it is over, before it the unit has lost it."""

from __future__ import annotations

import pytest

from conferences.rules.restore import decide_ended_by_unit
from conferences.rules.states import ConferenceState
from tests.factories import NOW, NUMBER, OTHER, UNIT, conference, seconds
from wire.media_unit import UnitEnded

_S = ConferenceState
EXPIRED = UnitEnded(e164=NUMBER, incarnation=3, reason="expired")


@pytest.mark.parametrize("left", [6, 300, 3600])
def test_a_unit_whose_clock_is_ahead_loses_the_conference_and_another_one_has_it(left: int) -> None:
    step = decide_ended_by_unit(conference(ends_at=NOW + seconds(left)), EXPIRED, UNIT, NOW)
    assert step.after
    assert step.after.state is _S.PENDING_RESTORE
    assert step.after.tried == (UNIT,)


@pytest.mark.parametrize("left", [5, 0, -60])
def test_at_its_time_it_is_over(left: int) -> None:
    step = decide_ended_by_unit(conference(ends_at=NOW + seconds(left)), EXPIRED, UNIT, NOW)
    assert step.after
    assert step.after.state is _S.ENDED


def test_what_people_ended_there_is_over_at_any_time() -> None:
    released = UnitEnded(e164=NUMBER, incarnation=3, reason="released")
    step = decide_ended_by_unit(conference(), released, UNIT, NOW)
    assert step.after
    assert step.after.state is _S.ENDED


def test_another_unit_or_incarnation_says_nothing() -> None:
    ghost = UnitEnded(e164=NUMBER, incarnation=2, reason="expired")
    assert decide_ended_by_unit(conference(), ghost, UNIT, NOW).after is None
    assert decide_ended_by_unit(conference(), EXPIRED, OTHER, NOW).after is None

"""The timer does what is due, does nothing early, and never turns in a loop."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conferences.rules.decision import Decision
from conferences.rules.due import OVERDUE, decide_due, decide_end_at_other_site
from conferences.rules.end import decide_release
from conferences.rules.extend import prolong
from conferences.rules.restore import decide_lost
from conferences.rules.states import TRANSITIONS, WARNINGS, Conference, ConferenceState, next_due
from tests.factories import NOW, UNIT, conference, conferences, seconds
from wire.conference_manager import EndIsNear, ReleaseConference

_S = ConferenceState


def _settle(c: Conference) -> list[Decision]:
    """Return the steps that the timer takes now, until nothing is due any more."""
    steps: list[Decision] = []
    while (moment := next_due(c)) and moment <= NOW:
        step = decide_due(c, NOW)
        assert step.after is not None, f"due at {moment}, and nothing is done: {step.reason}"
        assert step.after != c, f"due at {moment}, and nothing changes: {step.reason}"
        steps.append(step)
        c = step.after
        assert len(steps) < 8, f"turns in a loop: {step.reason}"
    return steps


@given(conferences())
@settings(max_examples=400)
def test_what_is_due_is_done_and_then_nothing_is_due(c: Conference) -> None:
    steps = _settle(c)
    before = c
    for step in steps:
        assert step.before == before
        assert step.after is not None
        assert step.after.state in TRANSITIONS[before.state] | {before.state}
        assert step.after.incarnation >= before.incarnation
        assert step.reason
        before = step.after


@given(conferences())
@settings(max_examples=400)
def test_nothing_is_done_before_it_is_due(c: Conference) -> None:
    moment = next_due(c)
    if moment is None or moment > NOW:
        assert decide_due(c, NOW).after is None


@given(conferences(), st.integers(0, 3))
def test_a_loss_is_decided_in_any_state(c: Conference, which: int) -> None:
    unit = c.unit or UNIT
    step = decide_lost(c, unit, NOW) if c.live and (c.unit or which) else None
    if step and step.after:
        assert step.after.state in TRANSITIONS[c.state] | {c.state}


def test_an_ended_one_is_never_due() -> None:
    assert next_due(conference(_S.ENDED)) is None


def _warned(c: Conference, every: float = 1.0) -> list[tuple[float, int]]:
    """Return all warnings of a conference: `(seconds left, minutes said)`."""
    now, warnings = c.created_at, []
    while c.state is _S.RUNNING and c.ends_at:
        step = decide_due(c, now)
        for outgoing in step.send:
            if isinstance(outgoing.message, EndIsNear):
                warnings.append(((c.ends_at - now).total_seconds(), outgoing.message.minutes))
        c = step.after or c
        now += timedelta(seconds=every)
    return warnings


def _lasting(minutes: int) -> Conference:
    from conferences.rules.create import latest_warning_due

    end = NOW + timedelta(minutes=minutes)
    return conference(created_at=NOW, ends_at=end, warned=latest_warning_due(minutes * 60))


def test_warnings_come_10_5_and_1_minutes_before() -> None:
    assert _warned(_lasting(60)) == [(600.0, 10), (300.0, 5), (60.0, 1)]


def test_short_conferences_have_only_the_warnings_that_are_not_over() -> None:
    assert [minutes for _, minutes in _warned(_lasting(10))] == [5, 1]
    assert [minutes for _, minutes in _warned(_lasting(8))] == [5, 1]
    assert [minutes for _, minutes in _warned(_lasting(5))] == [1]
    assert _warned(_lasting(1)) == []


@given(st.integers(1, 90), st.floats(0.1, 200))
@settings(max_examples=60, deadline=None)
def test_warnings_are_never_early_and_never_twice(minutes: int, every: float) -> None:
    warnings = _warned(_lasting(minutes), every)
    levels = [next(w for w in reversed(WARNINGS) if left <= w * 60) for left, _ in warnings]
    assert levels == sorted(set(levels), reverse=True)
    for left, minutes_said in warnings:
        assert abs(minutes_said * 60 - left) <= 60


def test_a_pending_one_is_not_warned_but_ends_in_time() -> None:
    c = conference(_S.PENDING_RESTORE, ends_at=NOW, answer_by=NOW + seconds(1))
    (step,) = _settle(c)
    assert step.after
    assert step.after.state is _S.ENDED
    assert step.after.end_reason == "expired"


def test_an_empty_one_ends_after_five_minutes_where_that_was_asked_for() -> None:
    c = conference(auto_end=True, empty_since=NOW - seconds(299))
    assert decide_due(c, NOW).after is None
    ended = decide_due(c, NOW + seconds(1)).after
    assert ended
    assert ended.end_reason == "auto_end"
    assert decide_due(msgspec.structs.replace(c, auto_end=False), NOW + seconds(1)).after is None


# ---- where another site serves it, or runs it ----------------------------------------------------


def test_the_owner_books_the_warnings_that_its_site_gives() -> None:
    c = msgspec.structs.replace(
        conference(_S.RUNNING), ends_at=NOW + timedelta(minutes=5), warned=10
    )
    step = decide_due(c, NOW, at_other_site=True)
    assert (step.after and step.after.warned, step.send) == (5, ())


def test_the_owner_waits_a_minute_for_its_site_and_then_ends_it() -> None:
    c = msgspec.structs.replace(conference(_S.RUNNING), ends_at=NOW, warned=1)
    waits = decide_due(c, NOW, at_other_site=True).after
    assert waits
    assert (waits.state, next_due(waits)) == (_S.RUNNING, NOW + OVERDUE)
    assert decide_due(waits, NOW + seconds(59), at_other_site=True).after is None
    ended = decide_due(waits, NOW + OVERDUE, at_other_site=True).after
    assert (ended and ended.end_reason) == "expired"


def test_one_that_is_prolonged_while_its_end_is_asked_for_goes_on() -> None:
    c = msgspec.structs.replace(conference(_S.RUNNING), ends_at=NOW, give_up_at=NOW + OVERDUE)
    assert next_due(prolong(c, 30, NOW)) == NOW + timedelta(minutes=20)


@pytest.mark.parametrize(("left", "warning"), [(601, 0), (600, 10), (571, 10), (569, 0), (300, 5)])
def test_the_site_where_it_runs_warns_at_the_moment_and_not_later(left: int, warning: int) -> None:
    c = msgspec.structs.replace(conference(_S.RUNNING), ends_at=NOW + seconds(left), warned=1)
    step = decide_end_at_other_site(c, NOW, "owner")
    assert bool(step.send) == bool(warning)
    if warning:
        assert step.send[0].destination == "owner"


def test_a_peer_cannot_end_what_has_time_left() -> None:
    c = msgspec.structs.replace(conference(_S.RUNNING), ends_at=NOW + seconds(1))
    ask = ReleaseConference(reqid="r", e164=c.e164, reason="expired")
    assert decide_release(c, ask, "r", NOW, by_other_site=True).after is None
    assert decide_release(c, ask, "r", NOW + seconds(1), by_other_site=True).after

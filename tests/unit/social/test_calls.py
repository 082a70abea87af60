"""What each event changes about a call, and who may call whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from social.rules.call_messages import log_entries_of
from social.rules.call_start import Begun, CallRefusal, Facts, Joined, decide_add, decide_start
from social.rules.calls import (
    CHECK_EVERY,
    MEDIA_WITHIN,
    Answered,
    Call,
    CallEnd,
    CallState,
    Changed,
    Declined,
    Event,
    Forbidden,
    HungUp,
    MediaEnded,
    MediaFailed,
    MediaReady,
    Party,
    Rang,
    Refused,
    SessionOver,
    TimeIsUp,
    Unchanged,
    decide,
    end_for_device,
    rings,
    with_check_time,
    with_conference_released,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)
NEAR = Facts(shares_tenant=True)


def call(number: int = 1, caller: str = "anna", callee: str = "ben", **columns: object) -> Call:
    """Return a new call."""
    new = Call(
        id=number,
        session=number,
        conversation=7,
        domain="tenant",
        caller=Party(caller, caller.title()),
        caller_device=f"{caller}1",
        callee=Party(callee, callee.title()),
        created_at=NOW,
        ring_until=LATER,
    )
    return replace(new, **columns)  # type: ignore[arg-type]  # of fields by name


def after(call: Call, *events: Event, now: datetime = NOW) -> Call:
    """Return a call after events, each of which changes it."""
    for event in events:
        decision = decide(call, event, now)
        assert isinstance(decision, Changed), (event, decision)
        assert decision.call.version == call.version + 1
        call = decision.call
    return call


ANSWERED = after(call(), Answered("ben", "b1"))
TALKING = after(ANSWERED, MediaReady("8800001", "conf"))


def test_a_call_rings_is_answered_and_hung_up() -> None:
    ringing = after(call(), Rang("ben"))
    assert ringing.state is CallState.RINGING
    active = after(ringing, Answered("ben", "b1"), now=NOW + timedelta(seconds=5))
    ended = after(active, HungUp("anna"), now=NOW + timedelta(seconds=35.9))
    assert (ended.reason, ended.ended_by, ended.talk_seconds) == (CallEnd.HUNG_UP, "anna", 30)
    assert not ended.is_missed


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Declined("ben"), CallEnd.DECLINED),
        (HungUp("ben"), CallEnd.DECLINED),
        (HungUp("anna"), CallEnd.CANCELLED),
        (SessionOver(), CallEnd.CANCELLED),
    ],
)
def test_a_call_that_waits_ends_for_one_reason(event: Event, reason: CallEnd) -> None:
    for waiting in (call(), after(call(), Rang("ben"))):
        ended = after(waiting, event)
        assert ended.reason is reason
        assert isinstance(decide(ended, event, NOW), Unchanged)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (HungUp("ben"), CallEnd.HUNG_UP),
        (MediaEnded(), CallEnd.HUNG_UP),
        (SessionOver(), CallEnd.HUNG_UP),
        (MediaFailed(), CallEnd.FAILED),
        (Forbidden(), CallEnd.FAILED),
    ],
)
def test_a_talk_ends_for_one_reason(event: Event, reason: CallEnd) -> None:
    assert after(TALKING, event).reason is reason


def test_the_first_device_that_answers_has_the_call_and_the_others_hear_so() -> None:
    assert isinstance(decide(ANSWERED, Answered("ben", "b1"), NOW), Unchanged)
    assert decide(ANSWERED, Answered("ben", "b2"), NOW) == Refused(CallEnd.ANSWERED_ELSEWHERE)
    assert end_for_device(ANSWERED, "ben", "b2") is CallEnd.ANSWERED_ELSEWHERE
    assert end_for_device(ANSWERED, "ben", "b1") is None
    assert end_for_device(ANSWERED, "anna", "a2") is None
    assert isinstance(decide(ANSWERED, Declined("ben"), NOW), Unchanged)


def test_whoever_answers_a_call_that_is_over_hears_why() -> None:
    ended = after(call(), HungUp("anna"))
    assert decide(ended, Answered("ben", "b1"), NOW) == Refused(CallEnd.CANCELLED)
    late = decide(call(), Answered("ben", "b1"), LATER)
    assert isinstance(late, Changed)
    assert late.call.reason is CallEnd.NO_ANSWER


@pytest.mark.parametrize(
    "event", [Answered("anna", "a1"), Rang("anna"), Declined("cara"), HungUp("cara")]
)
def test_others_can_do_nothing_to_a_call(event: Event) -> None:
    assert decide(call(), event, NOW) == Refused()


def test_time_ends_what_nobody_answers_and_what_nothing_carries() -> None:
    assert isinstance(decide(call(), TimeIsUp(), LATER - timedelta(seconds=1)), Unchanged)
    assert after(call(), TimeIsUp(), now=LATER).reason is CallEnd.NO_ANSWER
    assert after(ANSWERED, TimeIsUp(), now=NOW + MEDIA_WITHIN).reason is CallEnd.FAILED
    assert isinstance(decide(TALKING, TimeIsUp(), NOW + 10 * CHECK_EVERY), Unchanged)


def test_a_timer_looks_at_a_call_exactly_as_long_as_something_may_be_due() -> None:
    assert call().next_due == LATER
    assert ANSWERED.next_due == NOW + MEDIA_WITHIN
    assert TALKING.next_due == NOW + CHECK_EVERY
    assert with_check_time(TALKING, LATER).next_due == LATER + CHECK_EVERY
    ended = after(TALKING, HungUp("anna"))
    assert ended.next_due == NOW
    assert with_conference_released(ended).next_due is None
    assert after(call(), HungUp("anna")).next_due is None


def test_a_conference_that_comes_after_the_end_is_noted_and_released() -> None:
    late = after(after(ANSWERED, HungUp("anna")), MediaReady("8800001", "conf"))
    assert (late.state, late.confid, late.next_due) == (CallState.ENDED, "conf", NOW)
    assert isinstance(decide(late, MediaReady("8800002", "other"), NOW), Unchanged)


def test_only_the_person_called_rings_and_only_while_the_call_waits() -> None:
    assert rings(call(), "ben")
    assert not rings(call(), "anna")
    assert not rings(ANSWERED, "ben")


# ---- several people -------------------------------------------------------------------------------


def test_who_leaves_a_talk_of_three_leaves_the_others_talking() -> None:
    left = after(TALKING, HungUp("anna", others=1))
    assert left.state is CallState.ACTIVE
    assert left.talkers == left.occupied == {"ben"}
    assert isinstance(decide(left, HungUp("anna", others=1), NOW), Unchanged)
    assert after(left, HungUp("ben", others=1)).reason is CallEnd.HUNG_UP


def test_a_further_person_leaves_by_the_own_call_and_the_inviter_does_not() -> None:
    further = after(call(2, "anna", "cara", session=1), Answered("cara", "c1"))
    assert further.talkers == {"cara"}
    assert decide(further, HungUp("anna"), NOW) == Refused()
    assert after(further, HungUp("cara", others=2)).reason is CallEnd.HUNG_UP


def test_only_talkers_bring_others_in_and_each_is_called_once() -> None:
    further = call(2, "anna", "cara", session=1, e164="8800001", confid="conf")
    assert decide_add(further, replace(NEAR, live=[TALKING])) == Begun(further)
    assert decide_add(further, replace(NEAR, live=[call()])) is CallRefusal.NOT_FOUND
    again = replace(further, id=3)
    assert decide_add(again, replace(NEAR, live=[TALKING, further])) == Joined(further, False)
    elsewhere = call(9, "dora", "cara")
    busy = decide_add(further, replace(NEAR, live=[TALKING, elsewhere]))
    assert isinstance(busy, Begun)
    assert busy.call.reason is CallEnd.BUSY


# ---- who may call whom ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        (Facts(), CallRefusal.NOT_FOUND),
        (Facts(is_contact=True, is_blocked=True), CallRefusal.NOT_FOUND),
        (Facts(is_contact=True, has_tenant=False), CallRefusal.NO_TENANT),
        (Facts(is_contact=True, is_permitted=False), CallRefusal.NOT_PERMITTED),
        (Facts(is_contact=True, is_licensed=False), CallRefusal.NO_LICENCE),
        (Facts(is_contact=True, live=[call(2, "anna", "cara")]), CallRefusal.IN_A_CALL),
        (Facts(is_contact=True), None),
        (Facts(shares_tenant=True), None),
        (Facts(shares_circle=True), None),
    ],
)
def test_who_may_call_whom(facts: Facts, refusal: CallRefusal | None) -> None:
    assert decide_start(call(), facts) == (refusal or Begun(call()))


def test_somebody_who_cannot_answer_has_missed_a_call() -> None:
    busy = decide_start(call(), replace(NEAR, live=[call(2, "cara", "ben")]))
    away = decide_start(call(), replace(NEAR, is_online=False))
    for begun, reason in ((busy, CallEnd.BUSY), (away, CallEnd.UNREACHABLE)):
        assert isinstance(begun, Begun)
        assert (begun.call.state, begun.call.reason) == (CallState.ENDED, reason)
        assert begun.call.is_missed
        assert log_entries_of(None, begun.call) == ["missed"]


def test_the_same_call_asked_for_again_is_the_same_call() -> None:
    for standing in (call(), ANSWERED):
        assert decide_start(call(2), replace(NEAR, live=[standing])) == Joined(standing, False)


def test_two_who_call_each_other_at_once_talk() -> None:
    back = call(2, "ben", "anna")
    assert decide_start(back, replace(NEAR, live=[call()])) == Joined(call(), is_answer=True)
    assert decide_start(back, replace(NEAR, live=[TALKING])) is CallRefusal.IN_A_CALL


def test_the_log_tells_of_start_and_end_or_of_a_missed_call() -> None:
    hung_up = after(TALKING, HungUp("ben"))
    assert log_entries_of(None, call()) == ["started"]
    assert log_entries_of(call(), ANSWERED) == []
    assert log_entries_of(TALKING, hung_up) == ["ended"]
    assert log_entries_of(call(), after(call(), HungUp("anna"))) == ["missed"]
    assert log_entries_of(call(), after(call(), Declined("ben"))) == ["ended"]
    assert log_entries_of(hung_up, with_conference_released(hung_up)) == []

"""Reports of a media unit are taken over in the order in which it made them, in whatever order they are handled."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from conferences.rules.control import decide_control_answered
from conferences.rules.decision import Decision
from conferences.rules.states import Conference, ConferenceState
from conferences.rules.sync import decide_listed, decide_reported
from foundation.bus.message import BadMessage, Body, to_body
from media_unit.conference_copy import conference_of
from media_unit.reports import control_ack, next_seq
from tests.factories import NOW, NUMBER, OTHER, UNIT, conference, seconds
from tests.unit.media_unit.configs import unit_config
from wire.conference_control import CHANGE, Control, ControlAnswered
from wire.fields import Terminal
from wire.media_unit import CreateOnUnit, UnitListEntry, UnitReportsChange

_S = ConferenceState
ORDER = Control({"type": "CM_MCU_MODIFYCONFNAME_REQ", "confE164": NUMBER, "reqid": "r1"})


def report(seq: int | None, name: str, incarnation: int = 3) -> UnitReportsChange:
    return UnitReportsChange(
        e164=NUMBER,
        incarnation=incarnation,
        seq=seq,
        name=name,
        mts=(Terminal(mtid="1", name=name, online=1),),
    )


def after(c: Conference, step: Decision) -> Conference:
    return step.after or c


def answer(change: UnitReportsChange | None, **fields: Any) -> ControlAnswered:
    body = {**control_ack(ORDER, {"extra": 1}, change).body, "ip": UNIT.ip, **fields}
    return ControlAnswered(body)


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_the_latest_report_holds_in_whatever_order_they_are_handled(order: tuple[int, ...]) -> None:
    c = conference()
    for seq in order:
        c = after(c, decide_reported(c, report(seq, f"name {seq}"), UNIT, NOW))
    assert (c.name, c.mts[0].name, c.report_seq) == ("name 3", "name 3", 3)


def test_reports_without_a_number_are_taken_as_they_come() -> None:
    c = conference(report_seq=7)
    for name in ("one", "two"):
        c = after(c, decide_reported(c, report(None, name), UNIT, NOW))
    assert (c.name, c.report_seq) == ("two", 7)


def test_the_numbers_begin_anew_on_the_next_unit() -> None:
    c = conference(_S.PENDING_RESTORE, report_seq=9).place(OTHER, "main", NOW)
    assert (c.incarnation, c.report_seq) == (4, 0)
    moved = c.begin_running(None, NOW)
    step = decide_reported(moved, report(1, "here", incarnation=4), OTHER, NOW)
    assert after(moved, step).name == "here"
    assert decide_reported(moved, report(10, "there"), UNIT, NOW).after is None


@pytest.mark.parametrize("state", [_S.CREATING, _S.PENDING_RESTORE, _S.RESTORING])
def test_a_report_before_the_answer_that_it_runs_or_while_it_counts_as_lost_is_kept(
    state: ConferenceState,
) -> None:
    c = conference(state)
    step = decide_reported(c, report(1, "kept"), UNIT, NOW)
    assert step.after
    assert (step.after.state, step.after.name, len(step.after.mts)) == (state, "kept", 1)
    assert step.send == (), "the registry has no running number of it yet"
    assert decide_reported(c, report(1, "kept"), OTHER, NOW).after is None
    assert decide_reported(conference(_S.ENDED), report(1, "kept"), UNIT, NOW).after is None


def test_a_list_that_is_older_than_a_report_does_not_bring_old_members_back() -> None:
    c = after(conference(), decide_reported(conference(), report(5, "new"), UNIT, NOW))
    old = UnitListEntry(e164=NUMBER, incarnation=3, seq=4, mts=(Terminal(mtid="2", online=1),))
    assert decide_listed(c, old, UNIT, NOW).after is None
    same = UnitListEntry(e164=NUMBER, incarnation=3, seq=5, mts=old.mts)
    assert after(c, decide_listed(c, same, UNIT, NOW)).mts == old.mts


def test_an_answer_brings_what_the_order_has_changed() -> None:
    c = conference()
    step = decide_control_answered(c, answer(report(5, "new")), UNIT, "key", NOW)
    assert (after(c, step).name, after(c, step).report_seq) == ("new", 5)
    told = [to_body(outgoing.message)["type"] for outgoing in step.send]
    assert told[-1] == "MCU_CM_MODIFYCONFNAME_ACK"
    assert "CSS_UPU_MDFCONF_NTF" in told
    forwarded = to_body(step.send[-1].message)
    assert forwarded["extra"] == 1
    assert CHANGE not in forwarded, "managers get what the specification prints"
    again = decide_reported(after(c, step), report(5, "new"), UNIT, NOW)
    assert again.after is None, "the report itself comes later and changes nothing"


def test_a_late_answer_is_forwarded_and_changes_nothing() -> None:
    c = conference(report_seq=6)
    step = decide_control_answered(c, answer(report(5, "old")), UNIT, "key", NOW)
    assert step.after is None
    assert [outgoing.message.type for outgoing in step.send] == ["MCU_CM_MODIFYCONFNAME_ACK"]


def test_an_answer_without_changes_is_forwarded_unchanged() -> None:
    reply = answer(None)
    step = decide_control_answered(conference(), reply, UNIT, "key", NOW)
    assert step.after is None
    assert to_body(step.send[0].message) == reply.body


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("no object", "confstatechange"),
        ({"confE164": NUMBER}, "incarnation"),
        ({"confE164": "99", "incarnation": 3}, "confstatechange.confE164"),
    ],
)
def test_a_change_that_cannot_be_read_or_is_of_another_conference_is_refused(
    change: Body | str, said: str
) -> None:
    with pytest.raises(BadMessage) as refusal:
        answer(None, **{CHANGE: change})
    assert said in refusal.value.detail


def test_a_unit_keeps_the_later_of_two_ends() -> None:
    hold = CreateOnUnit(e164=NUMBER, confid="", incarnation=1, name="talk", places=8)
    held = conference_of(hold, "room", unit_config())
    for end, kept in (("12:30", "12:30"), ("13:00", "13:00"), ("12:30", "13:00")):
        held.prolong(f"2030-01-01T{end}:00+00:00")
        assert held.endtime == f"2030-01-01T{kept}:00+00:00"


def test_a_unit_numbers_its_reports_by_its_clock_and_never_goes_back() -> None:
    first = next_seq(0, NOW)
    assert next_seq(first, NOW) == first + 1
    assert next_seq(first, NOW - seconds(3600)) == first + 1
    assert next_seq(first, NOW + seconds(1)) == first + 1000

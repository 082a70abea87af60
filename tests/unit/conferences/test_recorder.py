"""A conference that runs without the recorder it is to have gets one when one is free, and stays stopped if stopped."""

from __future__ import annotations

import pytest

from conferences.rules.control import decide_control, decide_control_answered
from conferences.rules.decision import Decision
from conferences.rules.due import decide_due
from conferences.rules.recorder import decide_recorder_granted
from conferences.rules.states import RECORDER_AGAIN_IN, Conference, ConferenceState, next_due
from tests.factories import NOW, NUMBER, OTHER, UNIT, conference
from wire.conference_control import Control, ControlAnswered
from wire.error_codes import Err
from wire.resource_pool import GetResources, ResourcesGranted, ResourcesRefused

_S = ConferenceState
GRANTED = ResourcesGranted(vrs=UNIT.as_message_field)


def types(step: Decision) -> list[str]:
    return [outgoing.message.type for outgoing in step.send]


def unrecorded() -> Conference:
    """Return a conference that was restored without the recorder that it should have."""
    return conference(_S.RESTORING, record=True).begin_running(None, NOW)


def asking() -> Conference:
    after = decide_due(unrecorded(), NOW + RECORDER_AGAIN_IN).after
    assert after
    return after


def test_it_asks_for_a_recorder_alone_once_a_minute() -> None:
    c = unrecorded()
    assert next_due(c) == NOW + RECORDER_AGAIN_IN
    step = decide_due(c, NOW + RECORDER_AGAIN_IN)
    assert types(step) == ["GET_RES_REQ"]
    question = step.send[0].message
    assert isinstance(question, GetResources)
    assert question.res == ("vrs",)
    assert step.after
    assert next_due(step.after) == NOW + 2 * RECORDER_AGAIN_IN


def test_the_unit_records_when_the_recorder_is_there() -> None:
    c = asking()
    step = decide_recorder_granted(c, GRANTED, c.question, "main")
    assert types(step) == ["CM_MCU_STARTRECORD_CMD", "CSS_RMS_RES_NTF"]
    assert step.after
    assert (step.after.vrs, step.after.record_at) == (UNIT, None)
    again = decide_recorder_granted(step.after, GRANTED, c.question, "main")
    assert (again.after, again.send) == (None, ())


@pytest.mark.parametrize(
    "reply", [ResourcesGranted(), ResourcesGranted(mcu=OTHER.as_message_field), None]
)
def test_without_one_it_goes_on_unrecorded(reply: ResourcesGranted | None) -> None:
    c = asking()
    step = decide_recorder_granted(
        c, reply or ResourcesRefused(errcode="29501"), c.question, "main"
    )
    assert (step.after, step.send) == (None, ())


def test_a_late_answer_and_one_for_a_conference_that_moved_start_nothing() -> None:
    c = asking()
    for now_is, question in ((c, c.question - 1), (c.lose_unit(NOW), c.question)):
        step = decide_recorder_granted(now_is, GRANTED, question, "main")
        assert (step.after, step.send) == (None, ())


def test_whoever_wants_none_or_has_one_never_asks() -> None:
    for c in (conference(_S.RUNNING), conference(_S.RUNNING, record=True, vrs=UNIT)):
        started = c.begin_running(None, NOW)
        assert started.record_at is None


def test_what_was_stopped_stays_stopped_and_what_was_begun_goes_on_elsewhere() -> None:
    order = Control({"type": "CM_MCU_STOPRECORD_REQ", "confE164": NUMBER, "reqid": "1"})
    stopped = decide_control(asking(), order, "key", "mark", "main").after
    assert stopped
    assert (stopped.record, stopped.record_at) == (False, None)
    notice = ControlAnswered(
        {"type": "MCU_CM_RECORDSTATE_NTF", "confE164": NUMBER, "recording": 1, "ip": UNIT.ip}
    )
    begun = decide_control_answered(stopped, notice, UNIT, None, NOW)
    assert begun.after
    assert begun.after.record
    assert types(begun) == ["MCU_CM_RECORDSTATE_NTF"]


def test_a_refused_order_to_stop_changes_nothing() -> None:
    order = Control(
        {"type": "CM_MCU_STOPRECORD_REQ", "confE164": NUMBER, "moid": "other", "reqid": "1"}
    )
    step = decide_control(asking(), order, "key", "mark", "main")
    assert step.after is None
    assert step.reason == f"refused {Err.NOT_PERMITTED}"

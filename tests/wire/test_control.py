"""Conference control: passed through unchanged, both ways (CSS §2.3.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.actors import Manager, MediaUnit
from tests.wire.conftest import Units
from tests.wire.line import Body, ReceivedMessage
from tests.wire.saying import start

pytestmark = pytest.mark.xdist_group("wire")

CONTROLS: dict[str, Body] = {
    "ADDMT": {"mts": [{"account": "8801", "name": "R", "type": "e164"}]},
    "DELMT": {"mtids": ["1"]},
    "DROPMT": {"mtids": ["1", "2"]},
    "MUTE": {"mtid": "1", "value": 1},
    "SILENCE": {"value": 0},
    "SETCHAIRMAN": {"mtid": "1"},
    "SETSPEAKER": {"mtid": ""},
    "STARTRECORD": {},
    "SENDMSG": {"text": "Grüße 🎉", "mtids": ["1"]},
    "GETMTLIST": {},
    "SOMETHING3RDPARTY": {"x": {"y": [1, 2.5, None, True]}},
}


def answers(unit: MediaUnit, order: ReceivedMessage, kind: str, **fields: Any) -> Body:
    """Let the unit answer a control request, and return the answer."""
    name = order["type"].removeprefix("CM_MCU_").rsplit("_", 1)[0]
    same: Body = {k: order[k] for k in ("reqid", "confE164") if k in order.body}
    answer: Body = {"type": f"MCU_CM_{name}_{kind}", **same, **fields}
    unit.sends(answer, correlation_id=order.properties.correlation_id)
    return answer


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_request_goes_through_unchanged_and_so_does_its_answer(
    cm: Manager, unit: MediaUnit, name: str
) -> None:
    number = start(cm, unit)["confE164"]
    request = cm.asks(f"CM_MCU_{name}_REQ", confE164=number, **CONTROLS[name])
    order = unit.hears(f"CM_MCU_{name}_REQ")
    assert order.body == request.body
    said = answers(unit, order, "ACK", mts=[])
    answer = cm.answer(request)
    assert answer.body == said
    assert answer.exchange == ""
    assert answer.properties.content_type == "application/json"


def test_who_has_the_answer_reads_the_change_that_came_with_it(
    cm: Manager, unit: MediaUnit
) -> None:
    conf = start(cm, unit)
    number = conf["confE164"]
    request = cm.asks("CM_MCU_MODIFYCONFNAME_REQ", confE164=number, confname="New")
    order = unit.hears("CM_MCU_MODIFYCONFNAME_REQ")
    report = {"confE164": number, "incarnation": conf["incarnation"], "confname": "New"}
    fields = {"level": 0.5, **unit.me}
    answers(unit, order, "ACK", **fields, confstatechange={**report, "seq": 2})
    told = cm.answer(request)
    assert told.body == {"type": told["type"], "reqid": request.reqid, "confE164": number, **fields}
    assert cm.sees(number, "running")["confname"] == "New"
    unit.says("MCU_MAU_CONFSTATECHANGE_NTF", **{**report, "confname": "Older"}, seq=1)
    unit.says("MCU_MAU_CONFSTATECHANGE_NTF", **report, seq=2)
    cm.line.quiet()
    assert cm.sees(number, "running")["confname"] == "New"


def test_a_units_refusal_goes_to_the_asker(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    request = cm.asks("CM_MCU_DROPMT_REQ", confE164=number, mtids=["9"])
    answer = answers(unit, unit.hears("CM_MCU_DROPMT_REQ"), "NACK", errcode="29015")
    assert cm.answer(request).body == answer


def test_an_answer_belongs_to_its_request_by_reqid_where_the_unit_copies_no_correlation_id(
    cm: Manager, unit: MediaUnit
) -> None:
    number = start(cm, unit)["confE164"]
    first = cm.asks("CM_MCU_MUTE_REQ", confE164=number, value=1)
    second = cm.asks("CM_MCU_MUTE_REQ", confE164=number, value=0)
    for request in (second, first):
        unit.hears("CM_MCU_MUTE_REQ", reqid=request.reqid)
        answer = {"type": "MCU_CM_MUTE_ACK", "reqid": request.reqid, "confE164": number}
        unit.sends(answer)
        assert cm.answer(request).body == answer


def test_a_request_without_reply_to_is_answered_to_all_managers(
    cm: Manager, unit: MediaUnit
) -> None:
    number = start(cm, unit)["confE164"]
    body = {"type": "CM_MCU_MUTE_REQ", "reqid": "q", "confE164": number, "value": 1}
    request = cm.sends(body, reply_to=None)
    answers(unit, unit.hears("CM_MCU_MUTE_REQ"), "ACK")
    answer = cm.answer(request)
    assert (answer.exchange, answer.key) == ("meeting.mccntf.ex", "meeting.mccntf.k")


def test_a_request_without_any_id_is_answered_to_its_asker(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    request = cm.sends({"type": "CM_MCU_GETMTLIST_REQ", "confE164": number}, message_id=None)
    answer = answers(unit, unit.hears("CM_MCU_GETMTLIST_REQ"), "ACK", mts=[])
    assert cm.answer(request).body == answer


def test_a_command_goes_through_and_has_no_answer(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    request = cm.asks("CM_MCU_SENDMSG_CMD", confE164=number, text="hello")
    assert unit.hears("CM_MCU_SENDMSG_CMD").body == request.body
    nobody = cm.asks("CM_MCU_SENDMSG_CMD", confE164="4040404", text="hello")
    cm.line.quiet()
    assert cm.answers(request) == cm.answers(nobody) == []


def test_a_notice_of_the_unit_goes_to_all_managers(cm: Manager, unit: MediaUnit) -> None:
    other = Manager(cm.line)
    number = start(cm, unit)["confE164"]
    notice = {"type": "MCU_CM_SPEAKING_NTF", "confE164": number, "mtid": "1", "level": 0.5}
    unit.sends({**notice, **unit.me})
    for manager in (cm, other):
        heard = manager.hears("MCU_CM_SPEAKING_NTF")
        assert heard.body == {**notice, **unit.me}
        assert (heard.exchange, heard.key) == ("meeting.mccntf.ex", "meeting.mccntf.k")
    other.leave()


def test_control_of_no_conference_is_29010(cm: Manager) -> None:
    request = cm.asks("CM_MCU_MUTE_REQ", confE164="4040404", value=1)
    nack = cm.is_refused("29010", request)
    assert {k: nack[k] for k in ("type", "reqid", "confE164")} == {
        "type": "MCU_CM_MUTE_NACK",
        "reqid": request.reqid,
        "confE164": "4040404",
    }


@pytest.mark.parametrize("kind", ["MCU_CM_MUTE_ACK", "MCU_CM_SPEAKING_NTF"])
def test_what_another_unit_says_of_a_conference_is_ignored(
    cm: Manager, units: Units, kind: str
) -> None:
    unit, stranger = units(), units(known=False)
    number = start(cm, unit)["confE164"]
    request = cm.asks("CM_MCU_MUTE_REQ", confE164=number, value=1)
    order = unit.hears("CM_MCU_MUTE_REQ")
    stranger.sends(
        {"type": kind, "reqid": request.reqid, "confE164": number, **stranger.me},
        correlation_id=order.properties.correlation_id,
    )
    cm.line.quiet()
    assert cm.answers(request) == cm.has_heard(kind) == []
    answer = answers(unit, order, "ACK")
    assert cm.answer(request).body == answer


@pytest.mark.parametrize("wire_type", ["CM_MCU_MUTE", "CM_MCU_MUTE_NTF", "CM_MCU__REQ"])
def test_what_is_neither_a_request_nor_a_command_is_not_passed_on(
    cm: Manager, unit: MediaUnit, wire_type: str
) -> None:
    number = start(cm, unit)["confE164"]
    cm.asks(wire_type, confE164=number)
    cm.line.quiet()
    assert not unit.has_heard(wire_type)


@pytest.mark.parametrize("number", [None, 8800001, "88-00", "", "1" * 17])
def test_control_without_a_number_that_can_be_read_is_29001(cm: Manager, number: object) -> None:
    request = cm.asks("CM_MCU_MUTE_REQ", confE164=number, value=1)
    nack = cm.is_refused("29001", request)
    assert nack["type"] == "MCU_CM_MUTE_NACK"
    assert nack["detail"].startswith("confE164")

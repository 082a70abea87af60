"""Gates of telephones ask the scheduler whether callers may enter, by number and PIN."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from conferences.data.callers import MAX_WRONG_PINS_OF_CALLER
from tests.wire.actors import Manager, MediaUnit
from tests.wire.conftest import Units
from tests.wire.line import PATIENCE, Body, Line, ReceivedMessage, Tap
from tests.wire.saying import member, start

pytestmark = pytest.mark.xdist_group("wire")

TO_CSS, TO_GATES = ("mau.apsmau.ex", "mau.apsmau.k"), ("aps.conf.ex", "aps.conf.k")


class Gate(Tap):
    """A gate of telephones, which hears what is told to all gates."""

    def __init__(self, line: Line) -> None:
        super().__init__(line, TO_GATES)

    def asks(self, number: str, **fields: Any) -> Body:
        """Ask whether a caller may enter, each time another one unless told otherwise; return the answer."""
        caller, callid = f"+49{uuid.uuid4().int % 10**9}", uuid.uuid4().hex
        usual = {"pin": "", "pass": "", "from": caller, "name": "Desk", "callid": callid}
        body = {"type": "APS_CSS_ENTER_REQ", "reqid": uuid.uuid4().hex, "confE164": number}
        mark = uuid.uuid4().hex
        properties = {"correlation_id": mark, "reply_to": self.queue, "app_id": "aps@10.0.0.9"}
        self.line.say(*TO_CSS, body | usual | fields, **properties)

        def answer() -> ReceivedMessage | None:
            return next(
                (message for message in self.heard if message.properties.correlation_id == mark),
                None,
            )

        message = self.line.wait(answer, PATIENCE, lambda: f"an answer to {body}")
        return message.body

    def is_refused(self, entry: str, number: str, **fields: Any) -> None:
        answer = self.asks(number, **fields)
        assert (answer["type"], answer.get("entry")) == ("CSS_APS_ENTER_NACK", entry), answer

    def enters(self, number: str, **fields: Any) -> Body:
        answer = self.asks(number, **fields)
        assert answer["type"] == "CSS_APS_ENTER_ACK", answer
        return answer


@pytest.fixture
def gate(line: Line) -> Iterator[Gate]:
    opened = Gate(line)
    yield opened
    opened.leave()


def reports(unit: MediaUnit, conf: Body, **fields: Any) -> None:
    same = {name: conf[name] for name in ("confE164", "incarnation")}
    unit.says("MCU_MAU_CONFSTATECHANGE_NTF", **same, **fields)


def test_number_and_pin_open_a_conference_and_a_pass_brings_back(
    cm: Manager, unit: MediaUnit, gate: Gate
) -> None:
    conf = start(cm, unit, confpwd="4711")
    number, call = conf["confE164"], {"from": "+491", "callid": "c1"}
    for pin in ("", "12"):
        gate.is_refused("pin", number, pin=pin)
    gate.is_refused("pin", "77999000111", pin="4711")
    answer = gate.enters(number, pin="4711", **call)
    assert answer["mcu"] == unit.me
    assert answer["incarnation"] == conf["incarnation"]
    again = gate.enters(number, **{"pass": answer["pass"]}, **call)
    assert [again[name] for name in ("mtid", "visitor")] == [
        answer[name] for name in ("mtid", "visitor")
    ]
    gate.is_refused("pin", number, **{"pass": answer["pass"] + "x"})


def test_without_a_pin_no_number_is_open(cm: Manager, unit: MediaUnit, gate: Gate) -> None:
    number = start(cm, unit)["confE164"]
    gate.is_refused("pin", number)
    gate.is_refused("pin", number, pin="1")


def test_a_caller_who_tries_too_often_waits(cm: Manager, unit: MediaUnit, gate: Gate) -> None:
    number = start(cm, unit, confpwd="4711")["confE164"]
    caller = {"from": f"+49{uuid.uuid4().int % 10**9}"}
    for _ in range(MAX_WRONG_PINS_OF_CALLER):
        gate.is_refused("pin", number, pin="1", **caller)
    gate.is_refused("later", number, pin="4711", **caller)
    gate.enters(number, pin="4711")


def test_lock_lobby_and_removal_hold_for_telephones(
    cm: Manager, unit: MediaUnit, gate: Gate
) -> None:
    conf = start(cm, unit, confpwd="4711")
    number, call = conf["confE164"], {"from": "+492", "callid": "c2"}
    inside = gate.enters(number, pin="4711", **call)

    def reported(entry: str, settings: Body, **fields: Any) -> None:
        reports(unit, conf, settings=settings)
        cm.line.wait(
            lambda: gate.asks(number, **fields).get("entry") == entry or None,
            PATIENCE,
            lambda: f"a caller is answered {entry}",
        )

    reported("locked", {"locked": 1}, pin="4711")
    gate.enters(number, **{"pass": inside["pass"]}, **call)
    reported("waiting", {"lobby": 1}, pin="4711")
    removed = {"banned": [{"visitor": inside["visitor"]}]}
    reported("removed", removed, pin="4711", **call)
    gate.is_refused("removed", number, **{"pass": inside["pass"]}, **call)


def test_a_full_conference_takes_no_telephone(cm: Manager, unit: MediaUnit, gate: Gate) -> None:
    conf = start(cm, unit, confpwd="4711", maxjoinedmt=8)
    reports(unit, conf, mts=[member(number) for number in range(8)])
    cm.line.wait(
        lambda: gate.asks(conf["confE164"], pin="4711").get("entry") == "full" or None,
        PATIENCE,
        lambda: "the conference is full",
    )


def test_gates_are_told_where_a_restored_conference_is(
    cm: Manager, units: Units, gate: Gate
) -> None:
    first, second = units(), units()
    request = cm.asks_to_create(confpwd="4711")
    both = (first, second)
    taker = cm.line.wait(
        lambda: next((unit for unit in both if unit.has_heard("MAU_MCU_CREATECONF_REQ")), None),
        PATIENCE,
        lambda: "a unit is chosen",
    )
    taker.takes()
    number = cm.answer(request)["confE164"]
    other = second if taker is first else first
    taker.unregisters()
    other.takes_again(confE164=number)
    notice = gate.hears("CSS_APS_MOVED_NTF", confE164=number)
    assert (notice["mcu"], notice["incarnation"]) == (other.me, 2)
    assert gate.enters(number, pin="4711")["mcu"] == other.me

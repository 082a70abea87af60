"""A simulated media unit has faults on demand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import pytest

from foundation.bus.message import to_body
from foundation.bus.outgoing import Send
from media_unit.simulated_faults import Fault, FaultOrder, FaultyUnit, ProcessState
from media_unit.simulated_unit import SimulatedUnit, UnitDescription
from wire.routes import Routes

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_unit(*, chances: tuple[float, ...] = (0.5,)) -> FaultyUnit:
    drawn = cycle(chances)
    faulty_unit = FaultyUnit(
        SimulatedUnit(UnitDescription(ip="10.0.0.1", pid="s1")), lambda: next(drawn)
    )
    faulty_unit.connect(NOW)
    return faulty_unit


def apply_fault(unit: FaultyUnit, text: str, seconds: float = 0) -> list[str]:
    return types(unit.apply_fault(FaultOrder.parse(text), after(seconds)))


def create(unit: FaultyUnit, incarnation: int = 1, seconds: float = 0) -> list[str]:
    body: dict[str, Any] = {"type": "MAU_MCU_CREATECONF_REQ", "confE164": "8801", "confid": "c1"}
    body |= {"incarnation": incarnation, "confname": "Monday", "maxjoinedmt": 8}
    sends = unit.handle(body, "asked-1", after(seconds))
    assert all(send.correlation_id == "asked-1" for send in sends)
    return types(sends)


def tick(unit: FaultyUnit, seconds: float) -> list[str]:
    return types(unit.tick(after(seconds)))


def types(sends: list[Send]) -> list[str]:
    short = {"RMS_NODE_REGISTER_NTF": "register", "RMS_NODE_STATE_NTF": "beat"}
    short |= {"CMU_MAU_CONFLIST_NTF": "list", "RMS_NODE_UNREGISTER_NTF": "unregister"}
    short |= {"MCU_MAU_CREATECONF_ACK": "ack", "MCU_MAU_CREATECONF_NACK": "nack"}
    for send in sends:
        own = send.message.type.startswith("RMS_")
        assert send.route is (Routes.NODE_TO_RMS if own else Routes.UNIT_TO_CSS)
    return [short[to_body(send.message)["type"]] for send in sends]


def test_a_sound_unit_beats_every_3_seconds_and_lists_every_60() -> None:
    unit = a_unit()
    assert types(unit.connect(NOW)) == ["register", "list"]
    ticks = [tick(unit, second) for second in range(1, 121)]
    assert sum("beat" in sends for sends in ticks) == 40
    assert [i + 1 for i, sends in enumerate(ticks) if "list" in sends] == [60, 120]
    assert types(unit.unregister()) == ["unregister"]


def test_a_clock_that_is_set_back_does_not_silence_it() -> None:
    unit = a_unit()
    tick(unit, 1)
    assert "beat" in tick(unit, -3600)


def test_refuse() -> None:
    unit = a_unit()
    apply_fault(unit, "refuse:s1:seconds=5")
    assert create(unit) == ["nack"]
    assert create(unit, 2, seconds=6) == ["ack"]


def test_a_share_of_the_commands_is_hit() -> None:
    unit = a_unit(chances=(0.05, 0.5))
    apply_fault(unit, "refuse:0.1")
    assert [create(unit, n) for n in (1, 2, 3, 4)] == [["nack"], ["ack"], ["nack"], ["ack"]]


def test_silent_does_what_it_is_told_and_only_beats() -> None:
    unit = a_unit()
    apply_fault(unit, "silent")
    assert create(unit) == []
    assert unit.unit.load.confs == 1
    assert tick(unit, 61) == ["beat"]
    apply_fault(unit, "none", 62)
    assert create(unit, seconds=62) == ["ack"]


def test_late_answers_come_after_their_time() -> None:
    unit = a_unit()
    apply_fault(unit, "late:s1:seconds=2")
    assert create(unit) == []
    assert "ack" not in tick(unit, 1.9)
    assert "ack" in tick(unit, 2)
    assert "ack" not in tick(unit, 2.1)


def test_twice_answers_twice() -> None:
    unit = a_unit()
    apply_fault(unit, "twice")
    assert create(unit) == ["ack", "ack"]


def test_a_dead_unit_says_nothing_and_comes_back_empty() -> None:
    unit = a_unit()
    create(unit)
    apply_fault(unit, "die:s1:seconds=20")
    assert not unit.is_consuming
    assert unit.unregister() == []
    assert unit.connect(after(5)) == []
    assert tick(unit, 19) == []
    assert tick(unit, 20)[:2] == ["register", "list"]
    assert unit.unit.conferences == {}
    assert unit.is_consuming


def test_a_dead_unit_stays_away_until_it_is_told_otherwise() -> None:
    unit = a_unit()
    apply_fault(unit, "die")
    assert tick(unit, 10**6) == []
    assert apply_fault(unit, "freeze:s1:seconds=1", 10**6) == []
    assert unit.state is ProcessState.DEAD
    assert apply_fault(unit, "none", 10**6) == ["register", "list"]


def test_a_frozen_unit_goes_on_with_what_it_had() -> None:
    unit = a_unit()
    create(unit)
    apply_fault(unit, "freeze:s1:seconds=30")
    assert tick(unit, 29) == []
    assert tick(unit, 30) == ["beat"]
    assert list(unit.unit.conferences) == ["8801"]


def test_a_unit_that_was_frozen_when_the_broker_restarted_registers_again() -> None:
    unit = a_unit()
    apply_fault(unit, "freeze:s1:seconds=30")
    assert unit.connect(after(10)) == []
    assert tick(unit, 30)[:2] == ["register", "list"]


def test_an_old_list_holds_what_was_there_when_it_was_asked_for() -> None:
    unit = a_unit()
    create(unit, 1)
    apply_fault(unit, "old_list:s1:seconds=10")
    assert create(unit, 2, seconds=1) == ["ack"]
    assert tick(unit, 10)[:2] == ["register", "list"]
    assert unit.unit.conferences["8801"].incarnation == 1
    assert create(unit, 1, seconds=11) == ["ack"]


def test_wishes_of_people_in_a_conference() -> None:
    unit = a_unit()
    create(unit)
    fields = {"confE164": "8801", "confname": "Tuesday", "delay": 30}
    messages = [
        unit.act_for_participant({"do": do, **fields}, NOW) for do in ("rename", "extend", "end")
    ]
    assert [send.message.type for (send,) in messages] == [
        "MCU_MAU_MODIFYCONFNAME_REQ",
        "MCU_MAU_DELAYCONF_REQ",
        "MCU_MAU_RELEASECONF_NTF",
    ]
    assert unit.act_for_participant({"do": "end", "confE164": "8801"}, NOW) == []


def test_orders_are_read_from_text_and_from_the_control_queue() -> None:
    order = FaultOrder.parse("late:s3:0.5:seconds=2")
    assert order == FaultOrder(fault=Fault.LATE, unit="s3", share=0.5, seconds=2)
    assert FaultOrder.of(order.body) == order
    assert FaultOrder.of({"unit": "*", "fault": "die"}) == FaultOrder(fault=Fault.DIE)


@pytest.mark.parametrize("text", ["dance", "refuse:1.5", "late:seconds=-1", "late:speed=3", ""])
def test_orders_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FaultOrder.parse(text)

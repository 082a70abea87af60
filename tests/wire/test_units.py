"""Units that refuse, are silent, or come back with what is no longer theirs, while a conference is created."""

from __future__ import annotations

import pytest

from tests.wire.actors import TENANT, Manager, MediaUnit, OtherRms
from tests.wire.conftest import Units
from tests.wire.saying import start

pytestmark = pytest.mark.xdist_group("wire")


def first_and_second(*units: MediaUnit) -> tuple[MediaUnit, MediaUnit]:
    """Return the two units, the one that was told first before the other."""
    asked_units = [u for u in units if u.has_heard("MAU_MCU_CREATECONF_REQ")]
    first = asked_units[0]
    return first, next(u for u in units if u is not first)


def await_order(cm: Manager, *units: MediaUnit) -> tuple[MediaUnit, MediaUnit]:
    """Wait until one of the units has been told."""

    def told() -> bool | None:
        return any(u.has_heard("MAU_MCU_CREATECONF_REQ") for u in units) or None

    cm.line.wait(told, 20, lambda: "a create command")
    return first_and_second(*units)


def test_a_unit_that_refuses_is_told_to_drop_it_and_the_next_one_has_a_higher_incarnation(
    cm: Manager, units: Units
) -> None:
    first, second = units(), units()
    request = cm.asks_to_create()
    first, second = await_order(cm, first, second)
    order = first.hears("MAU_MCU_CREATECONF_REQ")
    first.refuses(order)
    first.drops(order["confE164"], order["incarnation"])
    again = second.takes()
    assert again["incarnation"] == order["incarnation"] + 1
    assert again["confid"] == order["confid"]
    assert cm.answer(request)["mcu"] == {"ip": second.ip}


def test_the_rms_is_asked_to_leave_out_the_units_that_were_tried(
    cm: Manager, units: Units, rms: OtherRms
) -> None:
    first, second = units(known=False, pid="a"), units(known=False)
    request = cm.asks_to_create()
    rms.grants(rms.is_asked(), first)
    first.refuses(first.hears("MAU_MCU_CREATECONF_REQ"))
    question = rms.is_asked()
    assert question["exclude"] == [first.me]
    assert rms.hears("CSS_RMS_RES_NTF")["state"] == "free"
    rms.grants(question, second)
    second.takes()
    assert cm.answer(request)["mcu"] == second.me


def test_after_three_units_that_refuse_the_asker_has_29015(cm: Manager, units: Units) -> None:
    four = [units() for _ in range(4)]
    request = cm.asks_to_create()
    tried: list[MediaUnit] = []
    for _ in range(3):
        left = [u for u in four if u not in tried]
        now, _other = await_order(cm, *left)
        now.refuses(now.hears("MAU_MCU_CREATECONF_REQ"))
        tried.append(now)
    cm.is_refused("29015", request)
    assert not any(u.has_heard("MAU_MCU_CREATECONF_REQ") for u in four)
    assert cm.lists(TENANT)["total"] == 0


def test_one_unit_alone_that_refuses_is_29015_not_29502(cm: Manager, unit: MediaUnit) -> None:
    request = cm.asks_to_create()
    why = "mts: nobody can call sip terminals here"
    unit.refuses(unit.hears("MAU_MCU_CREATECONF_REQ"), detail=why)
    assert cm.is_refused("29015", request)["detail"] == why


def test_a_unit_that_is_lost_while_it_creates_is_left_for_the_next_one(
    cm: Manager, units: Units
) -> None:
    first, second = units(), units()
    request = cm.asks_to_create()
    first, second = await_order(cm, first, second)
    first.unregisters()
    second.takes()
    assert cm.answer(request)["mcu"] == {"ip": second.ip}


@pytest.mark.parametrize("step", [-1, 1])
def test_an_ack_of_another_incarnation_is_a_ghosts_and_is_dropped(
    cm: Manager, unit: MediaUnit, step: int
) -> None:
    number = "7712340003"
    start(cm, unit, confE164=number)
    cm.release(number)
    unit.heard.clear()
    request = cm.asks_to_create(confE164=number)
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    unit.accepts(order, incarnation=order["incarnation"] + step)
    unit.drops(number, order["incarnation"] + step)
    assert cm.answers(request) == []
    unit.accepts(order)
    assert cm.answer(request)["type"] == "MAU_CM_CREATECONF_ACK"


@pytest.mark.parametrize("step", [-1, 1])
def test_a_nack_of_another_incarnation_is_ignored(cm: Manager, unit: MediaUnit, step: int) -> None:
    number = "7712340005"
    start(cm, unit, confE164=number)
    cm.release(number)
    request = cm.asks_to_create(confE164=number)
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    unit.refuses(order, incarnation=order["incarnation"] + step)
    cm.line.quiet()
    unit.accepts(order)
    assert cm.answer(request)["type"] == "MAU_CM_CREATECONF_ACK"


def test_an_answer_of_another_unit_is_no_answer(cm: Manager, units: Units) -> None:
    first, second = units(), units(known=False)
    request = cm.asks_to_create()
    order = first.hears("MAU_MCU_CREATECONF_REQ")
    second.accepts(order)
    second.refuses(order)
    cm.line.quiet()
    assert cm.answers(request) == []
    first.accepts(order)
    assert cm.answer(request)["mcu"] == {"ip": first.ip}


def test_an_ack_said_twice_counts_once(cm: Manager, unit: MediaUnit) -> None:
    request = cm.asks_to_create()
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    unit.accepts(order)
    unit.accepts(order)
    assert cm.answer(request)["type"] == "MAU_CM_CREATECONF_ACK"
    cm.line.quiet()
    assert cm.answers(request) == []
    assert not unit.has_heard("MAU_MCU_RELEASECONF_CMD")


def test_a_nack_after_the_ack_changes_nothing(cm: Manager, unit: MediaUnit) -> None:
    request = cm.asks_to_create()
    order = unit.takes()
    number = cm.answer(request)["confE164"]
    unit.refuses(order)
    cm.line.quiet()
    assert cm.sees(number, "running")


def test_a_burst_is_spread_evenly_over_equal_units(cm: Manager, units: Units) -> None:
    three = [units() for _ in range(3)]
    requests = [cm.asks_to_create() for _ in range(12)]
    for unit in three:
        for _ in range(4):
            unit.takes()
    assert {cm.answer(a)["type"] for a in requests} == {"MAU_CM_CREATECONF_ACK"}

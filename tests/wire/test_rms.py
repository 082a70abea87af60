"""The resource pool, asked by somebody else: who gets which unit, and for how long."""

from __future__ import annotations

import time

import pytest

from deploy.stand.site import Site
from tests.wire.actors import NODE_TO_RMS, Asker, Manager, MediaUnit
from tests.wire.conftest import Units
from tests.wire.line import ReceivedMessage
from tests.wire.saying import is_well_formed, start
from tests.wire.world import new_room, new_tenant, room_is

pytestmark = pytest.mark.xdist_group("wire")

ONE_PLACE = {"confs": 1, "ports": 8, "hd": 1}
ROOMS_REMEMBERED = 1.0


def granted_unit(answer: ReceivedMessage) -> str:
    """Return the address of the unit that an answer names."""
    return str(answer["mcu"]["ip"]) if answer.body.get("mcu") else ""


def test_a_free_unit_is_granted_field_by_field(asker: Asker, units: Units, platform: str) -> None:
    unit = units(pid="r1", platformmoid="p-of-the-unit")
    mark = asker.asks(confE164="9900001", maxjoinedmt=8, resolution="720p", exclude=[])
    ack = asker.answer(mark)
    assert ack.body == {
        "type": "GET_RES_ACK",
        "mcu": {"ip": unit.ip, "pid": "r1", "platformmoid": "p-of-the-unit"},
    }
    assert ack.exchange == ""
    is_well_formed(ack, f"rms@{platform}")


def test_without_a_unit_the_ack_names_none(asker: Asker, units: Units) -> None:
    assert asker.ask().body == {"type": "GET_RES_ACK"}


def test_a_question_needs_only_the_tenant(asker: Asker, unit: MediaUnit) -> None:
    assert granted_unit(asker.ask(res=None)) == unit.ip


def test_reqid_is_echoed(asker: Asker, unit: MediaUnit) -> None:
    assert asker.ask(reqid="q-1")["reqid"] == "q-1"
    assert asker.ask(reqid="q-2", res="mcu")["reqid"] == "q-2"


def test_recorder_and_mixer_are_given_with_it_where_there_are_any(
    asker: Asker, units: Units
) -> None:
    units()
    all_three = ["mcu", "vrs", "mps"]
    assert set(asker.ask(res=all_three).body) == {"type", "mcu"}
    recorder, mixer = units(restype="vrs"), units(restype="mps")
    answer = asker.ask(res=all_three)
    assert answer["vrs"] == {"ip": recorder.ip}
    assert answer["mps"] == {"ip": mixer.ip}
    assert set(asker.ask(res=["mcu"]).body) == {"type", "mcu"}


def test_what_is_excluded_is_not_given(asker: Asker, units: Units) -> None:
    first, second = units(), units(pid="x1")
    assert granted_unit(asker.ask(exclude=[first.me])) == second.ip
    assert granted_unit(asker.ask(exclude=[second.me])) == first.ip
    assert granted_unit(asker.ask(exclude=[second.me, first.ip])) == ""
    assert granted_unit(asker.ask(exclude=[{"ip": second.ip}, first.me])) == second.ip


def test_the_same_places_are_never_given_twice(asker: Asker, units: Units) -> None:
    unit = units(capacity=ONE_PLACE)
    marks = [asker.asks(confE164=f"99001{n:02d}") for n in range(10)]
    assert sorted(granted_unit(asker.answer(mark)) for mark in marks) == [""] * 9 + [unit.ip]


def test_given_back_it_is_free_again(asker: Asker, units: Units) -> None:
    unit = units(capacity=ONE_PLACE)
    assert granted_unit(asker.ask(confE164="9900200")) == unit.ip
    assert granted_unit(asker.ask(confE164="9900201")) == ""
    notice = {"type": "CSS_RMS_RES_NTF", "confE164": "9900200", "incarnation": 1}
    asker.sends({**notice, "mcu": unit.me, "state": "free"})
    asker.line.wait(
        lambda: granted_unit(asker.ask(confE164="9900202")) or None, 20, lambda: "a free place"
    )


def test_asking_again_for_the_same_conference_takes_no_second_place(
    asker: Asker, units: Units
) -> None:
    unit = units(capacity=ONE_PLACE)
    for _ in range(3):
        assert granted_unit(asker.ask(confE164="9900300")) == unit.ip


def test_what_a_unit_says_is_taken_by_others_is_not_given(asker: Asker, units: Units) -> None:
    load = {"confs": 2, "ports": 16, "hd": 0}
    units(capacity={"confs": 3, "ports": 20, "hd": 0}, load=load)
    assert granted_unit(asker.ask()) == ""
    assert granted_unit(asker.ask(maxjoinedmt=4)) != ""


def test_the_unit_with_most_free_places_is_chosen(asker: Asker, units: Units) -> None:
    units(capacity={"confs": 20, "ports": 100, "hd": 0})
    roomy = units(capacity={"confs": 20, "ports": 300, "hd": 0})
    assert granted_unit(asker.ask()) == roomy.ip


def test_a_large_conference_wants_a_unit_that_holds_all_of_it(asker: Asker, units: Units) -> None:
    units(capacity={"confs": 20, "ports": 191, "hd": 0})
    assert granted_unit(asker.ask(maxjoinedmt=192)) == ""
    large = units(capacity={"confs": 1, "ports": 192, "hd": 0})
    assert granted_unit(asker.ask(maxjoinedmt=192)) == large.ip


def test_units_of_the_tenants_room_come_first_and_others_when_it_is_full_or_down(
    asker: Asker, units: Units, site: Site
) -> None:
    room = new_room(site)
    tenant = new_tenant(site, room_id=f"'{room}'")
    away = units(capacity={"confs": 20, "ports": 400, "hd": 0})
    home = units(roommoid=room, capacity={"confs": 2, "ports": 16, "hd": 0})
    # a room is known within a second
    asker.line.wait(
        lambda: granted_unit(asker.ask(moid=tenant, confE164="9900500")) == home.ip or None,
        20,
        lambda: "the tenant's room",
    )
    assert granted_unit(asker.ask(moid=tenant, confE164="9900501")) == home.ip
    assert granted_unit(asker.ask(moid=tenant, confE164="9900502")) == away.ip
    notice = {"type": "CSS_RMS_RES_NTF", "incarnation": 1, "mcu": home.me, "state": "free"}
    for number in ("9900500", "9900501"):
        asker.sends({**notice, "confE164": number})
    room_is(site, room, abnormal=True)
    # What is remembered of rooms is a second old at most. To ask earlier would not do: a place that was given stays.
    time.sleep(ROOMS_REMEMBERED + 0.1)
    assert granted_unit(asker.ask(moid=tenant, confE164="9900503")) == away.ip
    room_is(site, room, abnormal=False)


def test_a_heartbeat_of_an_unknown_unit_registers_it(asker: Asker, units: Units) -> None:
    unit = units(known=False)
    unit.registers("RMS_NODE_STATE_NTF")
    asker.line.wait(lambda: granted_unit(asker.ask()) == unit.ip or None, 20, lambda: "the unit")


def test_a_unit_that_unregisters_is_given_no_more(asker: Asker, units: Units) -> None:
    unit = units()
    assert granted_unit(asker.ask()) == unit.ip
    unit.unregisters()
    asker.line.wait(lambda: None if granted_unit(asker.ask()) else True, 20, lambda: "no unit")


def test_a_question_asked_too_long_ago_is_refused_as_expired(asker: Asker, unit: MediaUnit) -> None:
    body = {"type": "GET_RES_REQ", "moid": "x", "res": ["mcu"], "reqid": "old"}
    nack = asker.answer(asker.sends(body, timestamp=int(time.time()) - 7200))
    assert (nack["type"], nack["errcode"], nack["reqid"]) == ("GET_RES_NACK", "29005", "old")


@pytest.mark.parametrize(
    "fields",
    [
        {"moid": None},
        {"moid": 7},
        {"moid": ""},
        {"res": "mcu"},
        {"res": ["janitor"]},
        {"confE164": "12x"},
        {"confE164": 12},
        {"maxjoinedmt": 0},
        {"maxjoinedmt": "many"},
        {"resolution": "8k"},
        {"exclude": 7},
        {"exclude": "10.0.0.1"},
        {"exclude": [7]},
        {"exclude": [{"ip": 7}]},
        {"exclude": [None]},
    ],
    ids=str,
)
def test_a_question_that_cannot_be_read_is_29001_and_the_next_one_is_answered(
    asker: Asker, unit: MediaUnit, fields: dict[str, object]
) -> None:
    bad = asker.answer(asker.asks(**fields))
    assert (bad["type"], bad["errcode"]) == ("GET_RES_NACK", "29001")
    assert bad["detail"].startswith(next(iter(fields)))
    assert granted_unit(asker.ask()) == unit.ip


def test_a_unit_may_say_its_capacity_anew(asker: Asker, units: Units) -> None:
    unit = units(capacity={"confs": 0, "ports": 0, "hd": 0})
    assert granted_unit(asker.ask()) == ""
    unit.plate["capacity"] = {"confs": 1, "ports": 8, "hd": 0}
    unit.beats()
    asker.line.wait(lambda: granted_unit(asker.ask()) == unit.ip or None, 20, lambda: "a place")


@pytest.mark.parametrize(
    "body",
    [
        {"restype": "mcu", "capacity": {"confs": 5, "ports": 50}},
        {"restype": "robot", "ip": "10.99.0.1", "capacity": {"confs": 5, "ports": 50}},
        {"restype": "mcu", "ip": 7, "capacity": {"confs": 5, "ports": 50}},
        {"restype": "mcu", "ip": "10.99.0.2", "pid": "Not-Allowed", "capacity": {"confs": 5}},
        {"restype": "mcu", "ip": "10.99.0.3", "pid": "x" * 17, "capacity": {"confs": 5}},
        {"restype": "mcu", "ip": "10.99.0.4"},
        {"restype": "mcu", "ip": "10.99.0.5", "capacity": "all"},
        {"restype": "mcu", "ip": "10.99.0.6", "capacity": {"confs": -1}},
        {"restype": "mcu", "ip": "10.99.0.7", "capacity": {"confs": 1e300}},
        {"restype": "mcu", "ip": "10.99.0.8", "capacity": {"confs": 1}, "load": [1]},
        {"restype": "mcu", "ip": "10.99.0.9", "capacity": {"confs": 1}, "roommoid": {"a": 1}},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["REGISTER", "STATE"])
def test_a_registration_that_cannot_be_read_registers_nobody(
    cm: Manager, units: Units, asker: Asker, body: dict[str, object], kind: str
) -> None:
    cm.line.say(*NODE_TO_RMS, {"type": f"RMS_NODE_{kind}_NTF", **body}, app_id="cmu@10.99.0.0")
    unit = units()
    assert granted_unit(asker.ask(maxjoinedmt=1)) == unit.ip
    assert granted_unit(asker.ask(maxjoinedmt=1, exclude=[unit.me])) == ""


def test_places_in_use_are_not_given_besides(cm: Manager, units: Units, asker: Asker) -> None:
    unit = units(capacity={"confs": 5, "ports": 15, "hd": 0})
    start(cm, unit)
    assert granted_unit(asker.ask()) == ""
    assert granted_unit(asker.ask(maxjoinedmt=7)) == unit.ip

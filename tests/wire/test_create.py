"""Create: from CM's request over the RMS and the unit to CM's answer, field by field."""

from __future__ import annotations

import pytest

from tests.wire.actors import TENANT, TO_UPU, Manager, MediaUnit, OtherRms
from tests.wire.conftest import Taps, Units
from tests.wire.saying import is_well_formed, minutes_from_now, moment, start

pytestmark = pytest.mark.xdist_group("wire")

MTS = [
    {"account": "8801", "name": "Room 1", "type": "e164"},
    {"account": "sip:ben@example.org", "name": "Ben", "type": "sip"},
]


def test_a_created_conference_is_answered_with_all_its_fields_and_no_others(
    cm: Manager, unit: MediaUnit, platform: str
) -> None:
    request = cm.asks_to_create(confname="Board", duration=60)
    order = unit.takes()
    ack = cm.answer(request)
    assert ack.body == {
        "type": "MAU_CM_CREATECONF_ACK",
        "reqid": request.reqid,
        "confE164": order["confE164"],
        "confid": order["confid"],
        "confname": "Board",
        "mcu": {"ip": unit.ip},
        "starttime": ack["starttime"],
        "endtime": ack["endtime"],
        "join": unit.join(order["confE164"]),
    }
    assert minutes_from_now(0, ack["starttime"])
    assert minutes_from_now(60, ack["endtime"])
    assert ack.exchange == ""
    assert ack.properties.correlation_id == request.mark
    is_well_formed(ack, f"css@{platform}")


def test_the_unit_is_told_what_was_asked_for(cm: Manager, unit: MediaUnit, platform: str) -> None:
    cm.asks_to_create(
        confname="Board",
        confpwd="secret",
        duration=60,
        maxjoinedmt=32,
        resolution="1080p",
        h265=1,
        bitrate=2048,
        mts=MTS,
    )
    order = unit.takes()
    members = order.body.pop("mts")
    assert order.body == {
        "type": "MAU_MCU_CREATECONF_REQ",
        "confE164": order["confE164"],
        "confid": order["confid"],
        "incarnation": order["incarnation"],
        "confname": "Board",
        "confpwd": "secret",
        "maxjoinedmt": 32,
        "resolution": "1080p",
        "bitrate": 2048,
        "h265": 1,
        "record": 0,
        "hasxmpu": 0,
        "endtime": order["endtime"],
        "platformmoid": platform,
    }
    assert order["incarnation"] >= 1
    assert minutes_from_now(60, order["endtime"])
    assert [{k: m[k] for k in ("account", "name", "type")} for m in members] == MTS
    assert len({m["mtid"] for m in members}) == 2


def test_a_command_to_a_unit_expires_and_wants_no_reply(
    cm: Manager, unit: MediaUnit, platform: str
) -> None:
    cm.asks_to_create()
    order = unit.takes()
    assert order.properties.expiration == "15000"
    assert order.properties.reply_to is None
    is_well_formed(order, f"css@{platform}")


def test_what_is_left_out_takes_its_default(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit)
    listed = cm.lists(TENANT)["confs"][0]
    assert minutes_from_now(240, conf["endtime"])
    assert (listed["conftype"], listed["maxjoinedmt"]) == (1, 8)


def test_a_conference_until_ended_has_no_end_anywhere(cm: Manager, unit: MediaUnit) -> None:
    request = cm.asks_to_create(duration=0)
    order = unit.takes()
    ack = cm.answer(request)
    assert "endtime" not in order.body
    assert "endtime" not in ack.body
    assert "endtime" not in cm.lists(TENANT)["confs"][0]


def test_flags_may_be_booleans(cm: Manager, unit: MediaUnit) -> None:
    cm.asks_to_create(h265=True, autoend=False, record=False, dr=True)
    assert unit.takes()["h265"] == 1


def test_unknown_fields_are_ignored(cm: Manager, unit: MediaUnit) -> None:
    assert start(cm, unit, colour="blue", deep={"er": [1, 2]})["confname"] == "Board"


def test_a_name_may_be_of_any_script(cm: Manager, unit: MediaUnit) -> None:
    name = "董事会 — Größe 🎥"
    request = cm.asks_to_create(confname=name)
    assert unit.takes()["confname"] == name
    assert cm.answer(request)["confname"] == name


def test_a_request_without_reqid_is_answered_without_one(cm: Manager, unit: MediaUnit) -> None:
    request = cm.asks_to_create(reqid=None)
    unit.takes()
    assert "reqid" not in cm.answer(request).body


def test_a_request_without_any_id_is_answered_where_it_said(cm: Manager, unit: MediaUnit) -> None:
    body = {"type": "CM_MAU_CREATECONF_REQ", "moid": TENANT, "creator": {}, "confname": "No id"}
    request = cm.sends(body, message_id=None)
    unit.takes()
    ack = cm.answer(request)
    assert ack["type"] == "MAU_CM_CREATECONF_ACK"
    assert ack.exchange == ""


def test_a_request_without_reply_to_is_answered_on_the_managers_route(
    cm: Manager, unit: MediaUnit
) -> None:
    body = {"type": "CM_MAU_CREATECONF_REQ", "reqid": "r", "moid": TENANT, "confname": "Open"}
    request = cm.sends({**body, "creator": {"moid": "a1", "name": "Anna"}}, reply_to=None)
    unit.takes()
    ack = cm.answer(request)
    assert (ack.exchange, ack.key) == ("MEETING.CSS.EX", "MEETING.CSS.K")
    assert ack["reqid"] == "r"


def test_a_unit_with_an_instance_name_is_spoken_to_and_shown_by_both(
    cm: Manager, units: Units
) -> None:
    unit = units(pid="b2")
    assert start(cm, unit)["mcu"] == {"ip": unit.ip, "pid": "b2"}
    assert cm.lists(TENANT)["confs"][0]["mcu"] == {"ip": unit.ip, "pid": "b2"}


def test_two_instances_at_one_address_are_two_units(cm: Manager, units: Units) -> None:
    unit = units(pid="u1", capacity={"confs": 1, "ports": 8, "hd": 0})
    two = units(unit.ip, "u2", capacity={"confs": 1, "ports": 8, "hd": 0})
    requests = [cm.asks_to_create(), cm.asks_to_create()]
    unit.takes()
    two.takes()
    assert {cm.answer(a)["mcu"]["pid"] for a in requests} == {"u1", "u2"}


def test_a_unit_that_does_not_name_itself_is_known_by_its_app_id(
    cm: Manager, unit: MediaUnit
) -> None:
    request = cm.asks_to_create()
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    same = {name: order[name] for name in ("confE164", "incarnation")}
    unit.says("MCU_MAU_CREATECONF_ACK", named=False, **same)
    ack = cm.answer(request)
    assert ack["mcu"] == {"ip": unit.ip}
    assert "join" not in ack.body


def test_an_app_id_names_an_address_and_so_speaks_for_the_instance_there(
    cm: Manager, units: Units
) -> None:
    unit = units(pid="i1")
    request = cm.asks_to_create()
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    same = {name: order[name] for name in ("confE164", "incarnation")}
    unit.says("MCU_MAU_CREATECONF_ACK", named=False, **same)
    assert cm.answer(request)["mcu"] == unit.me


def test_a_wanted_number_is_given(cm: Manager, unit: MediaUnit) -> None:
    assert start(cm, unit, confE164="7712340001")["confE164"] == "7712340001"


def test_numbers_are_given_in_turn_the_least_recently_used_last(
    cm: Manager, unit: MediaUnit
) -> None:
    incarnations = []
    for _ in range(3):
        conf = start(cm, unit)
        incarnations.append(int(conf["confE164"]))
        cm.release(conf["confE164"])
    assert incarnations == [incarnations[0], incarnations[0] + 1, incarnations[0] + 2]


def test_the_incarnation_is_counted_per_number_over_all_its_conferences(
    cm: Manager, unit: MediaUnit
) -> None:
    numbers = []
    for _ in range(4):
        numbers.append(start(cm, unit, confE164="7712340002")["incarnation"])
        cm.release("7712340002")
    assert numbers == [1, 2, 3, 4]


def test_the_registry_of_numbers_learns_what_runs(
    cm: Manager, unit: MediaUnit, tap: Taps, platform: str
) -> None:
    upu = tap(TO_UPU)
    conf = start(cm, unit, conftype=3)
    assert upu.hears("CSS_UPU_ADDCONF_NTF", confE164=conf["confE164"]).body == {
        "type": "CSS_UPU_ADDCONF_NTF",
        "confE164": conf["confE164"],
        "conftype": 3,
        "confname": "Board",
        "userdomainmoid": TENANT,
        "platformmoid": platform,
        "state": "running",
    }


def test_the_rms_is_asked_for_what_is_needed_and_told_what_was_used(
    cm: Manager, units: Units, rms: OtherRms, platform: str
) -> None:
    unit = units(known=False)
    request = cm.asks_to_create(maxjoinedmt=64, resolution="1080p", record=1)
    question = rms.is_asked()
    order_number = question["confE164"]
    assert question.body == {
        "type": "GET_RES_REQ",
        "moid": TENANT,
        "res": ["mcu", "vrs", "mps"],
        "confE164": order_number,
        "maxjoinedmt": 64,
        "resolution": "1080p",
        "exclude": [],
    }
    assert question.properties.reply_to == "MAU.RPCRES.Q"
    is_well_formed(question, f"css@{platform}")
    rms.grants(question, unit, vrs={"ip": "10.9.9.1"}, mps={"ip": "10.9.9.2"})
    order = unit.takes()
    ack = cm.answer(request)
    assert (order["record"], order["hasxmpu"]) == (1, 1)
    assert order["vrs"] == ack["vrs"] == {"ip": "10.9.9.1"}
    assert order["mps"] == ack["mps"] == {"ip": "10.9.9.2"}
    used = rms.hears("CSS_RMS_RES_NTF")
    assert used.body == {
        "type": "CSS_RMS_RES_NTF",
        "confE164": order_number,
        "incarnation": order["incarnation"],
        "mcu": {"ip": unit.ip},
        "vrs": {"ip": "10.9.9.1"},
        "mps": {"ip": "10.9.9.2"},
        "state": "used",
    }
    cm.release(order_number)
    assert rms.hears("CSS_RMS_RES_NTF")["state"] == "free"


def test_a_conference_that_should_be_recorded_runs_without_where_no_recorder_is(
    cm: Manager, unit: MediaUnit
) -> None:
    request = cm.asks_to_create(record=1)
    assert "vrs" not in unit.takes().body
    assert "vrs" not in cm.answer(request).body


def test_a_unit_of_another_platform_is_shown_as_its_host(
    cm: Manager, units: Units, rms: OtherRms
) -> None:
    unit = units(known=False)
    cm.asks_to_create()
    unit_elsewhere = {**unit.me, "platformmoid": "somewhere-else"}
    rms.answers(rms.is_asked(), "GET_RES_ACK", mcu=unit_elsewhere)
    unit.takes()
    number = cm.line.wait(
        lambda: next(iter(cm.lists(TENANT)["confs"]), None), 20, lambda: "a conference"
    )["confE164"]
    assert cm.sees(number, "running")["platformmoid"] == "somewhere-else"


def test_times_are_whole_seconds_in_utc(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit, duration=10080)
    assert (moment(conf["endtime"]) - moment(conf["starttime"])).total_seconds() > 10079 * 60

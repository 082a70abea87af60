"""A lost unit: its conferences run again elsewhere, with all that is known of them (CSS §1.2)."""

from __future__ import annotations

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, TO_UPU, Manager, MediaUnit, OtherRms
from tests.wire.conftest import Taps, Units
from tests.wire.saying import is_well_formed, member, start

pytestmark = pytest.mark.xdist_group("wire")


def test_a_lost_units_conferences_run_again_elsewhere_and_the_manager_is_told(
    cm: Manager, units: Units, platform: str
) -> None:
    unit = units()
    conf = start(cm, unit)
    number = conf["confE164"]
    two = units()
    unit.unregisters()
    pending = cm.hears("MAU_CM_CONFRESTORE_NTF", confE164=number)
    assert pending.body == {
        "type": "MAU_CM_CONFRESTORE_NTF",
        "confE164": number,
        "state": "pending",
    }
    order = two.takes_again()
    assert order["incarnation"] == conf["incarnation"] + 1
    running = cm.hears("MAU_CM_CONFRESTORE_NTF", confE164=number)
    assert running.body == {
        "type": "MAU_CM_CONFRESTORE_NTF",
        "confE164": number,
        "state": "running",
        "mcu": {"ip": two.ip},
        "join": two.join(number),
    }
    assert (running.exchange, running.key) == ("MEETING.CSS.EX", "MEETING.CSS.K")
    assert cm.sees(number, "running")["mcu"] == {"ip": two.ip}
    is_well_formed(order, f"css@{platform}")
    assert order.properties.expiration == "15000"


def test_the_new_unit_is_told_all_that_is_known(cm: Manager, units: Units, platform: str) -> None:
    unit = units()
    conf = start(
        cm, unit, confname="Old", confpwd="pw", maxjoinedmt=32, bitrate=512, h265=1, duration=99
    )
    same = {k: conf[k] for k in ("confE164", "incarnation")}
    mts = [member(1, mute=1), member(2, online=0)]
    layout = {"mode": 1, "layout": 2, "members": [{"chn_idx": 0, "member_type": 1, "mt_id": "m1"}]}
    settings = {"mute": 1, "silence": 0, "layout": layout, "volumes": {"m1": {"1": 20}}}
    unit.says("MCU_MAU_CONFSTATECHANGE_NTF", **same, confname="New", confpwd="pw2", mts=mts)
    unit.says(
        "MCU_MAU_CONFSTATECHANGE_NTF",
        **same,
        chairman="m1",
        speaker="m2",
        settings=settings,
    )
    cm.line.quiet()
    two = units()
    unit.unregisters()
    order = two.takes_again()
    assert order.body == {
        "type": "MAU_CMU_RESTORECONF_REQ",
        "confE164": conf["confE164"],
        "confid": conf["confid"],
        "incarnation": conf["incarnation"] + 1,
        "confname": "New",
        "confpwd": "pw2",
        "maxjoinedmt": 32,
        "resolution": "720p",
        "bitrate": 512,
        "h265": 1,
        "record": 0,
        "hasxmpu": 0,
        "endtime": conf["endtime"],
        "mts": mts,
        "platformmoid": platform,
        "restored": 1,
        "started": conf["starttime"],
        "chairman": "m1",
        "speaker": "m2",
        "settings": settings,
    }


def test_the_registry_learns_where_it_is_in_fact(cm: Manager, units: Units, tap: Taps) -> None:
    unit = units()
    number = start(cm, unit)["confE164"]
    upu = tap(TO_UPU)
    two = units()
    unit.unregisters()
    assert upu.hears("CSS_UPU_DELCONF_NTF")["confE164"] == number
    two.takes_again()
    assert upu.hears("CSS_UPU_ADDCONF_NTF")["confE164"] == number


def test_without_a_free_unit_it_waits_until_one_registers(cm: Manager, units: Units) -> None:
    unit = units()
    number = start(cm, unit)["confE164"]
    unit.unregisters()
    assert cm.sees(number, "pending")
    units().takes_again(confE164=number)
    assert cm.sees(number, "running")


def test_it_waits_until_places_are_free(cm: Manager, units: Units) -> None:
    small = {"capacity": {"confs": 1, "ports": 8, "hd": 0}}
    unit = units(**small)
    lost = start(cm, unit)["confE164"]
    two = units(**small)
    other = start(cm, two)["confE164"]
    unit.unregisters()
    assert cm.sees(lost, "pending")
    cm.release(other)
    two.takes_again(confE164=lost)


def test_an_unprotected_conference_ends_mcu_lost(cm: Manager, units: Units) -> None:
    unit = units()
    number = start(cm, unit, dr=0)["confE164"]
    two = units()
    unit.unregisters()
    assert cm.hears("MAU_CM_RELEASECONF_NTF", confE164=number)["reason"] == "mcu_lost"
    cm.line.quiet()
    assert not two.has_heard("MAU_CMU_RESTORECONF_REQ")


def test_a_unit_that_refuses_to_restore_is_left_for_the_next_one(cm: Manager, units: Units) -> None:
    unit = units()
    conf = start(cm, unit)
    two, three = units(), units()
    unit.unregisters()

    def told() -> MediaUnit | None:
        return next((u for u in (two, three) if u.has_heard("MAU_CMU_RESTORECONF_REQ")), None)

    refusing = cm.line.wait(told, 20, lambda: "a restore command")
    order = refusing.hears("MAU_CMU_RESTORECONF_REQ")
    refusing.refuses(order)
    refusing.drops(order["confE164"], order["incarnation"])
    other = three if refusing is two else two
    assert other.takes_again()["incarnation"] == conf["incarnation"] + 2
    assert cm.sees(conf["confE164"], "running")["mcu"] == {"ip": other.ip}


def test_the_lost_unit_comes_back_with_its_old_copy_and_is_told_to_drop_it(
    cm: Manager, units: Units
) -> None:
    unit = units()
    conf = start(cm, unit)
    number = conf["confE164"]
    two = units()
    unit.unregisters()
    two.takes_again()
    assert cm.sees(number, "running")
    unit.registers()
    unit.lists({"confE164": number, "incarnation": conf["incarnation"], "confname": "", "mts": []})
    unit.drops(number, conf["incarnation"])
    assert cm.sees(number, "running")["mcu"] == {"ip": two.ip}


def test_what_waits_may_be_released_and_prolonged(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    unit.unregisters()
    assert cm.sees(number, "pending")
    delayed = cm.ask("CM_MAU_DELAYCONF_REQ", confE164=number, delay=5)
    assert delayed["type"] == "CM_MAU_DELAYCONF_ACK"
    cm.is_refused("29012", cm.asks("CM_MCU_MUTE_REQ", confE164=number, value=1))
    assert cm.release(number)["type"] == "MAU_CM_RELEASECONF_ACK"
    assert cm.lists(TENANT)["total"] == 0


def test_a_late_answer_of_the_rms_restores_nothing_twice(
    cm: Manager, units: Units, rms: OtherRms
) -> None:
    first, second, third = units(), units(known=False), units(known=False)
    cm.asks_to_create()
    rms.grants(rms.is_asked(), first)
    number = first.takes()["confE164"]
    assert cm.sees(number, "running")
    first.unregisters()
    question = rms.is_asked(confE164=number)
    rms.grants(question, second)
    second.takes_again()
    rms.grants(question, third)
    cm.line.quiet()
    assert not third.has_heard("MAU_CMU_RESTORECONF_REQ")


def test_a_recording_goes_on_when_a_recorder_becomes_free(cm: Manager, units: Units) -> None:
    first = units()
    request = cm.asks_to_create(record=1)
    order = first.takes()
    assert "vrs" not in order.body
    number = cm.answer(request)["confE164"]
    recorder = units(restype="vrs")
    start_order = first.hears("CM_MCU_STARTRECORD_CMD")
    assert start_order["vrs"] == {"ip": recorder.ip}
    first.says("MCU_CM_RECORDSTATE_NTF", confE164=number, recording=1)
    cm.hears("MCU_CM_RECORDSTATE_NTF", confE164=number)
    second = units()
    first.unregisters()
    again = second.takes_again()
    assert (again["record"], again["vrs"]) == (1, {"ip": recorder.ip})


def test_a_lost_recorder_moves_no_conference(cm: Manager, units: Units, site: Site) -> None:
    number = start(cm, units())["confE164"]
    recorder = units(restype="vrs")
    recorder.unregisters()
    cm.line.quiet()
    assert cm.sees(number, "running")
    assert not cm.has_heard("MAU_CM_CONFRESTORE_NTF")

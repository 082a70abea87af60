"""A running conference: ended, prolonged, listed; by request, by time, by the unit."""

from __future__ import annotations

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, TO_BMC, TO_UPU, Manager, MediaUnit
from tests.wire.conftest import Taps, Units
from tests.wire.saying import MOST_BYTES, is_well_formed, member, moment, start
from tests.wire.world import new_tenant, turn_clock

pytestmark = pytest.mark.xdist_group("wire")


# ---- ended ----------------------------------------------------------------------------------------


def test_a_release_is_answered_and_everybody_is_told(
    cm: Manager, unit: MediaUnit, tap: Taps, platform: str
) -> None:
    upu, bmc = tap(TO_UPU), tap(TO_BMC)
    conf = start(cm, unit)
    number = conf["confE164"]
    request = cm.asks("CM_MAU_RELEASECONF_REQ", confE164=number)
    ack = cm.answer(request)
    assert ack.body == {
        "type": "MAU_CM_RELEASECONF_ACK",
        "reqid": request.reqid,
        "confE164": number,
    }
    is_well_formed(ack, f"css@{platform}")
    notice = cm.hears("MAU_CM_RELEASECONF_NTF", confE164=number)
    assert notice.body == {
        "type": "MAU_CM_RELEASECONF_NTF",
        "confE164": number,
        "reason": "released",
    }
    assert (notice.exchange, notice.key) == ("MEETING.CSS.EX", "MEETING.CSS.K")
    drop = unit.drops(number, conf["incarnation"])
    assert set(drop.body) == {"type", "confE164", "incarnation"}
    assert upu.hears("CSS_UPU_DELCONF_NTF", confE164=number)["platformmoid"] == platform
    record = bmc.hears("CSS_BMC_CDR_NTF", confid=conf["confid"])["record"]
    assert (record["confE164"], record["reason"]) == (number, "released")


def test_a_conference_ended_by_its_unit_is_over(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit)
    same = {k: conf[k] for k in ("confE164", "incarnation")}
    unit.says("MCU_MAU_RELEASECONF_NTF", **same, reason="auto_end")
    assert cm.hears("MAU_CM_RELEASECONF_NTF")["reason"] == "auto_end"
    assert cm.lists(TENANT)["total"] == 0


@pytest.mark.parametrize("step", [-1, 1])
def test_a_ghost_that_ends_ends_nothing(cm: Manager, unit: MediaUnit, step: int) -> None:
    number = "7712340004"
    start(cm, unit, confE164=number)
    cm.release(number)
    conf = start(cm, unit, confE164=number)
    stale = conf["incarnation"] + step
    unit.says("MCU_MAU_RELEASECONF_NTF", confE164=number, incarnation=stale, reason="released")
    cm.line.quiet()
    assert cm.sees(number, "running")


def test_a_conference_ends_when_its_time_is_over(cm: Manager, unit: MediaUnit, site: Site) -> None:
    conf = start(cm, unit)
    turn_clock(site, conf["confE164"], "ends_at", -1)
    notice = cm.hears("MAU_CM_RELEASECONF_NTF", confE164=conf["confE164"])
    assert notice["reason"] == "expired"
    unit.drops(conf["confE164"], conf["incarnation"])


@pytest.mark.parametrize("minutes", [10, 5, 1])
def test_an_end_that_is_near_is_announced_to_both_sides(
    cm: Manager, unit: MediaUnit, site: Site, minutes: int
) -> None:
    number = start(cm, unit)["confE164"]
    turn_clock(site, number, "ends_at", minutes * 60)
    fields = {"confE164": number, "minutes": minutes}
    assert cm.hears("MAU_CM_CONFWILLEND_NTF").body == {"type": "MAU_CM_CONFWILLEND_NTF", **fields}
    notice = unit.hears("MAU_CMU_CONFWILLEND_NTF")
    assert notice.body == {"type": "MAU_CMU_CONFWILLEND_NTF", **fields}


def test_a_conference_with_auto_end_ends_when_nobody_is_in_it_for_five_minutes(
    cm: Manager, unit: MediaUnit, site: Site
) -> None:
    lasting, left = start(cm, unit)["confE164"], start(cm, unit, autoend=1)["confE164"]
    for number in (lasting, left):
        turn_clock(site, number, "empty_since", -301)
    assert cm.hears("MAU_CM_RELEASECONF_NTF", confE164=left)["reason"] == "auto_end"
    assert [c["confE164"] for c in cm.lists(TENANT)["confs"]] == [lasting]


# ---- prolonged ------------------------------------------------------------------------------------


def test_a_conference_is_prolonged_and_both_sides_are_told(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit)
    number = conf["confE164"]
    request = cm.asks("CM_MAU_DELAYCONF_REQ", confE164=number, delay=30)
    ack = cm.answer(request)
    assert ack.body == {
        "type": "CM_MAU_DELAYCONF_ACK",
        "reqid": request.reqid,
        "confE164": number,
        "endtime": ack["endtime"],
        "delay": 30,
    }
    assert (moment(ack["endtime"]) - moment(conf["endtime"])).total_seconds() == 30 * 60
    moved = {"confE164": number, "endtime": ack["endtime"]}
    assert cm.hears("CM_MAU_CONFDURATION_NTF").body == {"type": "CM_MAU_CONFDURATION_NTF", **moved}
    notice = unit.hears("MAU_CMU_CONFDURATION_NTF")
    assert notice.body == {"type": "MAU_CMU_CONFDURATION_NTF", **moved}


def test_a_conference_is_prolonged_at_its_units_wish(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit)
    number = conf["confE164"]
    unit.says("MCU_MAU_DELAYCONF_REQ", reqid="d1", confE164=number, delay=15)
    ack = unit.hears("MAU_MCU_DELAYCONF_ACK")
    assert ack.body == {
        "type": "MAU_MCU_DELAYCONF_ACK",
        "reqid": "d1",
        "confE164": number,
        "endtime": ack["endtime"],
        "delay": 15,
    }
    assert (moment(ack["endtime"]) - moment(conf["endtime"])).total_seconds() == 15 * 60
    assert cm.hears("CM_MAU_CONFDURATION_NTF")["endtime"] == ack["endtime"]


def test_a_unit_is_refused_as_a_manager_is(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    for reqid, wanted, delay, code in (
        ("d2", "4040404", 5, "29010"),
        ("d3", number, 1441, "29011"),
        ("d4", number, "soon", "29001"),
    ):
        unit.says("MCU_MAU_DELAYCONF_REQ", reqid=reqid, confE164=wanted, delay=delay)
        nack = unit.hears("MAU_MCU_DELAYCONF_NACK", reqid=reqid)
        assert (nack["confE164"], nack["errcode"]) == (wanted, code)


def test_a_unit_that_does_not_run_it_prolongs_nothing(
    cm: Manager, unit: MediaUnit, units: Units
) -> None:
    conf = start(cm, unit)
    stranger = units(known=False)
    stranger.says("MCU_MAU_DELAYCONF_REQ", reqid="d5", confE164=conf["confE164"], delay=15)
    cm.line.quiet()
    assert cm.lists(TENANT)["confs"][0]["endtime"] == conf["endtime"]


# ---- listed ---------------------------------------------------------------------------------------


def test_a_list_shows_each_conference_field_by_field(
    cm: Manager, unit: MediaUnit, platform: str
) -> None:
    conf = start(cm, unit, confname="Listed", conftype=2, maxjoinedmt=32)
    request = cm.asks("CM_MAU_GETCONFLIST_REQ", moid=TENANT)
    answer = cm.answer(request)
    assert {k: answer[k] for k in ("type", "reqid", "total")} == {
        "type": "MAU_CM_GETCONFLIST_ACK",
        "reqid": request.reqid,
        "total": 1,
    }
    (item,) = answer["confs"]
    short = item.pop("shortnum")
    assert short.isdigit()
    assert 4 <= len(short) <= 6
    assert item == {
        "confE164": conf["confE164"],
        "confid": conf["confid"],
        "confname": "Listed",
        "conftype": 2,
        "state": "running",
        "moid": TENANT,
        "platformmoid": platform,
        "starttime": conf["starttime"],
        "endtime": conf["endtime"],
        "maxjoinedmt": 32,
        "mtnum": 0,
        "mcu": {"ip": unit.ip},
        "join": conf["join"],
    }


def test_a_list_counts_who_is_in(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit)
    same = {k: conf[k] for k in ("confE164", "incarnation")}
    mts = [member(1), member(2), member(3, online=0)]
    unit.says("MCU_MAU_CONFSTATECHANGE_NTF", **same, mts=mts)
    cm.line.wait(
        lambda: cm.lists(TENANT)["confs"][0]["mtnum"] == 2 or None, 20, lambda: "two members"
    )


def test_a_tenant_sees_its_own_and_the_platform_all(
    cm: Manager, unit: MediaUnit, site: Site, platform: str
) -> None:
    other = new_tenant(site)
    mine, theirs = start(cm, unit)["confE164"], start(cm, unit, moid=other)["confE164"]
    assert [c["confE164"] for c in cm.lists(TENANT)["confs"]] == [mine]
    assert [c["confE164"] for c in cm.lists(other)["confs"]] == [theirs]
    assert {c["confE164"] for c in cm.lists(platform)["confs"]} == {mine, theirs}


def test_a_list_is_read_in_pages(cm: Manager, unit: MediaUnit) -> None:
    numbers = [start(cm, unit)["confE164"] for _ in range(5)]
    pages = [cm.lists(TENANT, start=at, count=2) for at in (0, 2, 4, 6)]
    assert {page["total"] for page in pages} == {5}
    assert [[c["confE164"] for c in page["confs"]] for page in pages] == [
        numbers[0:2],
        numbers[2:4],
        numbers[4:],
        [],
    ]
    assert cm.lists(TENANT, count=0)["confs"] == []


@pytest.mark.parametrize("fields", [{"count": 501}, {"count": -1}, {"start": -1}, {"start": "x"}])
def test_a_page_that_cannot_be_is_29001(cm: Manager, fields: dict[str, object]) -> None:
    nack = cm.is_refused("29001", cm.asks("CM_MAU_GETCONFLIST_REQ", moid=TENANT, **fields))
    assert nack["detail"].startswith(next(iter(fields)))


def test_a_list_that_would_be_too_long_for_one_message_goes_on_after_its_last(
    cm: Manager, unit: MediaUnit
) -> None:
    long = {"webrtc": {"token": "t" * 60_000}}
    for _ in range(6):
        request = cm.asks_to_create()
        order = unit.hears("MAU_MCU_CREATECONF_REQ")
        same = {k: order[k] for k in ("confE164", "incarnation")}
        unit.says("MCU_MAU_CREATECONF_ACK", **same, join=long)
        cm.answer(request)
    numbers: set[str] = set()
    while len(numbers) < 6:
        page = cm.ask("CM_MAU_GETCONFLIST_REQ", moid=TENANT, start=len(numbers))
        assert len(page.raw) <= MOST_BYTES
        assert page["total"] == 6
        assert page["confs"]
        numbers |= {c["confE164"] for c in page["confs"]}

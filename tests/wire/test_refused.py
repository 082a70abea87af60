"""Refusals: every code of the wire that can be provoked, and nothing kept of what was refused."""

from __future__ import annotations

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, Manager, MediaUnit, OtherRms
from tests.wire.conftest import Units
from tests.wire.saying import is_well_formed, start
from tests.wire.world import (
    licensed,
    new_platform,
    new_service_domain,
    new_tenant,
    stopped,
)

pytestmark = pytest.mark.xdist_group("wire")


def refused(cm: Manager, errcode: str, **fields: object) -> dict[str, object]:
    """Assert that a create request is refused with this code, and that nothing of it is kept."""
    request = cm.asks_to_create(**fields)
    nack = cm.is_refused(errcode, request)
    assert nack.body == {
        "type": "MAU_CM_CREATECONF_NACK",
        "reqid": request.reqid,
        "errcode": errcode,
        **({"detail": nack["detail"]} if "detail" in nack.body else {}),
    }
    return nack.body


def test_a_refusal_says_who_why_and_where(cm: Manager, platform: str) -> None:
    request = cm.asks_to_create(maxjoinedmt=9)
    nack = cm.is_refused("29001", request)
    assert set(nack.body) == {"type", "reqid", "errcode", "detail"}
    assert nack["detail"].startswith("maxjoinedmt")
    assert nack.properties.correlation_id == request.mark
    is_well_formed(nack, f"css@{platform}")


def test_an_unknown_domain_is_29002(cm: Manager) -> None:
    refused(cm, "29002", moid="nobody")
    cm.is_refused("29002", cm.asks("CM_MAU_GETCONFLIST_REQ", moid="nobody"))


def test_a_platform_is_no_user_domain(cm: Manager, platform: str) -> None:
    refused(cm, "29002", moid=platform)


def test_a_disabled_domain_is_29003(cm: Manager, site: Site) -> None:
    refused(cm, "29003", moid=new_tenant(site, {"used": "0"}))


def test_a_domain_below_a_disabled_one_is_29003(cm: Manager, site: Site) -> None:
    above = new_service_domain(site, used="0")
    refused(cm, "29003", moid=new_tenant(site, {"parent_id": f"'{above}'"}))


def test_a_platform_that_is_not_served_here_is_29004_with_the_address_that_serves_it(
    cm: Manager, site: Site
) -> None:
    tenant = new_tenant(site, platform_id=f"'{new_platform(site)}'", room_id="NULL")
    nack = refused(cm, "29004", moid=tenant)
    assert nack["detail"] == "moid: its platform is served at https://other.example"


def test_a_stopped_site_refuses_everything_with_29005_and_changes_nothing(
    cm: Manager, unit: MediaUnit, site: Site
) -> None:
    number = start(cm, unit)["confE164"]
    with stopped(site):
        refused(cm, "29005")
        cm.is_refused("29005", cm.asks("CM_MAU_RELEASECONF_REQ", confE164=number))
        cm.is_refused("29005", cm.asks("CM_MAU_DELAYCONF_REQ", confE164=number, delay=5))
        without_id = {"type": "CM_MAU_RELEASECONF_REQ", "confE164": number}
        cm.is_refused("29005", cm.sends(without_id, message_id=None))
    assert cm.sees(number, "running")


def test_the_platforms_limit_of_small_conferences_is_29006(
    cm: Manager, unit: MediaUnit, site: Site
) -> None:
    with licensed(site, small=1, large=9):
        number = start(cm, unit)["confE164"]
        refused(cm, "29006")
        start(cm, unit, maxjoinedmt=32)
        cm.release(number)
        start(cm, unit)


def test_the_platforms_limit_of_large_conferences_is_29007(
    cm: Manager, unit: MediaUnit, site: Site
) -> None:
    with licensed(site, small=9, large=1):
        number = start(cm, unit, maxjoinedmt=32)["confE164"]
        refused(cm, "29007", maxjoinedmt=192)
        start(cm, unit, maxjoinedmt=8)
        cm.release(number)
        start(cm, unit, maxjoinedmt=64)


def test_the_user_domains_limit_is_29008(cm: Manager, unit: MediaUnit, site: Site) -> None:
    tenant = new_tenant(site, small_limit="1", large_limit="0")
    start(cm, unit, moid=tenant)
    refused(cm, "29008", moid=tenant)
    refused(cm, "29008", moid=tenant, maxjoinedmt=32)
    start(cm, unit)


def test_a_seat_is_free_again_where_the_create_failed(cm: Manager, site: Site) -> None:
    with licensed(site, small=1, large=0):
        refused(cm, "29502")
        refused(cm, "29502")


def test_a_number_that_is_taken_is_29009_until_it_is_free(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    refused(cm, "29009", confE164=number)
    cm.release(number)
    start(cm, unit, confE164=number)


@pytest.mark.parametrize("name", ["RELEASECONF", "DELAYCONF"])
def test_a_number_that_is_no_conference_is_29010(cm: Manager, name: str) -> None:
    request = cm.asks(f"CM_MAU_{name}_REQ", confE164="4040404", delay=5)
    assert cm.is_refused("29010", request)["reqid"] == request.reqid


@pytest.mark.parametrize("duration", [-1, 10081, 10**9])
def test_a_duration_out_of_range_is_29011(cm: Manager, duration: int) -> None:
    refused(cm, "29011", duration=duration)


@pytest.mark.parametrize("delay", [0, -5, 1441])
def test_a_delay_out_of_range_is_29011(cm: Manager, unit: MediaUnit, delay: int) -> None:
    conf = start(cm, unit)
    request = cm.asks("CM_MAU_DELAYCONF_REQ", confE164=conf["confE164"], delay=delay)
    assert cm.is_refused("29011", request)["type"] == "CM_MAU_DELAYCONF_NACK"
    assert cm.lists(TENANT)["confs"][0]["endtime"] == conf["endtime"]


def test_a_conference_without_end_cannot_be_prolonged(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit, duration=0)["confE164"]
    cm.is_refused("29011", cm.asks("CM_MAU_DELAYCONF_REQ", confE164=number, delay=5))


def test_a_conference_cannot_be_prolonged_beyond_the_longest(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit, duration=10000)["confE164"]
    cm.is_refused("29011", cm.asks("CM_MAU_DELAYCONF_REQ", confE164=number, delay=81))
    assert cm.ask("CM_MAU_DELAYCONF_REQ", confE164=number, delay=80)["delay"] == 80


def test_what_is_being_created_can_neither_be_prolonged_nor_controlled(
    cm: Manager, unit: MediaUnit
) -> None:
    request = cm.asks_to_create()
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    number = order["confE164"]
    cm.is_refused("29012", cm.asks("CM_MAU_DELAYCONF_REQ", confE164=number, delay=5))
    cm.is_refused("29012", cm.asks("CM_MCU_MUTE_REQ", confE164=number, value=1))
    unit.accepts(order)
    assert cm.answer(request)["confE164"] == number


def test_what_is_ended_while_it_is_created_is_refused_to_its_asker(
    cm: Manager, unit: MediaUnit
) -> None:
    request = cm.asks_to_create()
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    assert cm.release(order["confE164"])["type"] == "MAU_CM_RELEASECONF_ACK"
    cm.is_refused("29012", request)
    unit.drops(order["confE164"], order["incarnation"])


def test_full_hd_where_it_is_forbidden_is_29013(cm: Manager, unit: MediaUnit, site: Site) -> None:
    tenant = new_tenant(site, {"enable_hd": "0"})
    refused(cm, "29013", moid=tenant, resolution="1080p")
    start(cm, unit, moid=tenant, resolution="720p")


def test_h265_where_it_is_forbidden_is_29014(cm: Manager, unit: MediaUnit, site: Site) -> None:
    tenant = new_tenant(site, {"enable_h265": "0"})
    refused(cm, "29014", moid=tenant, h265=1)
    start(cm, unit, moid=tenant, h265=0)


def test_an_expired_licence_is_29017(cm: Manager, site: Site) -> None:
    with licensed(site, 9, 9, valid_to="'2020-02-01'"):
        refused(cm, "29017")


def test_another_tenants_conference_is_not_touched_29020(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    foreign = {"confE164": number, "moid": "someone-else"}
    cm.is_refused("29020", cm.asks("CM_MAU_RELEASECONF_REQ", **foreign))
    cm.is_refused("29020", cm.asks("CM_MAU_DELAYCONF_REQ", **foreign, delay=5))
    cm.is_refused("29020", cm.asks("CM_MCU_MUTE_REQ", **foreign, value=1))
    assert cm.sees(number, "running")


def test_its_own_tenants_conference_is(cm: Manager, unit: MediaUnit) -> None:
    number = start(cm, unit)["confE164"]
    own = {"confE164": number, "moid": TENANT}
    assert cm.ask("CM_MAU_DELAYCONF_REQ", **own, delay=5)["type"] == "CM_MAU_DELAYCONF_ACK"
    assert cm.ask("CM_MAU_RELEASECONF_REQ", **own)["type"] == "MAU_CM_RELEASECONF_ACK"


def test_no_unit_is_29502(cm: Manager) -> None:
    refused(cm, "29502")


def test_no_unit_that_can_hold_all_of_it_is_29502(cm: Manager, units: Units) -> None:
    units(capacity={"confs": 9, "ports": 63, "hd": 0})
    refused(cm, "29502", maxjoinedmt=64)
    refused(cm, "29502", resolution="1080p")


@pytest.mark.parametrize("mcu", [{}, {"mcu": {"ip": ""}}])
def test_an_rms_that_names_no_unit_has_none_free(
    cm: Manager, rms: OtherRms, mcu: dict[str, object]
) -> None:
    request = cm.asks_to_create()
    rms.answers(rms.is_asked(), "GET_RES_ACK", **mcu)
    cm.is_refused("29502", request)


def test_an_rms_that_fails_says_why_29501(cm: Manager, rms: OtherRms) -> None:
    request = cm.asks_to_create()
    rms.answers(rms.is_asked(), "GET_RES_NACK", errcode="29501")
    cm.is_refused("29501", request)


def test_an_rms_that_does_not_answer_is_29503_and_its_late_answer_counts_no_more(
    cm: Manager, rms: OtherRms, units: Units
) -> None:
    unit = units(known=False)
    request = cm.asks_to_create()
    question = rms.is_asked()
    cm.is_refused("29503", request)
    rms.grants(question, unit)
    cm.line.quiet()
    assert unit.heard == []
    assert cm.lists(TENANT)["total"] == 0

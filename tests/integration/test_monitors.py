"""Monitors over two sites (CSS §10), their licence, and the counters for network management (CSS §11)."""

from __future__ import annotations

import json
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from conferences import tasks
from conferences.data import monitor_addresses
from foundation import clock
from foundation.bus import declare
from foundation.bus.models import Outbox
from licensing.models import Licence, Quota
from tests import licences
from tests.integration.two_sites import WEST, TwoSites, ask, create
from wire.routes import Routes

pytestmark = [
    pytest.mark.xdist_group("integration"),
    pytest.mark.django_db(transaction=True, databases=["default", "west"]),
]

AT: dict[str, Any] = {"ip": "192.0.2.7", "port": 6000}
START, STOP = "CM_MAU_STARTMONITOR_REQ", "CM_MAU_STOPMONITOR_REQ"


@pytest.fixture(autouse=True)
def _allowed(settings: Any) -> None:
    settings.MONITOR_NETWORKS = (ip_network("192.0.2.0/24"),)


@pytest.fixture
def at_west(two: TwoSites) -> str:
    """Return the number of a conference of east that runs at west, after takeover and hand-back."""
    number = create(two, two.east)
    two.dead.add(two.east)
    two.serve(two.east, two.west)
    two.dead.clear()
    two.serve(two.east, two.east)
    two.forget()
    return number


def sent_on_unit(two: TwoSites, site: str, number: str) -> set[tuple[str, int]]:
    """Return the addresses to which the unit of a site sends."""
    return {*two.units[site].unit.conferences[number].monitors}


def falls_silent(two: TwoSites, number: str) -> None:
    """Let the time of the monitors be over."""
    late = clock.now() - timedelta(seconds=1)
    monitors = two.conference(number).monitors
    overdue = tuple(msgspec.structs.replace(monitor, due_at=late) for monitor in monitors)
    two.change(number, monitors=overdue)
    two.tick()


def test_the_backup_that_restores_a_conference_tells_its_managers_to_close_monitors(
    two: TwoSites,
) -> None:
    number = create(two, two.east)
    assert ask(two, two.east, START, number, **AT, mode=1) == ["MAU_CM_STARTMONITOR_ACK"]
    assert sent_on_unit(two, two.east, number) == {("192.0.2.7", 6000)}
    two.dead.add(two.east)
    two.serve(two.east, two.west)
    (notice,) = two.got(two.west, "MAU_CM_STOPMONITOR_NTF", "meeting.css.q")
    assert (notice["confE164"], notice["monitors"]) == (number, [AT])
    assert two.conference(number).monitors == ()
    assert ask(two, two.west, START, number, **AT, mode=1) == ["MAU_CM_STARTMONITOR_ACK"]


def test_keep_alives_go_to_the_main_which_stops_what_is_sent_at_the_backup(
    two: TwoSites, at_west: str
) -> None:
    assert ask(two, two.east, START, at_west, **AT, mode=1) == ["MAU_CM_STARTMONITOR_ACK"]
    assert sent_on_unit(two, WEST, at_west) == {("192.0.2.7", 6000)}
    (order,) = two.got(WEST, "MAU_MCU_STARTMONITOR_REQ", "unit")
    assert not two.got(two.east, "MAU_MCU_STARTMONITOR_REQ", "unit")
    assert order["confE164"] == at_west
    assert [(s, mark) for s, mark, b in two.passed if b["type"] == "MCU_MAU_STARTMONITOR_ACK"] == [
        (WEST, "x-via")
    ]
    before = two.conference(at_west).monitors[0].due_at
    two.change(at_west, monitors=_aged(two, at_west))
    alive = {"type": "CM_MAU_MONITORKEEPALIVE_NTF", "confE164": at_west, "monitors": [AT]}
    two.tell(two.east, alive)
    assert two.conference(at_west).monitors[0].due_at >= before
    falls_silent(two, at_west)
    assert sent_on_unit(two, WEST, at_west) == set()
    assert two.got(two.east, "MAU_CM_STOPMONITOR_NTF", "meeting.css.q")
    assert not two.got(WEST, "MAU_CM_STOPMONITOR_NTF", "meeting.css.q")


def _aged(two: TwoSites, number: str) -> tuple[Any, ...]:
    """Return the monitors as they are half a minute later."""
    earlier = timedelta(seconds=30)
    monitors = two.conference(number).monitors
    return tuple(msgspec.structs.replace(m, due_at=m.due_at - earlier) for m in monitors)


def test_a_monitor_at_the_backup_is_stopped_from_the_main(two: TwoSites, at_west: str) -> None:
    ask(two, two.east, START, at_west, **AT, mode=1)
    assert ask(two, two.east, STOP, at_west, **AT) == ["MAU_CM_STOPMONITOR_ACK"]
    assert sent_on_unit(two, WEST, at_west) == set()


def test_what_comes_twice_is_done_once(two: TwoSites, at_west: str) -> None:
    two.doubled = lambda: True
    kinds = ask(two, two.east, START, at_west, **AT, mode=1)
    assert {*kinds} == {"MAU_CM_STARTMONITOR_ACK"}
    assert len(two.conference(at_west).monitors) == 1
    assert Quota.objects.get(owner=two.east).monitors == 1
    assert {*ask(two, two.east, STOP, at_west, **AT)} == {"MAU_CM_STOPMONITOR_ACK"}
    assert Quota.objects.get(owner=two.east).monitors == 0


def test_the_licence_in_force_limits_monitors(two: TwoSites) -> None:
    licence = licences.licence(two.east, 2, small=60, large=2, monitors=1)
    Licence.objects.create(**licences.row_of(licence, licences.text_of(licence)))
    number = create(two, two.east)
    assert ask(two, two.east, START, number, **AT, mode=1) == ["MAU_CM_STARTMONITOR_ACK"]
    body = {"type": START, "confE164": number, "reqid": "more", **AT, "port": 6001, "mode": 1}
    two.tell(two.east, body, reply_to="asker")
    (answer,) = [b for b in two.heard[two.east, "asker"] if b["reqid"] == "more"]
    assert (answer["errcode"], "licence" in answer["detail"]) == ("29020", True)


def test_nothing_is_sent_to_servers_that_the_settings_name(settings: Any, two: TwoSites) -> None:
    settings.MONITOR_NETWORKS = (ip_network("127.0.0.0/8"),)
    monitor_addresses._server_addresses.cache_clear()
    assert "own servers" in monitor_addresses.why_not_allowed("127.0.0.1")
    assert monitor_addresses.why_not_allowed("127.0.0.9") == ""
    assert "MONITOR_NETWORKS" in monitor_addresses.why_not_allowed("192.0.2.7")


# ---- network management -------------------------------------------------------------------------


def test_counters_are_reported_where_that_is_a_role(two: TwoSites, settings: Any) -> None:
    number = create(two, two.east)
    with two.at(two.east):
        tasks.report_state()
        assert not _reports()
        settings.ROLES = settings.ROLES | {"nms"}
        tasks.report_state()
    (report,) = _reports()
    fixed = {"nuconnections": 0, "bookedconfs": 0}
    assert report == {
        "type": "CSS_NMS_STATE_NTF",
        "running": 1,
        "pending": 0,
        "mcus": 1,
    } | fixed | {"serving": [two.east]}
    assert two.conference(number)


def _reports() -> list[dict[str, Any]]:
    bodies = [json.loads(bytes(row.body)) for row in Outbox.objects.order_by("id")]
    return [body for body in bodies if body["type"] == "CSS_NMS_STATE_NTF"]


def test_names_of_roles_that_nobody_plays_are_not_declared(two: TwoSites, settings: Any) -> None:
    of_roles = {Routes.TO_NPP.value, Routes.TO_NMS.value}
    assert not of_roles & {*declare.declared_routes()}
    settings.ROLES = settings.ROLES | {"npp"}
    assert of_roles & {*declare.declared_routes()} == {Routes.TO_NPP.value}

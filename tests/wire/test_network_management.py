"""Counters for network management (CSS §11), as a third party's NMS reads them and what it may not do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pika
import pytest

from deploy.stand.site import Site
from tests.wire import garbage
from tests.wire.actors import TO_CSS, Manager, MediaUnit
from tests.wire.conftest import Units
from tests.wire.line import Line
from tests.wire.morgue import Morgue
from tests.wire.network_management import TO_NMS, NetworkManager, minute_passes
from tests.wire.saying import is_well_formed, start
from tests.wire.world import stopped

pytestmark = pytest.mark.xdist_group("wire")


@pytest.fixture
def nms(line: Line) -> Iterator[NetworkManager]:
    """Yield a network management system."""
    manager = NetworkManager(line)
    yield manager
    manager.leave()


def test_counters_follow_conferences_and_units(
    nms: NetworkManager, site: Site, cm: Manager, units: Units, platform: str
) -> None:
    unit = units()
    for _ in range(2):
        start(cm, unit)
    minute_passes(site)
    report = nms.reads(running=2)
    is_well_formed(report, f"css@{platform}")
    assert report.body == {
        "type": "CSS_NMS_STATE_NTF",
        "running": 2,
        "pending": 0,
        "mcus": 1,
        "nuconnections": 0,
        "bookedconfs": 0,
        "serving": [platform],
    }
    unit.unregisters()
    for conf in cm.lists(platform)["confs"]:
        cm.sees(conf["confE164"], "pending")
    minute_passes(site)
    assert nms.reads(running=0, pending=2)["mcus"] == 0


def test_each_reader_has_each_report_and_two_timers_at_once_tell_the_same(
    nms: NetworkManager, site: Site, cm: Manager, unit: MediaUnit, line: Line
) -> None:
    other = NetworkManager(line)
    start(cm, unit)
    minute_passes(site, times=2)
    reports = [reader.reads(running=1) for reader in (nms, nms, other, other)]
    assert len({report.raw for report in reports}) == 1
    marks = [report.properties.message_id for report in reports]
    assert len(set(marks)) == 2
    assert set(marks[:2]) == set(marks[2:])
    other.leave()


def test_a_report_that_comes_late_bears_the_time_of_its_counters(
    nms: NetworkManager, site: Site, cm: Manager, unit: MediaUnit, line: Line
) -> None:
    minute_passes(site)
    old = nms.reads(running=0)
    start(cm, unit)
    line.say(*TO_NMS, old.raw, app_id="relay", timestamp=old.properties.timestamp)
    minute_passes(site)
    new, late = nms.reads(running=1), nms.reads(running=0)
    assert late.properties.timestamp <= new.properties.timestamp


def test_a_site_that_serves_nothing_reports_nothing(
    nms: NetworkManager, site: Site, cm: Manager, unit: MediaUnit, platform: str
) -> None:
    with stopped(site):
        minute_passes(site)
        cm.is_refused("29005", cm.asks_to_create())
    minute_passes(site)
    assert nms.reads()["serving"] == [platform]
    assert all(report["serving"] == [platform] for report in nms.heard)


def test_what_a_network_manager_itself_sends_is_parked_or_refused_and_reports_go_on(
    nms: NetworkManager, site: Site, cm: Manager, line: Line, morgue: Morgue
) -> None:
    minute_passes(site)
    report = nms.reads()
    unknown = {"type": "NMS_CSS_STATE_REQ", "reqid": "n"}
    for body in (report.body, unknown):
        line.say(*TO_CSS, body, app_id="nms", reply_to=nms.queue)
    morgue.has_all([garbage.as_json(report.body), garbage.as_json(unknown)])
    cm.is_refused("29002", cm.asks("CM_MAU_GETCONFLIST_REQ", moid="nms"))
    with (
        closing(pika.BlockingConnection(pika.URLParameters(site.rabbitmq.url("/")))) as other,
        pytest.raises(pika.exceptions.ChannelClosedByBroker, match="406"),
    ):
        other.channel().exchange_declare(TO_NMS[0], "direct", durable=True)
    minute_passes(site)
    nms.reads()

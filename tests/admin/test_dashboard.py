"""The dashboard counts what is there, for staff alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from conferences.data import restore_timeline
from conferences.data.pool import Pool, name_of, node_json
from conferences.pages import dashboard
from conferences.rules.states import Conference
from domains.models import PlatformDomain
from foundation.bus.models import Parked
from foundation.cells.directory import redis_of
from licensing.models import Licence
from tests.admin.conftest import UNIT, conference_row
from tests.web_clients import Browser
from wire.number_registry import UsedUnit


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    dashboard._cache.clear()
    dashboard._cache["health"] = (1e12, {"database": "ok", "redis": "ok", "broker": "ok"})
    yield
    dashboard._cache.clear()


def live(client: Browser) -> dict[str, Any]:
    """Return the facts that the page's script reads."""
    facts: dict[str, Any] = json.loads(client.get("/admin/live.json").content)
    return facts


def test_it_counts_conferences_seats_and_parked_messages(
    operator: Browser, running: Conference, parked: Parked
) -> None:
    facts = live(operator)
    assert facts["states"] == {"creating": 0, "running": 1, "pending": 0, "restoring": 0}
    assert facts["seats"]["small"][0] == 1
    assert facts["parked"] == 1
    assert facts["outbox"] == {"waiting": 0, "oldest": 0.0}


def test_it_shows_units_with_their_load(operator: Browser, platform: str) -> None:
    pool = Pool(platform)
    node = node_json("", platform, {"confs": 20, "ports": 190, "hd": 20}, None, False)
    pool.rebuild()
    pool.run_one("state", "mcu", name_of(UNIT), node)
    pool.run_one("placed", "mcu", name_of(UNIT), "880000042", "8", "0", "used")
    unit = live(operator)["units"][0]
    assert (unit["name"], unit["confs"], unit["ports"]) == ("10.0.0.1:u1", [1, 20], [8, 190])


def test_restores_make_a_time_line_in_which_each_stands_once_with_its_site(
    operator: Browser, platform: str
) -> None:
    units = (
        UsedUnit(ip="a", since="2030-01-01T12:00:00+00:00", until="2030-01-01T12:10:00+00:00"),
        UsedUnit(ip="b", since="2030-01-01T12:10:02+00:00"),
    )
    above = PlatformDomain.objects.get(pk=platform).parent
    PlatformDomain.objects.create(moid="west", name="Western site", parent=above)
    c = conference_row(platform, restores=1, units=units, hosting_platform="west")
    for _ in range(2):
        restore_timeline.stage_restore(redis_of(platform), c)
    (restore,) = live(operator)["restores"]
    assert (restore["from"], restore["to"], restore["seconds"]) == ("a", "b", 2.0)
    assert restore["site"] == "Western site"


def test_the_page_begins_with_what_the_script_would_read(operator: Browser) -> None:
    page = operator.get("/admin/").content.decode()
    assert 'id="op-live"' in page
    assert "operator/dashboard.js" in page


def test_others_read_nothing(person: Browser) -> None:
    assert person.get("/admin/live.json").status_code == 302


def test_a_core_has_a_dashboard_too(operator: Browser, settings: Settings) -> None:
    settings.ROLES = frozenset({"bmc"})
    Licence.objects.all().delete()
    facts = live(operator)
    assert (facts["units"], facts["seats"]) == (None, None)
    page = operator.get("/admin/").content.decode()
    assert "data-health" in page
    assert "data-units" not in page
    assert "data-small" not in page

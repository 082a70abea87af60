"""Two whole sites: east dies with everything in it, its conference lives at west, east comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.stand.cells import CellDatabase
from deploy.stand.errors import StandError
from deploy.stand.ports import SERVER_PORTS, SITE_STRIDE, claimed
from deploy.stand.report import Report
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from failover.cells.link import Link
from failover.cells.server import Server
from tests.stories.manager import Manager

LIMITS = {"well": 10.0, "takeovers": 1000}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Core, east and west, which back each other up; simulated units."""
    root = tmp_path_factory.mktemp("two")
    with (
        claimed(SITE_STRIDE + SERVER_PORTS) as base,
        Stand(
            root, base, sites=2, media="simulated", units=2, core=True, cells=True, limits=LIMITS
        ) as stand,
    ):
        yield stand


def served_by(stand: Stand, platform: Site) -> str:
    """Which site owns a platform's cell, by name, with * where it is protected."""
    moid = platform.vault.platform_moid
    query = f"SELECT owner, solo FROM failover_register WHERE platform='{moid}'"
    owner, solo = stand.sites["core"].mariadb.sql(query, "core").split()
    names = {site.vault.platform_moid: name for name, site in stand.sites.items()}
    return names[owner] + ("" if solo == "1" else "*")


def until(true: Callable[[], Any], seconds: float, what: str) -> float:
    """Wait for it; the seconds that it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not {what} after {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - began


def conference(site: Site, number: str, of: Site) -> list[str]:
    """State and hosting platform of a conference, as one site has it."""
    assert isinstance(site.mariadb, CellDatabase)
    cell = site.mariadb.own if of is site else site.mariadb.copy
    link = Link(unix_socket=str(Server(cell).socket), user="root", database=of.name, seconds=5)
    query = "SELECT state, hosting_platform FROM conferences_conference WHERE e164=%s"
    found = link.one(query, [number])
    link.close()
    return [str(value) for value in found.values()]


def test_an_operator_rehearses_and_is_refused_what_would_harm(two: Stand) -> None:
    core, east = two.sites["core"], two.sites["east"]
    until(lambda: served_by(two, east) == "east*", 60, "protected")
    with pytest.raises(StandError, match="is healthy and serves its platform"):
        core.manage("dr", "takeover", "east", "--yes")
    with pytest.raises(StandError, match="serves its platform already"):
        core.manage("dr", "handback", "east", "--yes")
    core.manage("dr", "drill", "east", "--yes", "--json")
    log = (core.directory / "log" / "manage.log").read_text().splitlines()
    times = json.loads(log[-1])["seconds"]
    print(f"drill: {times}")
    assert times["takeover"] < 10
    assert times["handback"] < 10
    until(lambda: served_by(two, east) == "east*", 60, "protected again")


def test_a_site_dies_its_conference_lives_and_it_serves_again(two: Stand) -> None:
    east, west = two.sites["east"], two.sites["west"]
    until(lambda: served_by(two, east) == "east*", 60, "protected")
    manager = Manager(east.rabbitmq.url("/"))
    created = manager.answer_to(manager.create(duration=60))
    manager.close()
    number = created["confE164"]
    until(lambda: conference(east, number, east)[0] == "running", 10, "running")

    began = time.monotonic()
    east.kill()
    there = west.vault.platform_moid
    until(lambda: conference(west, number, east) == ["running", there], 30, "restored at west")
    print(f"killed and running at west: {time.monotonic() - began:.1f} s")

    east.come_back(Report(print))
    assert isinstance(east.mariadb, CellDatabase)
    database = east.mariadb
    back = until(lambda: served_by(two, east) == "east*" and database.is_open, 90, "back")
    print(f"serves again: {back:.1f} s after its processes were ready")
    assert conference(east, number, east) == ["running", there]
    manager = Manager(east.rabbitmq.url("/"))
    later = manager.ask({"type": "CM_MAU_DELAYCONF_REQ", "confE164": number, "delay": 30})
    ended = manager.answer_to(manager.release(number))
    manager.close()
    assert later["type"] == "CM_MAU_DELAYCONF_ACK", later
    assert ended["type"] == "MAU_CM_RELEASECONF_ACK", ended

"""East's conferences go to west and stay there: whole sites, raw AMQP and HTTP, no copies of data.

West looks at east's own database, as if a copy were made at once; who serves east's platform is
switched in its `stores_cell` row, as a cell agent would.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pika
import pytest

from deploy.stand.ports import SITE_STRIDE, claimed
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from tests.http.program import Program
from tests.stories.facts import live, number_of, until
from tests.stories.manager import Manager

pytestmark = pytest.mark.xdist_group("two_sites")

COUNT = 5


@dataclass(frozen=True, slots=True)
class Two:
    """Both sites, and a conference manager at each."""

    east: Site
    west: Site
    at_east: Manager
    at_west: Manager

    def serve(self, site: Site) -> None:
        """East's platform is served there from now on."""
        owner = site.vault.platform_moid
        query = f"UPDATE stores_cell SET owner='{owner}', epoch=epoch+1"
        self.east.mariadb.sql(query, schema=self.east.name)

    def running_at(self, site: Site) -> int:
        """East's conferences that run on a site's units."""
        query = "SELECT COUNT(*) FROM conferences_conference WHERE state='running'"
        return number_of(self.east, f"{query} AND hosting_platform='{site.vault.platform_moid}'")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """East, west, and the core whose tree both follow."""
    root = tmp_path_factory.mktemp("two_sites")
    with claimed(SITE_STRIDE + 400) as base:
        stand = Stand(root, base, sites=2, media="simulated", units=2, core=True)
        east, west = stand.sites["east"], stand.sites["west"]
        _introduce(east, west, {})
        moid = east.vault.platform_moid
        copies = {"POSSIBLE_DATABASES": f"{moid}={east.mariadb.url()}"}
        _introduce(west, east, copies | {"POSSIBLE_REDIS": f"{moid}={west.redis.url(1)}"})
        with stand:
            managers = Manager(east.rabbitmq.url("/")), Manager(west.rabbitmq.url("/"))
            yield Two(east, west, *managers)
            for one in managers:
                one.close()


def _introduce(site: Site, peer: Site, more: dict[str, str]) -> None:
    peers = f"{peer.vault.platform_moid}={peer.rabbitmq.url('/')}"
    site.env |= {"PEERS": peers, **more}
    site.processes = site._processes()


def _wish(site: Site, **order: object) -> None:
    """Somebody in a conference of a site's simulated units wishes something."""
    connection = pika.BlockingConnection(pika.URLParameters(site.rabbitmq.url("/")))
    connection.channel().basic_publish("", "cmu.simulator.q", json.dumps(order).encode())
    connection.close()


def _name(two: Two, number: str) -> str:
    query = f"SELECT name FROM conferences_conference WHERE e164='{number}'"
    return str(two.east.mariadb.sql(query, schema=two.east.name)).strip()


def test_the_story_of_east_s_conferences(two: Two) -> None:
    marks = [two.at_east.create(confname=f"c{n}") for n in range(COUNT)]
    numbers = [two.at_east.answer_to(mark)["confE164"] for mark in marks]
    assert two.running_at(two.east) == COUNT

    struck = time.monotonic()
    two.serve(two.west)
    _all_run_at_west(two, numbers, struck)
    _west_takes_its_requests(two)

    two.serve(two.east)
    until(
        lambda: _answer(two, "CM_MCU_GETMTLIST_REQ", numbers[0]) == "MCU_CM_GETMTLIST_ACK",
        15,
        "control",
    )
    assert two.running_at(two.west) == COUNT + 2
    _east_is_in_charge(two, numbers)
    numbers += _others(two, numbers)
    for number in numbers:
        assert _answer(two, "CM_MAU_RELEASECONF_REQ", number) == "MAU_CM_RELEASECONF_ACK"
    assert live(two.east) == 0
    held = number_of(two.west, "SELECT COUNT(*) FROM bus_outbox WHERE destination<>''")
    assert held == 0


def _all_run_at_west(two: Two, numbers: list[str], struck: float) -> None:
    seconds = until(lambda: two.running_at(two.west) == COUNT, 20, "all run at west")
    print(f"{COUNT} conferences run at west {seconds:.1f} s after it serves")
    for number in numbers:
        _, notice = two.at_west.restored(number, struck)
        assert notice["mcu"]


def _west_takes_its_requests(two: Two) -> None:
    """By AMQP and by HTTP; east refuses, and says who serves."""
    assert two.at_west.answer_to(two.at_west.create())["type"] == "MAU_CM_CREATECONF_ACK"
    refused = two.at_east.answer_to(two.at_east.create())
    assert (refused["type"], refused["errcode"]) == ("MAU_CM_CREATECONF_NACK", "29005")
    there, here = Program(two.west), Program(two.east)
    there.log_in("anna")
    assert there.create()["success"] == 1
    assert there.get("vc/confs", count=0)["total"] == COUNT + 2
    here.log_in("anna")
    said = here.get("vc/confs")
    assert (said["success"], said["error_code"]) == (0, 29005)
    assert said["serving"] == {"platformmoid": two.west.vault.platform_moid, "url": two.west.http}


def _east_is_in_charge(two: Two, numbers: list[str]) -> None:
    """Of what runs at west: renamed by its unit, prolonged from here, heard here."""
    began = time.monotonic()
    _wish(two.west, do="rename", confE164=numbers[0], confname="renamed at west")
    two.at_east.wait_for(lambda b: b["type"] == "MAU_CM_MODIFYCONFNAME_REQ", began, 10)
    until(lambda: _name(two, numbers[0]) == "renamed at west", 10, "the new name")
    assert _answer(two, "CM_MAU_DELAYCONF_REQ", numbers[1], delay=30) == "CM_MAU_DELAYCONF_ACK"
    _wish(two.west, do="extend", confE164=numbers[2], delay=10)
    two.at_east.wait_for(
        lambda b: (b["type"], b.get("confE164")) == ("CM_MAU_CONFDURATION_NTF", numbers[2]),
        began,
        10,
    )
    _wish(two.west, do="end", confE164=numbers[3])
    two.at_east.wait_for(
        lambda b: (b["type"], b.get("confE164")) == ("MAU_CM_RELEASECONF_NTF", numbers[3]),
        began,
        10,
    )
    numbers.remove(numbers[3])


def _others(two: Two, numbers: list[str]) -> list[str]:
    query = "SELECT live_e164 FROM conferences_conference WHERE live_e164 IS NOT NULL"
    found = str(two.east.mariadb.sql(query, schema=two.east.name)).split()
    return [number for number in found if number not in numbers]


def _answer(two: Two, kind: str, number: str, **more: object) -> str:
    return str(two.at_east.ask({"type": kind, "confE164": number, **more})["type"])

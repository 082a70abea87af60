"""East's conferences go to west and stay there, and are led from east: whole sites, raw AMQP and HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

import pika
import pytest

from deploy.stand.errors import StandError
from deploy.stand.site import Site
from tests.failover.site_faults import set_mode
from tests.failover.two import Two, until
from tests.http.program import Program
from tests.stories.facts import license_for
from tests.stories.manager import Manager
from tests.wire.line import Line
from tests.wire.network_management import NetworkManager, minute_passes

pytestmark = pytest.mark.xdist_group("two_sites")

COUNT = 5


@dataclass(frozen=True, slots=True)
class TwoManagers:
    """Both sites, and a conference manager at each."""

    two: Two
    east: Site
    west: Site
    at_east: Manager
    at_west: Manager

    def serve(self, site: Site) -> None:
        """An operator says where east's platform is served from now on."""
        mode = "auto" if site is self.east else "manual"
        until(lambda: _accepted(partial(set_mode, self.two, self.east, mode)), 30, "accepted")
        until(lambda: self.two.owner(self.east) == f"{site.name}*", 60, "served there")

    def running_at(self, site: Site) -> int:
        """Return East's conferences that run on a site's units."""
        serving = self.east if self.two.owner(self.east).startswith("east") else self.west
        return self.two.running(self.east, serving, site)


def _accepted(ask: Callable[[], None]) -> bool:
    """Return whether a request is accepted: a backup that is not well for a moment is refused, and asked again."""
    try:
        ask()
    except StandError:
        return False
    return True


@pytest.fixture
def both(two: Two) -> Iterator[TwoManagers]:
    """Yield a conference manager at each site, with seats for all."""
    two.at_rest()
    license_for(two.east, 50, 5)
    managers = [Manager(site.rabbitmq.url("/")) for site in (two.east, two.west)]
    yield TwoManagers(two, two.east, two.west, *managers)
    for manager in managers:
        manager.close()


def _wish(site: Site, **order: object) -> None:
    """Let a member of a conference on a site's simulated units ask for a change."""
    connection = pika.BlockingConnection(pika.URLParameters(site.rabbitmq.url("/")))
    connection.channel().basic_publish("", "cmu.simulator.q", json.dumps(order).encode())
    connection.close()


def _name(two: TwoManagers, number: str) -> str:
    query = "SELECT name FROM conferences_conference WHERE e164=%s"
    return str(two.two.rows(two.east, two.east, query, number)[0][0])


def _live(two: TwoManagers) -> list[str]:
    query = "SELECT live_e164 FROM conferences_conference WHERE live_e164 IS NOT NULL"
    return [number for (number,) in two.two.rows(two.east, two.east, query)]


def test_the_story_of_east_s_conferences(both: TwoManagers) -> None:
    two = both
    marks = [two.at_east.create(confname=f"c{n}") for n in range(COUNT)]
    numbers = [two.at_east.answer_to(mark)["confE164"] for mark in marks]
    assert two.running_at(two.east) == COUNT
    _network_managers_read(two, at_east=(COUNT, [two.east]), at_west=(0, [two.west]))

    east_program = Program(two.east)
    east_program.log_in("anna")
    moment = _post_moment(east_program)
    struck = time.monotonic()
    two.serve(two.west)
    _all_run_at_west(two, numbers, struck)
    _west_takes_its_requests(two, east_program)
    _west_has_the_moment(two, moment)
    _network_managers_read(two, at_east=None, at_west=(COUNT + 2, [two.west, two.east]))

    two.serve(two.east)
    _east_has_the_comment_of_west(two, moment)
    until(
        lambda: _answer(two, "CM_MCU_GETMTLIST_REQ", numbers[0]) == "MCU_CM_GETMTLIST_ACK",
        15,
        "control",
    )
    assert two.running_at(two.west) == COUNT + 2
    _network_managers_read(two, at_east=(COUNT + 2, [two.east]), at_west=(0, [two.west]))
    _east_is_in_charge(two, numbers)
    for number in _live(two):
        assert _answer(two, "CM_MAU_RELEASECONF_REQ", number) == "MAU_CM_RELEASECONF_ACK"
    assert _live(two) == []
    until(lambda: not _waiting(two), 10, "all sent")


def _waiting(two: TwoManagers) -> int:
    query = "SELECT COUNT(*) FROM bus_outbox WHERE destination<>''"
    return int(two.two.rows(two.east, two.east, query)[0][0])


def _network_managers_read(
    two: TwoManagers, *, at_east: tuple[int, list[Site]] | None, at_west: tuple[int, list[Site]]
) -> None:
    """Check what a network manager at each site reads: running conferences, and whose; `None` is no report at all."""
    with ExitStack() as both:
        managers = {}
        for site in (two.east, two.west):
            line = both.enter_context(closing(Line(site.rabbitmq.url("/"))))
            managers[site.name] = NetworkManager(line)
            minute_passes(site)
        for site, wanted in ((two.west, at_west), (two.east, at_east)):
            if wanted:
                running, platforms = wanted
                report = managers[site.name].reads(running=running)
                assert report["serving"] == [each.vault.platform_moid for each in platforms]
                assert report["mcus"] == 2
        if not at_east:
            assert managers["east"].has_heard("CSS_NMS_STATE_NTF") == []


def _all_run_at_west(two: TwoManagers, numbers: list[str], struck: float) -> None:
    seconds = until(lambda: two.running_at(two.west) == COUNT, 20, "all run at west")
    print(f"{COUNT} conferences run at west {seconds:.1f} s after it serves")
    for number in numbers:
        _, notice = two.at_west.restored(number, struck)
        assert notice["mcu"]


def _west_takes_its_requests(two: TwoManagers, east_program: Program) -> None:
    """Check that west takes requests by AMQP and HTTP, and that east refuses them and names west."""
    assert two.at_west.answer_to(two.at_west.create())["type"] == "MAU_CM_CREATECONF_ACK"
    refused = two.at_east.answer_to(two.at_east.create())
    assert (refused["type"], refused["errcode"]) == ("MAU_CM_CREATECONF_NACK", "29005")
    west_program = Program(two.west)
    west_program.log_in("anna")
    assert west_program.create()["success"] == 1
    assert west_program.get("vc/confs", count=0)["total"] == COUNT + 2
    answer = east_program.get("vc/confs")
    assert (answer["success"], answer["error_code"]) == (0, 10102)
    assert answer["serving"] == {"platformmoid": two.west.vault.platform_moid, "url": two.west.http}


def _post_moment(program: Program) -> str:
    """Let ben become a contact of anna's, and anna post a moment; return its id."""
    ben = Program(program.site)
    ben.log_in("ben")
    users = {
        name: one.get("social/card")["user_id"] for name, one in (("anna", program), ("ben", ben))
    }
    program.post("im/contacts", {"user": users["ben"]})
    ben.post("im/contacts", {"user": users["anna"]})
    return str(program.post("social/moments", {"text": "before"})["moment"]["moment_id"])


def _west_has_the_moment(two: TwoManagers, moment: str) -> None:
    """Check that ben sees anna's moment at west, and may like it and comment on it there."""
    ben = Program(two.west)
    ben.log_in("ben")
    assert [shown["text"] for shown in ben.get("social/moments")["moments"]] == ["before"]
    assert ben.post(f"social/moments/{moment}/comments", {"text": "at west"})["success"] == 1
    assert ben.call("PUT", f"social/moments/{moment}/like")["likes"] == 1


def _east_has_the_comment_of_west(two: TwoManagers, moment: str) -> None:
    """Check that anna finds at east what ben did at west."""
    anna = Program(two.east)
    key = two.east.demo["api_key"]
    until(
        lambda: "account_token" in anna.post("system/token", **key), 10, "signing people in at east"
    )
    anna.log_in("anna")
    comments = anna.get(f"social/moments/{moment}/comments")["comments"]
    assert [comment["text"] for comment in comments] == ["at west"]
    notices = {notice["what"] for notice in anna.get("social/notices")["notices"]}
    assert notices == {"liked", "commented"}


def _east_is_in_charge(two: TwoManagers, numbers: list[str]) -> None:
    """Check that conferences at west are renamed by their unit, and prolonged and heard of from east."""
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


def _answer(two: TwoManagers, kind: str, number: str, **more: object) -> str:
    return str(two.at_east.ask({"type": kind, "confE164": number, **more})["type"])

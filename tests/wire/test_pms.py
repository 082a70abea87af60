"""The platform monitor (PMS) over the wire: somebody else's scheduler asks ours, and ours hears somebody else's."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, Manager
from tests.wire.conftest import Units
from tests.wire.line import Body, Ear, Line, ReceivedMessage, Tap
from tests.wire.saying import is_well_formed, start
from tests.wire.world import last_parked, new_platform, parked, sql, stopped

pytestmark = pytest.mark.xdist_group("wire")

NOTICES = "monitor.notify.ex"
PLATFORM_KEY, ROOM_KEY = "monitor.plamform.k", "monitor.server_room.k"
NOTICE, ANSWER = (NOTICES, PLATFORM_KEY), ("", "MAU.RPCPLATINFO.Q")
HOURS_AGO = 7200
BEFORE_ALL_OTHERS = 10


class OtherScheduler(Tap):
    """A third party's scheduler (CSS): it asks our PMS on the queue of the site's platform."""

    def asks(
        self, platform: str, kind: str, body: Body | bytes | None = None, **properties: Any
    ) -> str:
        """Send a question, and return its mark."""
        mark = uuid.uuid4().hex
        usual = {"correlation_id": mark, "reply_to": self.queue, "app_id": "css@other"}
        around = usual | properties
        self.line.say("", f"monitor.req.q:{platform}", body or {"type": kind}, **around)
        return mark

    def answers(self, mark: str) -> list[ReceivedMessage]:
        """Return the answers that came to a question."""
        return [m for m in self.heard if m.properties.correlation_id == mark]

    def answer(self, mark: str) -> ReceivedMessage:
        """Wait for the answer to a question."""
        return self.line.wait(
            lambda: next(iter(self.answers(mark)), None), 20, lambda: f"an answer; {self.heard}"
        )


@pytest.fixture
def css(line: Line, cm: Manager) -> Iterator[OtherScheduler]:
    """Yield a third party's scheduler."""
    scheduler = OtherScheduler(line)
    yield scheduler
    scheduler.leave()


def asked(css: OtherScheduler, platform: str, kind: str, about: str) -> ReceivedMessage:
    """Ask the PMS of the platform about this or another platform."""
    body = {"type": kind, "platformmoid": about}
    return css.answer(css.asks(platform, kind, body))


def test_the_pms_answers_how_a_platform_is_and_where_its_servers_are(
    css: OtherScheduler, platform: str, site: Site
) -> None:
    state = asked(css, platform, "PLATFORM_STATE_REQ", platform)
    is_well_formed(state, f"pms@{platform}")
    same = {"type": "PLATFORM_STATE_NOTIFY", "platformmoid": platform, "state": "normal"}
    assert same.items() <= state.body.items()
    assert (state["serving"], state["mains"], state["backups"]) == (platform, [], [])
    config = asked(css, platform, "PLATFORM_CONFIG_REQ", platform)
    is_well_formed(config, f"pms@{platform}")
    assert config["type"] == "PLATFORM_CONFIG_NOTIFY"
    assert [one["platformmoid"] for one in config["mysql"]] == [platform]
    assert b"@" not in config.raw, "no user and no password"
    elsewhere = new_platform(site)
    assert asked(css, platform, "PLATFORM_STATE_REQ", elsewhere)["serving"] == elsewhere
    unknown = asked(css, platform, "PLATFORM_STATE_REQ", "nobody")
    assert (unknown["state"], unknown["serving"]) == ("abnormal", "")


@pytest.mark.parametrize("kind", ["PLATFORM_STATE_REQ", "PLATFORM_CONFIG_REQ"])
def test_a_question_that_comes_twice_or_late_has_the_present_answer(
    css: OtherScheduler, platform: str, kind: str
) -> None:
    question = {"type": kind, "platformmoid": platform}
    late = {"timestamp": int(time.time()) - HOURS_AGO}
    same: Body = {"message_id": uuid.uuid4().hex}
    first, *others = (
        css.answer(css.asks(platform, kind, question, **properties))
        for properties in (same, same, late)
    )
    assert [other.body for other in others] == [first.body] * 2


def test_a_site_that_does_not_serve_its_platform_says_who_does(
    css: OtherScheduler, platform: str, site: Site
) -> None:
    with stopped(site):
        state = asked(css, platform, "PLATFORM_STATE_REQ", platform)
    assert (state["state"], state["serving"]) == ("abnormal", "somebody else")


@pytest.mark.parametrize(
    "body",
    [
        {"type": "PLATFORM_STATE_REQ"},
        {"type": "PLATFORM_CONFIG_REQ", "platformmoid": ["list"]},
        {"type": "PLATFORM_STATE_NOTIFY", "platformmoid": "p"},
        b"\xff no message",
    ],
    ids=["names no platform", "names no text", "is no question", "is not JSON"],
)
def test_what_the_pms_cannot_answer_is_parked_and_the_next_question_is_answered(
    css: OtherScheduler, platform: str, site: Site, body: Body | bytes
) -> None:
    since = last_parked(site)
    mark = css.asks(platform, "", body)
    assert asked(css, platform, "PLATFORM_STATE_REQ", platform)["state"] == "normal"
    css.line.wait(
        lambda: len([*chain(*parked(site, since).values())]) == 1 or None, 20, lambda: "one parked"
    )
    assert all(a["type"].endswith("_NACK") for a in css.answers(mark))


def test_the_scheduler_asks_for_states_and_addresses_as_it_starts(
    site: Site, line: Line, platform: str
) -> None:
    queue, pms = f"monitor.req.q:{platform}", Ear(line)
    tag = line.listen(queue, pms.heard, priority=BEFORE_ALL_OTHERS)
    script = (
        "from failover.flows.platforms import request_states; from foundation.cells.directory"
        " import own_platform; request_states(own_platform(), everything=True)"
    )
    try:
        site.manage("shell", "-c", script)
        for kind in ("PLATFORM_STATE_REQ", "PLATFORM_CONFIG_REQ"):
            question = pms.hears(kind)
            is_well_formed(question, f"css@{platform}")
            assert question.body == {"type": kind, "platformmoid": platform}
            assert question.properties.expiration == "15000"
    finally:
        line.stop_listening(tag)


class OtherPms:
    """A third party's PMS, which tells all sites how platforms and rooms are."""

    def __init__(self, site: Site, line: Line) -> None:
        self.site, self.line = site, line

    def platform_is(
        self, platform: str, state: str, epoch: int, number: int, route: tuple[str, str] = NOTICE
    ) -> None:
        """Tell the state of a platform."""
        body = {"type": "PLATFORM_STATE_NOTIFY", "platformmoid": platform, "state": state}
        order = {"epoch": epoch, "number": number, "serving": "b", "mains": [], "backups": []}
        self.line.say(*route, {**body, **order}, app_id="pms")

    def room_is(self, room: str, state: str, number: int, *domains: str) -> None:
        """Tell the state of a machine room of this platform, and which user domains are in it."""
        own = self.site.vault.platform_moid
        body = {"type": "SERVER_ROOM_STATE_NOTIFY", "platformmoid": own, "roommoid": room}
        more = {"state": state, "number": number, "userdomains": domains}
        self.line.say(NOTICES, ROOM_KEY, {**body, **more}, app_id="pms")

    def until_heard(self, subject: str, *row: str) -> None:
        """Wait until the site has stored a notice as the newest one: state, epoch, number."""
        query = f"SELECT state, epoch, number FROM failover_heard WHERE subject='{subject}'"
        self.line.wait(
            lambda: sql(self.site, query) == [[*row]] or None,
            20,
            lambda: f"{subject}: {sql(self.site, query)} instead of {row}",
        )


@pytest.fixture
def pms(site: Site, line: Line) -> Iterator[OtherPms]:
    """Yield a third party's PMS; at the end the site has heard nothing of it."""
    yield OtherPms(site, line)
    sql(site, "DELETE FROM failover_heard WHERE subject LIKE 'theirs-%'")


def test_the_newest_notice_of_a_platform_counts_in_whatever_order_they_come(
    pms: OtherPms, site: Site
) -> None:
    since, theirs = last_parked(site), f"theirs-{uuid.uuid4().hex[:12]}"
    pms.platform_is(theirs, "abnormal", 3, 8)
    pms.until_heard(theirs, "abnormal", "3", "8")
    pms.platform_is(theirs, "normal", 3, 8)
    pms.platform_is(theirs, "normal", 3, 7, ANSWER)
    pms.platform_is(theirs, "normal", 2, 9)
    pms.platform_is(theirs, "perhaps", 9, 9)
    pms.platform_is(theirs, "normal", -1, 9)
    pms.line.say(NOTICES, PLATFORM_KEY, b"[]", app_id="pms")
    for last, way in ((f"{theirs}-a", ANSWER), (f"{theirs}-n", (NOTICES, PLATFORM_KEY))):
        pms.platform_is(last, "normal", 1, 1, way)
        pms.until_heard(last, "normal", "1", "1")
    pms.until_heard(theirs, "abnormal", "3", "8")

    def parked_reasons() -> list[str] | None:
        reasons = [reason for _, reason, _ in chain(*parked(site, since).values())]
        return reasons if len(reasons) == 3 else None

    reasons = pms.line.wait(parked_reasons, 20, lambda: f"three parked: {parked(site, since)}")
    assert any("state: must be" in reason for reason in reasons), reasons


def test_conferences_leave_a_room_that_only_another_pms_knows_once(
    pms: OtherPms, cm: Manager, units: Units, platform: str
) -> None:
    unit = units()
    number = start(cm, unit)["confE164"]
    two, theirs = units(), f"theirs-{uuid.uuid4().hex[:12]}"
    pms.room_is(theirs, "abnormal", 5, TENANT)
    cm.hears("MAU_CM_CONFRESTORE_NTF", confE164=number, state="pending")
    order = two.takes_again(confE164=number)
    cm.hears("MAU_CM_CONFRESTORE_NTF", confE164=number, state="running")
    for state, count in (("abnormal", 5), ("abnormal", 4), ("normal", 6)):
        pms.room_is(theirs, state, count, TENANT)
    pms.line.wait(
        lambda: (
            sql(pms.site, f"SELECT 1 FROM failover_heard WHERE subject='{theirs}' AND number=6")
            or None
        ),
        20,
        lambda: "the last notice is heard",
    )
    assert cm.sees(number, "running")["mcu"] == {"ip": two.ip}
    assert not unit.has_heard("MAU_CMU_RESTORECONF_REQ")
    assert order["incarnation"] == 2

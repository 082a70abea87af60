"""A neighbouring system (NGI) asks which conferences a platform holds (CSS §8)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, Manager, MediaUnit
from tests.wire.line import Line, ReceivedMessage, Tap
from tests.wire.saying import start
from tests.wire.world import new_platform

pytestmark = pytest.mark.xdist_group("wire")


class Neighbour(Tap):
    """An NGI: it asks with `reply_to`, on the exchange of the NPP client."""

    def asks(self, timestamp: int | None = None, **fields: Any) -> ReceivedMessage:
        """Return the answer to a question, which is sent now, or was at `timestamp`."""
        mark = uuid.uuid4().hex
        body = {"type": "NGI_NPP_GETCONFLIST_REQ", "reqid": mark, **fields}
        around: dict[str, Any] = {"correlation_id": mark, "reply_to": self.queue, "app_id": "ngi"}
        around |= {"timestamp": timestamp} if timestamp else {}
        self.line.say("npp.conf.ex", "npp.conf.k", body, **around)
        kind = "NPP_NGI_GETCONFLIST_"

        answer = self.line.wait(lambda: self.with_mark(mark), 20, lambda: f"an answer to {body}")
        assert answer["type"].startswith(kind)
        assert answer["reqid"] == mark
        return answer

    def with_mark(self, mark: str) -> ReceivedMessage | None:
        """Return the answer with this correlation id, once it is there."""
        return next((m for m in self.heard if m.properties.correlation_id == mark), None)


@pytest.fixture
def ngi(line: Line, cm: Manager) -> Iterator[Neighbour]:
    """Yield a neighbouring system."""
    neighbour = Neighbour(line)
    yield neighbour
    neighbour.leave()


def test_conferences_of_a_platform_are_listed(
    ngi: Neighbour, cm: Manager, unit: MediaUnit, platform: str
) -> None:
    numbers = {start(cm, unit)["confE164"] for _ in range(2)}
    answer = ngi.asks(platformmoid=platform)
    assert (answer["type"], answer["total"]) == ("NPP_NGI_GETCONFLIST_ACK", 2)
    assert {conf["confE164"] for conf in answer["confs"]} == numbers
    assert {conf["state"] for conf in answer["confs"]} == {"running"}
    page = ngi.asks(platformmoid=platform, start=1, count=1)
    assert (page["total"], len(page["confs"])) == (2, 1)


def test_a_question_that_comes_late_or_twice_is_answered_each_time_and_changes_nothing(
    ngi: Neighbour, cm: Manager, unit: MediaUnit, platform: str
) -> None:
    late = ngi.asks(platformmoid=platform, timestamp=int(time.time()) - 3600)
    assert (late["errcode"], late["detail"]) == ("29005", "expired")
    start(cm, unit)
    question = {"type": "NGI_NPP_GETCONFLIST_REQ", "reqid": "twice", "platformmoid": platform}
    for mark in ("first", "second"):
        around = {"correlation_id": mark, "reply_to": ngi.queue, "app_id": "ngi"}
        ngi.line.say("npp.conf.ex", "npp.conf.k", question, **around)
    first, second = (
        ngi.line.wait(partial(ngi.with_mark, mark), 20, lambda: "an answer")
        for mark in ("first", "second")
    )
    assert first.body == second.body
    assert first["total"] == 1


def test_a_question_without_a_way_back_stops_nothing(
    ngi: Neighbour, cm: Manager, unit: MediaUnit, platform: str
) -> None:
    question = {"type": "NGI_NPP_GETCONFLIST_REQ", "reqid": "lost", "platformmoid": platform}
    ngi.line.say("npp.conf.ex", "npp.conf.k", question, app_id="ngi")
    ngi.line.say("npp.conf.ex", "npp.conf.k", b"no message", app_id="ngi")
    assert ngi.asks(platformmoid=platform)["total"] == 0


def test_what_this_site_does_not_serve_is_refused_by_name(ngi: Neighbour, site: Site) -> None:
    for moid, code in (("nobody", "29002"), (TENANT, "29004"), (new_platform(site), "29004")):
        answer = ngi.asks(platformmoid=moid)
        assert (answer["type"], answer["errcode"]) == ("NPP_NGI_GETCONFLIST_NACK", code)
        assert answer["detail"].startswith("platformmoid: ")
    assert ngi.asks()["errcode"] == "29001"
    assert ngi.asks(platformmoid=TENANT, count=501)["detail"].startswith("count: ")

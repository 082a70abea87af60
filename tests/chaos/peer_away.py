"""The peer's broker is away for ten minutes: nothing lost, order kept, web answers as ever."""

from __future__ import annotations

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pika

from tests.chaos.story import Stories
from tests.failover.site_faults import moved, set_mode
from tests.failover.two import Two, two_sites, until
from tests.http.program import Program
from tests.stories.manager import Manager
from wire.routes import Routes, unit_key

TEN_MINUTES = 600.0
PAIRS, CALLS = 5, 40
SLOWER = 1.2
HELD = 8
"""As many as the licence for evaluation allows."""
TAP = "story.tap"


def stories(root: Path) -> Stories:
    """Tell stories in which west's broker is killed, with conferences of east on west's units."""
    with two_sites(root, units=2) as two:
        two.at_rest()
        with west_stays(two):
            yield "peer's broker down: web answers", partial(web_answers, two)
            yield "peer's broker down 10 min", partial(all_of_it_waits, two, TEN_MINUTES)


@contextmanager
def west_stays(two: Two) -> Iterator[None]:
    """Keep west from being taken over while its broker is dead."""
    set_mode(two, two.west, "off")
    try:
        yield
    finally:
        set_mode(two, two.west, "auto")


# ---- what is sent there -------------------------------------------------------------------------


def all_of_it_waits(two: Two, seconds: float) -> str:
    """Prolong conferences at west from east all the time; assert that west's units hear all of it, in order."""
    manager = Manager(two.east.rabbitmq.url("/"))
    answers = [manager.answer_to(manager.create(duration=60)) for _ in range(HELD)]
    assert all(answer["type"] == "MAU_CM_CREATECONF_ACK" for answer in answers), answers
    numbers = [answer["confE164"] for answer in answers]
    moved(two)
    until(lambda: two.running(two.east, two.east, two.west) == HELD, 60, "all run at west")
    _tap(two)
    two.west.rabbitmq.kill()
    prolonged = _prolonged(manager, numbers, seconds)
    waiting = _waiting(two)
    two.west.rabbitmq.start()
    took = until(lambda: _waiting(two) == 0, 120, "sent")
    notices = _notices_heard(two, sum(map(len, prolonged.values())))
    for number in numbers:
        manager.ask({"type": "CM_MAU_RELEASECONF_REQ", "confE164": number})
    manager.close()
    assert notices == prolonged, {
        n: (prolonged[n], notices.get(n)) for n in prolonged if prolonged[n] != notices.get(n)
    }
    count = sum(map(len, prolonged.values()))
    return f"{count} said, {waiting} waited, sent {took:.1f} s after its return, lost 0, in order"


def _prolonged(manager: Manager, numbers: list[str], seconds: float) -> dict[str, list[str]]:
    """Return the ends that were acknowledged, in order, by number of the conference."""
    acknowledged: dict[str, list[str]] = defaultdict(list)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for number in numbers:
            answer = manager.ask({"type": "CM_MAU_DELAYCONF_REQ", "confE164": number, "delay": 1})
            assert answer["type"] == "CM_MAU_DELAYCONF_ACK", answer
            acknowledged[number].append(answer["endtime"])
        time.sleep(1.0)
    return acknowledged


def _waiting(two: Two) -> int:
    query = "SELECT COUNT(*) FROM bus_outbox WHERE destination=%s"
    return int(two.rows(two.east, two.east, query, two.west.vault.platform_moid)[0][0])


def _channel(two: Two) -> Any:
    return pika.BlockingConnection(pika.URLParameters(two.west.rabbitmq.url("/"))).channel()


def _tap(two: Two) -> None:
    """Bind a queue that outlives the broker's death, beside those of west's units."""
    channel = _channel(two)
    channel.queue_declare(TAP, durable=True)
    for unit in ("s1", "s2"):
        channel.queue_bind(TAP, Routes.CSS_TO_UNIT.value.exchange, unit_key("127.0.0.1", unit))
    channel.connection.close()


def _notices_heard(two: Two, count: int) -> dict[str, list[str]]:
    """Return the ends of which west's units heard, in order, without repetitions."""
    channel, notices = _channel(two), defaultdict[str, list[str]](list)
    for _, _, raw in channel.consume(TAP, inactivity_timeout=5.0, auto_ack=True):
        if raw is None:
            break
        body = json.loads(raw)
        if body["type"] == "MAU_CMU_CONFDURATION_NTF":
            ends = notices[body["confE164"]]
            if ends[-1:] != [body["endtime"]]:
                ends.append(body["endtime"])
        if sum(map(len, notices.values())) == count:
            break
    channel.connection.close()
    return notices


# ---- who asks here ------------------------------------------------------------------------------


def web_answers(two: Two) -> str:
    """Measure calls with the peer's broker up and down in turn; the median of the ratios counts."""
    program = Program(two.east)
    program.log_in("anna")
    _milliseconds(program)
    pairs = []
    for _ in range(PAIRS):
        up = _milliseconds(program)
        two.west.rabbitmq.kill()
        time.sleep(2)
        pairs.append((up, _milliseconds(program)))
        two.west.rabbitmq.start()
        time.sleep(10)
    ratio = statistics.median(down / up for up, down in pairs)
    up, down = (statistics.median(times) for times in zip(*pairs, strict=True))
    words = f"{up:.1f} ms with it, {down:.1f} ms without, {ratio:.2f} x"
    assert ratio <= SLOWER, words
    return words


def _milliseconds(program: Program) -> float:
    """Return the median time of a create, a list and an end."""
    times = []
    for _ in range(CALLS):
        began = time.monotonic()
        created = program.create()
        program.get("vc/confs")
        program.delete(f"mc/confs/{created['conf_id']}")
        times.append(time.monotonic() - began)
    return 1e3 * statistics.median(times)

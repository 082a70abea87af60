"""Twelve processes create and end at the limit, and everybody is killed at random: never above, 0 at rest."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

import pytest

from deploy.stand.site import Site
from tests.stories.facts import license_for, until
from tests.stories.manager import Manager

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

CLIENTS, LIMIT = 12, 20
SECONDS, LOOKS = 10.0, 30
"""The story goes on for both: a busy machine needs longer for as many looks at the counts."""
_SPAWN = multiprocessing.get_context("spawn")
_OURS = ("worker1", "worker2", "web", "beat")

_COUNTS = """
SELECT COUNT(*), COALESCE(SUM(places), 0),
       (SELECT COALESCE(SUM(small_used + large_used), 0) FROM licensing_quota WHERE owner='{moid}'),
       (SELECT COALESCE(SUM(media_ports), 0) FROM licensing_quota WHERE owner='{moid}')
  FROM conferences_conference WHERE live_e164 IS NOT NULL
"""
"""One statement, and so one moment: what is counted must be what lives, not only afterwards."""


def client(url: str) -> None:
    """Create as many conferences as are granted, and end some of them, until the process is killed."""
    manager, conferences = Manager(url), list[str]()
    while True:
        if conferences and random.random() < 0.45:
            manager.answer_to(manager.release(conferences.pop()), 60)
            continue
        answer = manager.answer_to(manager.create(), 60)
        if answer["type"] == "MAU_CM_CREATECONF_ACK":
            conferences.append(answer["confE164"])
        elif conferences:
            manager.answer_to(manager.release(conferences.pop(0)), 60)


def _begin(site: Site) -> BaseProcess:
    process = _SPAWN.Process(target=client, args=(site.rabbitmq.url("/"),), daemon=True)
    process.start()
    return process


@contextmanager
def clients(site: Site) -> Iterator[list[BaseProcess]]:
    """Start twelve clients; end all of them."""
    processes = [_begin(site) for _ in range(CLIENTS)]
    yield processes
    for process in processes:
        process.kill()
        process.join(10)


def counts(site: Site) -> tuple[int, int, int, int]:
    """Return how many conferences live and their places, and the seats and media ports counted for them."""
    query = _COUNTS.format(moid=site.vault.platform_moid)
    numbers = str(site.mariadb.sql(query, schema=site.name)).split()[-4:]
    live, places, seats, ports = map(int, numbers)
    return live, places, seats, ports


def test_twelve_processes_at_the_limit_killed_at_random(simulated: Site, manager: Manager) -> None:
    license_for(simulated, LIMIT, 0)
    dice, most, looked, kill_at = random.Random(7), 0, 0, time.monotonic() + 3
    with clients(simulated) as processes:
        until(lambda: counts(simulated)[0] >= LIMIT // 2, 60, "the clients are at work")
        end = time.monotonic() + SECONDS
        while time.monotonic() < end or looked <= LOOKS:
            live, places, seats, ports = counts(simulated)
            assert live <= LIMIT
            assert (seats, ports) == (live, places)
            most, looked = max(most, live), looked + 1
            if time.monotonic() > kill_at:
                kill_at = time.monotonic() + dice.uniform(0.5, 2.5)
                _kill_somebody(simulated, processes, dice)
    assert most == LIMIT
    _all_is_ended(simulated, manager)


def _kill_somebody(site: Site, processes: list[BaseProcess], dice: random.Random) -> None:
    """Kill one of our processes, which is started again by itself, or one client, and start another client."""
    if dice.random() < 0.6:
        site.processes[dice.choice(_OURS)].kill(signal.SIGKILL)
        return
    which = dice.randrange(CLIENTS)
    processes[which].kill()
    processes[which] = _begin(site)


def _all_is_ended(site: Site, manager: Manager) -> None:
    """End the conferences that killed clients have left; then nothing is counted any more."""

    def ended() -> bool:
        query = "SELECT live_e164 FROM conferences_conference WHERE live_e164 IS NOT NULL"
        numbers = str(site.mariadb.sql(query, schema=site.name)).split()
        for mark in [manager.release(number) for number in numbers if number.isdigit()]:
            manager.answer_to(mark, 60)
        return counts(site) == (0, 0, 0, 0)

    until(ended, 60, "0 at rest")

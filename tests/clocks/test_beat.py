"""Timers go on whatever happens to the wall clock of their host, and beat ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import amqp
import pytest
from django.conf import settings

from deploy.stand import programs
from deploy.stand.site import REPOSITORY
from foundation.bus.amqp import close, connect
from tests.clocks.wall_clock import WallClock

EVERY_SECOND = "[1]"
"""The arguments of the task that runs the timers of every second, as Celery writes them."""
PATIENCE = 60.0


class Beat:
    """A real `celery beat`, and what it has sent."""

    def __init__(self, clock: WallClock, log: Path) -> None:
        url, environment = settings.CELERY_BROKER_URL, {**os.environ, **clock.environment}
        self.sent: Counter[str] = Counter()
        self._connection = connect(url)
        channel = self._connection.channel()
        quorum = {"x-queue-type": "quorum"}
        channel.queue_declare("tasks", durable=True, auto_delete=False, arguments=quorum)
        channel.queue_purge("tasks")
        channel.basic_consume("tasks", callback=self._take, no_ack=True)
        argv = [sys.executable, *programs.beat_command()]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                argv, env=environment, cwd=REPOSITORY, stdout=file, stderr=file
            )

    def _take(self, message: amqp.Message) -> None:
        headers = message.headers or {}
        self.sent[headers["argsrepr"]] += 1

    def sends(self, more: int) -> float:
        """Wait for so many more runs of the timer that runs every second; return the seconds."""
        began, wanted = time.monotonic(), self.sent[EVERY_SECOND] + more
        while self.sent[EVERY_SECOND] < wanted:
            assert time.monotonic() - began < PATIENCE, "the timers stand"
            try:
                self._connection.drain_events(timeout=1)
            except TimeoutError:
                self._connection.send_heartbeat()  # On a loaded machine beat starts slowly.
        return time.monotonic() - began

    def close(self) -> None:
        """End it for certain."""
        self.process.kill()
        self.process.wait()
        close(self._connection, politely=False)


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    return WallClock(tmp_path)


@pytest.fixture
def beat(amqp_url: str, clock: WallClock, tmp_path: Path) -> Iterator[Beat]:
    made = Beat(clock, tmp_path / "beat.log")
    yield made
    made.close()


def test_timers_go_on_when_the_clock_is_set_and_beat_ends_at_once(
    beat: Beat, clock: WallClock, tmp_path: Path
) -> None:
    beat.sends(1)
    clock.set_by(-3600)
    beat.sends(3)
    clock.set_by(30 * 86400)
    before = beat.sent[EVERY_SECOND]
    took = beat.sends(3)
    assert beat.sent[EVERY_SECOND] - before <= took + 3, "what was not missed is made up for"
    beat.process.send_signal(signal.SIGTERM)
    assert beat.process.wait(PATIENCE) == 0
    assert "Sending due task" not in (tmp_path / "beat.log").read_text()

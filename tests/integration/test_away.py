"""Redis or the broker is away, frozen, and back: nothing waits for ever, nothing stays wrong."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import redis
from kombu.utils.url import parse_url

from conferences.data import redis_projection
from conferences.flows.due import end_conference_now
from conferences.models import Conference
from conferences.rules.states import EndReason
from foundation.bus import amqp
from foundation.cells.directory import redis_of
from tests.integration.conftest import create, do

pytestmark = pytest.mark.xdist_group("integration")


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let the projection find no Redis until the end of the test."""

    def away(platform: str) -> None:
        raise redis.ConnectionError("away")

    with pytest.MonkeyPatch.context() as patch:
        monkeypatch.setattr(redis_projection, "_paused_until", 0.0)
        patch.setattr(redis_projection, "_PAUSE_SECONDS", 0.05)
        patch.setattr(redis_projection, "redis_of", away)
        yield patch
    redis_projection._missed.clear()


def test_what_the_projection_missed_is_written_once_redis_is_back(
    place: str, no_redis: pytest.MonkeyPatch
) -> None:
    do(place, create("stays"), create("ends"))
    stays, ends = Conference.objects.order_by("confid").values_list("e164", flat=True)
    end_conference_now(place, ends, EndReason.RELEASED)
    no_redis.setattr(redis_projection, "redis_of", redis_of)
    end = time.monotonic() + 10
    while redis_projection._missed[place] and time.monotonic() < end:
        time.sleep(0.02)
    client = redis_of(place)
    assert client.hget(redis_projection.conference_key(stays), "state") == "creating"
    assert client.hget(redis_projection.conference_key(ends), "state") == "ended"
    assert 0 < int(str(client.ttl(redis_projection.conference_key(ends)))) <= 60


class Freezer:
    """A freezer stands before a broker, and on demand stops passing on what the broker sends."""

    def __init__(self, host: str, port: int) -> None:
        self.frozen = threading.Event()
        self._broker = (host, port)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        ours, _ = self._door.accept()
        theirs = socket.create_connection(self._broker)
        for source, target in ((ours, theirs), (theirs, ours)):
            threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                if not self.frozen.is_set():
                    target.sendall(chunk)


def test_a_broker_that_freezes_between_two_questions_is_left(
    amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amqp, "CONNECT_SECONDS", 1)
    parts = parse_url(amqp_url)
    freezer = Freezer(parts["hostname"], parts["port"])
    url = amqp_url.replace(f"{parts['hostname']}:{parts['port']}", f"127.0.0.1:{freezer.port}")
    connection = amqp.connect(url)
    freezer.frozen.set()
    began = time.monotonic()
    with pytest.raises(amqp.BROKER_ERRORS):
        connection.channel()
    assert time.monotonic() - began < 10
    amqp.close(connection)

"""A consumer waits for the rest of a large message, and does not ask the socket for it all the time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from amqp.transport import TCPTransport

from foundation.bus.amqp import receive

HALF_SECOND = 0.5
SIZE = 100_000
FRAME = b"\x03\x00\x01" + SIZE.to_bytes(4, "big") + b"x" * SIZE + b"\xce"


class Connection:
    """A connection as `receive` uses it: the library's own reading of frames, from a socket of the test."""

    def __init__(self, link: socket.socket) -> None:
        transport: Any = TCPTransport("localhost")
        transport.sock = link
        transport._setup_transport()
        self.transport = transport
        self.frames: list[int] = []

    def drain_events(self, timeout: float) -> None:
        """Read one frame."""
        with self.transport.having_timeout(timeout):
            self.frames.append(len(self.transport.read_frame()[2]))


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Any]]:
    """The broker's end of a link, and a consumer's connection."""
    broker, consumer = socket.socketpair()
    with broker, consumer:
        yield broker, Connection(consumer)


def test_nothing_is_waited_for_where_nothing_has_arrived(ends: tuple[socket.socket, Any]) -> None:
    with pytest.raises(TimeoutError):
        receive(ends[1], 0)


def test_half_a_message_is_waited_for_without_using_the_processor(
    ends: tuple[socket.socket, Any],
) -> None:
    broker, connection = ends
    broker.sendall(FRAME[:1000])
    threading.Timer(HALF_SECOND, broker.sendall, [FRAME[1000:]]).start()
    began, used = time.monotonic(), time.thread_time()
    receive(connection, 0)
    assert connection.frames == [SIZE]
    assert time.monotonic() - began > HALF_SECOND / 2
    assert time.thread_time() - used < HALF_SECOND / 2


def test_a_message_whose_rest_comes_late_is_read_all_the_same(
    ends: tuple[socket.socket, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, connection = ends
    monkeypatch.setattr("foundation.bus.amqp.FRAME_SECONDS", 0.05)
    broker.sendall(FRAME[:1000])
    with pytest.raises(TimeoutError):
        receive(connection, 0)
    threading.Thread(target=broker.sendall, args=[FRAME[1000:] + FRAME]).start()
    while len(connection.frames) < 2:
        receive(connection, 5)
    assert connection.frames == [SIZE, SIZE]

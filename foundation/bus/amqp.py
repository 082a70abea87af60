"""Connections to a broker that end when they should: batched confirms with one real deadline.

kombu waits for each confirm, and applies its time-out per frame, so that a broker in an alarm
holds a publisher for ever. Here a batch is published, waited for as a whole, and on any failure
the socket is dropped without a closing handshake, which a blocked broker would never answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from typing import Any, cast

import amqp
from amqp import spec
from amqp.exceptions import AMQPError, MessageNacked, RecoverableConnectionError
from kombu.utils.url import parse_url

from foundation.bus.outbox import OutboxRow

CONNECT_SECONDS = 5
CONFIRM_SECONDS = 5
HEARTBEAT_SECONDS = 20

BROKER_ERRORS = (AMQPError, OSError)
"""The exceptions that a broker causes which is gone, frozen or in an alarm."""


_Message: Any = amqp.Message
_read_properties = _Message._load_properties


def _load_properties(message: Any, class_id: int, buffer: Any, offset: int) -> int:
    """Read a message's properties, or note that they cannot be read.

    Properties that are not UTF-8, or hold an unknown kind of header, must end the message and not the session:
    the broker would deliver the message again for ever.
    """
    try:
        return int(_read_properties(message, class_id, buffer, offset))
    except Exception as error:
        message.properties = {UNREADABLE: f"properties: cannot be read ({type(error).__name__})"}
        return len(buffer)


UNREADABLE = "unreadable"
"""The only property of a message whose properties cannot be read. Its value says why."""

_Message._load_properties = _load_properties


def connect(url: str) -> amqp.Connection:
    """Open a connection. Raises one of BROKER_ERRORS within about CONNECT_SECONDS."""
    parts = parse_url(url)
    connection = amqp.Connection(
        f"{parts['hostname']}:{parts['port'] or 5672}",
        userid=parts["userid"] or "guest",
        password=parts["password"] or "guest",
        virtual_host=parts["virtual_host"] or "/",
        heartbeat=HEARTBEAT_SECONDS,
        connect_timeout=CONNECT_SECONDS,
        # It holds for each call to the broker (a channel, a declaration); deliveries have a time-out of their own.
        read_timeout=CONNECT_SECONDS,
        write_timeout=CONFIRM_SECONDS,
        on_blocked=_refuse_alarm,
    )
    connection.connect()
    return connection


def _refuse_alarm(*_: Any) -> None:
    raise RecoverableConnectionError("the broker has blocked publishers (memory or disk alarm)")


def close(connection: amqp.Connection | None, *, politely: bool = False) -> None:
    """Close a connection; `None` is left alone.

    `politely`: tell the broker. That would block on a connection which is not healthy.
    """
    if connection is None:
        return
    with suppress(Exception):
        if politely:
            connection.close()
        else:
            connection.collect()


_PUBLISH = "Bssbb"
"""The format of the arguments of Basic.Publish. `basic_publish` would read the socket before each message,
to see the broker's alarm; a broker in an alarm confirms nothing, which ends the batch as well."""


class _GatheredWriter:
    """The writer collects the frames of a batch, and writes them to the socket in one piece.

    One system call for each message would be a good part of what a small message costs, at both ends.
    """

    def __init__(self, connection: Any) -> None:
        self._transport = connection.transport
        self._frames: list[bytes] | None = None
        connection.frame_writer = connection.frame_writer_cls(connection, self)

    def write(self, data: Any) -> None:
        if self._frames is None:
            self._transport.write(data)
        else:
            self._frames.append(bytes(data))

    @contextmanager
    def gathering(self) -> Iterator[None]:
        self._frames = []
        try:
            yield
            self._transport.write(b"".join(self._frames))
        finally:
            self._frames = None


def rounds(
    connection: amqp.Connection,
    buffer: Sized,
    most: int,
    stop_asked: threading.Event,
    in_a_hurry: Callable[[], object] = bool,
) -> Iterator[bool]:
    """Receive messages into the buffer, and yield after each round whether its batch is due.

    A round blocks for the first message, and takes all others that have arrived. There is no timer, which would
    only delay a batch. `in_a_hurry` returns whether a round must not block, as there is other work to do.
    Raises one of BROKER_ERRORS.
    """
    while not stop_asked.is_set():
        try:
            connection.drain_events(timeout=0 if buffer or in_a_hurry() else 0.5)
        except (TimeoutError, BlockingIOError):
            due = bool(buffer)
        else:
            due = len(buffer) >= most
        yield due


class Publisher:
    """A publisher sends batches of rows, and waits until the broker has confirmed all of them.

    `lenient`: a message that the broker refuses counts as sent. This is for queues that third parties declare:
    a queue that is full and rejects messages (`x-overflow`) must not hold up the others.
    """

    def __init__(self, url: str, *, lenient: bool = False) -> None:
        self.connection = connect(url)
        self._lenient = lenient
        self._writer = _GatheredWriter(self.connection)
        self._channel = cast(Any, self.connection.channel())
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._acked)
        self._channel.events["basic_nack"].add(self._nacked)
        self._sent = 0
        self._below = 1
        self._ahead: set[int] = set()
        self._refused = 0

    def _acked(self, tag: int, multiple: bool) -> None:
        if multiple:
            self._below = max(self._below, tag + 1)
            self._ahead = {t for t in self._ahead if t > tag}
        else:
            self._ahead.add(tag)
        while self._below in self._ahead:
            self._ahead.remove(self._below)
            self._below += 1

    def _nacked(self, tag: int, multiple: bool) -> None:
        self._refused += 1
        self._acked(tag, multiple)

    def publish(self, rows: Iterable[OutboxRow]) -> None:
        """Send all rows, and return once the broker has confirmed them. Raises one of BROKER_ERRORS."""
        self.send(rows)
        self.wait()

    def send(self, rows: Iterable[OutboxRow]) -> None:
        """Send all rows without waiting for the broker; see `wait`. Raises one of BROKER_ERRORS."""
        with self._writer.gathering():
            for row in rows:
                about = _amqp_properties(row.properties)
                message = amqp.Message(row.body, content_type="application/json", **about)
                way = (0, row.exchange, row.routing_key, False, False)
                self._channel.send_method(spec.Basic.Publish, _PUBLISH, way, message)
                self._sent += 1

    def wait(self) -> None:
        """Return once the broker has confirmed all rows that were sent. Raises one of BROKER_ERRORS."""
        end = time.monotonic() + CONFIRM_SECONDS
        while self._below <= self._sent:
            left = end - time.monotonic()
            if left <= 0:
                waiting = self._sent + 1 - self._below
                raise RecoverableConnectionError(f"{waiting} messages are not confirmed")
            with suppress(TimeoutError):
                self.connection.drain_events(timeout=left)
        if self._refused:
            refused, self._refused = self._refused, 0
            if self._lenient:
                return
            raise MessageNacked(f"the broker refused {refused} messages")

    def tick(self) -> None:
        """Read what the broker has sent, and send a heartbeat. Raises one of BROKER_ERRORS."""
        with suppress(TimeoutError, BlockingIOError):
            while True:
                self.connection.drain_events(timeout=0)
        self.connection.heartbeat_tick()

    def close(self, *, politely: bool = True) -> None:
        """Close the connection."""
        close(self.connection, politely=politely)


def _amqp_properties(properties: dict[str, object]) -> dict[str, object]:
    amqp_properties = {"delivery_mode": 2, **properties}
    headers = amqp_properties.pop("headers", None)
    if headers:
        amqp_properties["application_headers"] = headers
    return amqp_properties

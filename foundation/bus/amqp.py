"""Connections to a RabbitMQ broker, which publish in batches, with one deadline for the confirms of a batch.

The library kombu waits for each confirm, and applies its time-out to each frame, so that a broker in an alarm (short of
memory or disk) holds a publisher for ever. Here a batch is published and confirmed as a whole, and on any failure the
socket is dropped without a closing handshake, which a blocked broker would never answer.
"""

from __future__ import annotations

import select
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

import amqp
from amqp import spec
from amqp.exceptions import AMQPError, MessageNacked, RecoverableConnectionError
from django.conf import settings
from kombu.utils.url import parse_url

from foundation.bus.arrivals import Arrivals
from foundation.bus.outbox import OutboxRow

CONNECT_SECONDS = 5
CONFIRM_SECONDS = 5
HEARTBEAT_SECONDS = 20
FRAME_SECONDS = 1.0
"""One read waits so many seconds for the rest of a message that has begun to arrive."""
_PERSISTENT = 2

T = TypeVar("T")

BROKER_ERRORS = (AMQPError, OSError)
"""The exceptions that a broker causes which is gone, frozen or in an alarm."""


_Message: Any = amqp.Message
_read_properties = _Message._load_properties


def _load_properties(message: Any, class_id: int, buffer: Any, offset: int) -> int:
    """Read the properties of a message, or store under UNREADABLE why they cannot be read.

    Return the position behind them. It replaces the library's method, which raises for properties that are not UTF-8 or
    hold an unknown kind of header. That error would end the session with the broker, which would then deliver the same
    message again for ever.
    """
    try:
        return int(_read_properties(message, class_id, buffer, offset))
    except Exception as error:
        message.properties = {UNREADABLE: f"properties: cannot be read ({type(error).__name__})"}
        return len(buffer)  # the position behind the properties: there is nothing more to read


UNREADABLE = "unreadable"
"""The only property of a message whose properties cannot be read. Its value says why."""

_Message._load_properties = _load_properties


def connect(url: str) -> amqp.Connection:
    """Open a connection to the RabbitMQ broker at an AMQP URL, by TLS if its scheme is amqps.

    Raises one of BROKER_ERRORS within a few seconds, also for a certificate that TLS_CA_FILE does not vouch for.
    """
    parts = parse_url(url)
    encrypted = parts["transport"] == "amqps"
    connection = amqp.Connection(
        f"{parts['hostname']}:{parts['port'] or (5671 if encrypted else 5672)}",
        ssl=_tls_options(parts["hostname"]) if encrypted else False,
        userid=parts["userid"] or "guest",
        password=parts["password"] or "guest",
        virtual_host=parts["virtual_host"] or "/",
        heartbeat=HEARTBEAT_SECONDS,
        connect_timeout=CONNECT_SECONDS,
        # The time-out is for each call to the broker (a channel, a declaration); deliveries have their own.
        read_timeout=CONNECT_SECONDS,
        write_timeout=CONFIRM_SECONDS,
        on_blocked=_raise_broker_blocked,
    )
    connection.connect()
    return connection


def _tls_options(host: str) -> dict[str, object]:
    """Return the options by which the library checks the certificate of the broker on a host."""
    context = {"cafile": settings.TLS_CA_FILE or None, "check_hostname": True}
    return {"context": context, "server_hostname": host}


def _raise_broker_blocked(*_: Any) -> None:
    """Raise the error by which a publisher learns that the broker accepts no messages now."""
    raise RecoverableConnectionError("the broker has blocked publishers (memory or disk alarm)")


def close(connection: amqp.Connection | None, *, politely: bool = False) -> None:
    """Close a connection; do nothing for `None`.

    `politely`: wait for the broker's reply, which may never come on a connection that is not healthy. Otherwise the
    socket is just dropped.
    """
    if connection is None:
        return
    if politely:
        with suppress(Exception):
            connection.close()
    with suppress(Exception):
        connection.collect()  # the library's name for dropping the socket


_PUBLISH_FORMAT = "Bssbb"
"""The format of the arguments of Basic.Publish. The library's `basic_publish` would read the socket before each
message, to see whether the broker is in an alarm; such a broker confirms nothing, which ends the batch as well."""


class _BatchWriter:
    """The writer collects the AMQP frames of a batch, and writes them to the socket in one piece.

    One system call for each message would be a good part of the cost of a small message, for both sides.
    """

    def __init__(self, connection: Any) -> None:
        """Have the connection write its frames through this object, instead of directly to the socket."""
        self._transport = connection.transport
        self._frames: list[bytes] | None = None
        connection.frame_writer = connection.frame_writer_cls(connection, self)

    def write(self, data: Any) -> None:
        """Write a frame to the socket, or add it to the batch that is being collected (called by the library)."""
        if self._frames is None:
            self._transport.write(data)
        else:
            self._frames.append(bytes(data))

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Collect the frames that are written within, and write them to the socket at the end."""
        self._frames = []
        try:
            yield
            self._transport.write(b"".join(self._frames))
        finally:
            self._frames = None


def receive(connection: amqp.Connection, seconds: float) -> None:
    """Read what the broker sends next, and run the callback for it. Raises TimeoutError, and BROKER_ERRORS.

    `seconds`: how long to wait; 0 reads only what has begun to arrive. The library itself is never asked to wait for
    0 s: it would poll the socket for the rest of a large message without a pause, and use a whole processor.
    """
    if not seconds and not _has_arrived(connection):
        raise TimeoutError
    connection.drain_events(timeout=seconds or FRAME_SECONDS)


def _has_arrived(connection: amqp.Connection) -> bool:
    """Return whether a connection has data to read now, or has been closed by the broker."""
    link = connection.transport.sock
    # TLS may have decrypted data that the socket does not show any more.
    if link is None or (isinstance(link, ssl.SSLSocket) and link.pending()):
        return True
    poller = select.poll()
    poller.register(link, select.POLLIN)
    return bool(poller.poll(0))


def receive_rounds(
    connection: amqp.Connection,
    arrivals: Arrivals[T],
    stop_asked: threading.Event,
    must_not_block: Callable[[], object] = bool,  # `bool()` is false: a round may wait
) -> Iterator[bool]:
    """Receive messages in rounds until `stop_asked`, and yield after each round whether to handle the batch now.

    The callbacks of the connection put messages into `arrivals`. A round blocks up to half a second for the first
    message, and takes all others that have arrived. A batch is to be handled when it is full or no more have arrived;
    there is no timer, which would only delay it. `must_not_block` returns whether the caller has other work to do, so
    that a round must not wait. Raises one of BROKER_ERRORS.
    """
    while not stop_asked.is_set():
        try:
            wait_seconds = 0 if arrivals or must_not_block() else 0.5
            receive(connection, wait_seconds)
        except (TimeoutError, BlockingIOError):
            is_batch_due = bool(arrivals)
        else:
            is_batch_due = arrivals.is_full
        yield is_batch_due


class Publisher:
    """A publisher sends batches of outbox rows to a broker, and waits until the broker has confirmed all of them.

    `lenient`: a message that the broker refuses counts as sent. This is for queues that third parties declare: a
    queue that is full and rejects messages (`x-overflow`) must not hold up messages for other queues. The outbox is
    the table of messages to send.
    """

    def __init__(self, url: str, *, lenient: bool = False) -> None:
        """Connect to the broker, and have it confirm each message. Raises one of BROKER_ERRORS."""
        self.connection = connect(url)
        self._lenient = lenient
        self._writer = _BatchWriter(self.connection)
        self._channel = cast(Any, self.connection.channel())
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._mark_answered)
        self._channel.events["basic_nack"].add(self._count_refused)
        self._sent = 0
        """How many messages were sent; their tags are 1 to this number."""
        self._first_unconfirmed = 1
        """The lowest tag that is not confirmed."""
        self._confirmed_later: set[int] = set()
        """Tags of confirmed messages after the first one that is not confirmed."""
        self._refused = 0
        """How many messages of the present batch the broker has refused."""

    def _mark_answered(self, tag: int, multiple: bool) -> None:
        """Note that the broker has answered about a message, so that `wait` no longer waits for it.

        `tag` counts the messages that were sent on this channel, from 1. `multiple`: the answer is about all
        messages up to this one.
        """
        if multiple:
            self._first_unconfirmed = max(self._first_unconfirmed, tag + 1)
            self._confirmed_later = {later for later in self._confirmed_later if later > tag}
        else:
            self._confirmed_later.add(tag)
        while self._first_unconfirmed in self._confirmed_later:
            self._confirmed_later.remove(self._first_unconfirmed)
            self._first_unconfirmed += 1

    def _count_refused(self, tag: int, multiple: bool) -> None:
        """Count a message that the broker has refused (`tag`: its number on this channel); `wait` raises the error.

        A refusal is an answer, too: nothing more comes about this message, so `wait` must not wait for it.
        """
        self._refused += 1
        self._mark_answered(tag, multiple)

    def publish(self, rows: Iterable[OutboxRow]) -> None:
        """Send messages (rows of the outbox), and return once the broker has confirmed them.

        Raises one of BROKER_ERRORS.
        """
        self.send(rows)
        self.wait()

    def send(self, rows: Iterable[OutboxRow]) -> None:
        """Send messages (rows of the outbox) without waiting for the broker's confirms. Raises one of BROKER_ERRORS."""
        with self._writer.collect():
            for row in rows:
                properties = _amqp_properties(row.properties)
                message = amqp.Message(row.body, content_type="application/json", **properties)
                # Of basic.publish: a reserved number, exchange, routing key, mandatory, immediate.
                arguments = (0, row.exchange, row.routing_key, False, False)
                self._channel.send_method(spec.Basic.Publish, _PUBLISH_FORMAT, arguments, message)
                self._sent += 1

    def wait(self) -> None:
        """Return once the broker has confirmed all messages that were sent.

        Raises one of BROKER_ERRORS, also if this takes longer than CONFIRM_SECONDS.
        """
        end = time.monotonic() + CONFIRM_SECONDS
        while self._first_unconfirmed <= self._sent:
            remaining = end - time.monotonic()
            if remaining <= 0:
                unconfirmed = self._sent + 1 - self._first_unconfirmed
                raise RecoverableConnectionError(f"{unconfirmed} messages are not confirmed")
            with suppress(TimeoutError):
                self.connection.drain_events(timeout=remaining)
        if self._refused:
            refused, self._refused = self._refused, 0
            if self._lenient:
                return
            raise MessageNacked(f"the broker refused {refused} messages")

    def count_waiting(self, queue: str) -> int:
        """Return how many messages wait in a queue. Raises one of BROKER_ERRORS.

        A consumer must not ask on the connection on which it receives: there the answer would arrive only after all
        messages that the broker is delivering. So it asks by this publisher, which has another connection.
        """
        return int(self._channel.queue_declare(queue, passive=True).message_count)

    def tick(self) -> None:
        """Process the frames that the broker has sent, and send a heartbeat. Raises one of BROKER_ERRORS."""
        with suppress(TimeoutError, BlockingIOError):
            while True:
                receive(self.connection, 0)
        self.connection.heartbeat_tick()

    def close(self, *, politely: bool = True) -> None:
        """Close the connection to the broker; `politely`: with a closing handshake, else by dropping the socket."""
        close(self.connection, politely=politely)


def _amqp_properties(properties: dict[str, object]) -> dict[str, object]:
    """Return the properties of an outbox row with the names that the AMQP library uses; messages are persistent.

    The outbox is the table of messages to send.
    """
    amqp_properties = {"delivery_mode": _PERSISTENT, **properties}
    headers = amqp_properties.pop("headers", None)
    if headers:
        amqp_properties["application_headers"] = headers
    return amqp_properties

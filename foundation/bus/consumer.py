"""The consumer takes all messages that have arrived, handles them as one batch, publishes, then acknowledges.

It runs as a thread of `celery worker` (see `confplatform/celery.py`), with connections of its own, so that neither can
hold up the other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import amqp
from amqp.exceptions import AccessRefused
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from foundation.bus import metrics, outbox
from foundation.bus.amqp import BROKER_ERRORS, UNREADABLE, Publisher, close, connect, receive_rounds
from foundation.bus.arrivals import Arrivals
from foundation.bus.declare import declare
from foundation.bus.delivery import DatabaseAway, Delivery, Outcome
from foundation.bus.envelope import envelope_of_amqp
from foundation.bus.reconnect import Backoff
from foundation.cells.directory import PlatformStore

log = logging.getLogger("confplatform.bus.consume")

BATCH = 200
BATCH_BYTES = 8 * 1024 * 1024
PREFETCH = 200
PREFETCH_BYTES = 64 * 1024 * 1024
"""The broker may deliver so many messages, or bytes, of all queues before the first is acknowledged."""
TURN_SECONDS = 1.0
"""The pause between two tries to become the only consumer of a queue."""

TICK_SECONDS = 2.0
DELETE_SECONDS = 0.5
"""Published rows are deleted from the outbox this long after the first of them, many in one statement."""

BatchHandler = Callable[[Sequence[Delivery]], list[Outcome]]
"""A batch handler handles a batch of messages. When it returns, the messages are safely stored: what it returns may be
published, and the messages acknowledged."""


class Consumer(threading.Thread):
    """A consumer is a thread that consumes queues of one broker. `handlers`: queue -> handler of its messages.

    `on_connect` is called at the beginning of each session with the broker. `peer` is the platform on whose broker
    the queues lie; "" means our own. On the broker of a peer (another site's platform) it publishes nothing itself:
    another thread sends all messages to that broker, in order. `exclusive`: of all processes only one at a time
    consumes these queues, so that their messages are handled in order.
    """

    def __init__(
        self,
        store: PlatformStore,
        broker_url: str,
        handlers: dict[str, BatchHandler],
        on_connect: Callable[[], None],
        peer: str = "",
        *,
        exclusive: bool = False,
    ) -> None:
        """Prepare the thread, which connects to the broker at `broker_url` once it is started.

        `handlers`: queue -> function that handles its messages. `on_connect` is called on each new connection, `peer`
        is the platform that the broker belongs to ("": our own), `exclusive` lets only one process consume at a time.
        """
        suffix = peer or ("in order" if exclusive else "")
        super().__init__(name=f"consumer {suffix}".rstrip(), daemon=True)
        self._store, self._url, self._handlers = store, broker_url, handlers
        self._on_connect, self._peer, self._exclusive = on_connect, peer, exclusive
        self._connected_gauge = metrics.PEER_CONSUMERS.labels(peer) if peer else metrics.BROKER_UP
        if exclusive:
            self._connected_gauge = metrics.IN_ORDER
        self._stop_asked = threading.Event()
        share = PREFETCH_BYTES // max(1, len(handlers))
        self._arrivals: Arrivals[tuple[str, amqp.Message]] = Arrivals(
            BATCH, BATCH_BYTES, PREFETCH, share
        )
        self._prefetch = PREFETCH
        self._published: dict[str, list[int]] = {}
        """Database -> ids of outbox rows that the broker has confirmed and that are still to be deleted."""
        self._published_at = 0.0
        """When the first of them was published (`time.monotonic`)."""

    def ask_to_stop(self) -> None:
        """Let the thread finish its batch and end. The broker delivers all other messages to other consumers."""
        self._stop_asked.set()

    def stop(self) -> None:
        """Ask the thread to stop, and wait for its end."""
        self.ask_to_stop()
        self.join(timeout=20)

    def run(self) -> None:
        """Connect to the broker and handle messages until asked to stop; after an error connect again."""
        backoff = Backoff()
        while not self._stop_asked.is_set():
            started = time.monotonic()
            try:
                self._run_session()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError, DatabaseAway) as error:
                log.warning("%s: session ended: %s: %s", self.name, type(error).__name__, error)
            except Exception:
                log.exception("%s: session ended by the unforeseen", self.name)
            self._connected_gauge.set(0)
            self._stop_asked.wait(backoff.next_pause(time.monotonic() - started))
        connections.close_all()

    def _run_session(self) -> None:
        """Connect to broker and database, and consume until asked to stop. Raises the error that ends the session.

        The broker then delivers again all messages that were not acknowledged.
        """
        close_old_connections()
        connections[self._store.database].ensure_connection()
        incoming, publisher, clean = None, None, False
        self._arrivals.clear()
        self._published.clear()
        try:
            publisher = None if self._peer else Publisher(self._url)
            incoming = connect(self._url)
            declare(incoming, self._peer or self._store.platform)
            channel = self._open_consuming_channel(incoming, publisher)
            self._connected_gauge.set(1)
            self._on_connect()
            log.info("%s: consuming %s", self.name, ", ".join(self._handlers))
            self._handle_batches(incoming, channel, publisher)
            # Unless a stop was asked, `_handle_batches` has ended because the prefetch count must change.
            while not self._stop_asked.is_set():
                close(incoming, politely=True)
                incoming = connect(self._url)
                channel = self._open_consuming_channel(incoming, publisher)
                self._handle_batches(incoming, channel, publisher)
            clean = True
        finally:
            close(incoming, politely=clean)
            if publisher:
                publisher.close(politely=clean)

    def _open_consuming_channel(
        self, incoming: amqp.Connection, publisher: Publisher | None
    ) -> Any:
        """Return a new channel on which our queues are consumed.

        An exclusive consumer waits until no other process consumes them, and sends heartbeats meanwhile.
        """
        self._arrivals.clear()
        self._prefetch = self._arrivals.prefetch
        while True:
            channel = incoming.channel()
            channel.basic_qos(0, self._prefetch, False)  # no limit in bytes; for each consumer
            try:
                for queue in self._handlers:
                    callback = self._callback_for(queue)
                    channel.basic_consume(queue, callback=callback, exclusive=self._exclusive)
            except AccessRefused:
                if not self._exclusive or self._stop_asked.wait(TURN_SECONDS):
                    raise
                incoming.heartbeat_tick()
                if publisher:
                    publisher.tick()
            else:
                return channel

    def _callback_for(self, queue: str) -> Callable[[amqp.Message], None]:
        """Return the function that the AMQP library calls with each message of a queue; it buffers the message."""

        def callback(message: amqp.Message) -> None:
            """Put a message that has arrived into the buffer, with the queue that it came from."""
            self._arrivals.put((queue, message), len(message.body))

        return callback

    def _handle_batches(
        self, incoming: amqp.Connection, channel: amqp.Channel, publisher: Publisher | None
    ) -> None:
        """Handle batches until asked to stop, or until the prefetch count must change.

        In between, send heartbeats and delete published rows from the outbox.
        """
        ticked_at = time.monotonic()
        for is_batch_due in receive_rounds(incoming, self._arrivals, self._stop_asked):
            if is_batch_due:
                self._handle_batch(channel, publisher)
            if self._arrivals.prefetch != self._prefetch:
                break
            if self._published and time.monotonic() - self._published_at > DELETE_SECONDS:
                self._delete_published()
            if time.monotonic() - ticked_at > TICK_SECONDS:
                ticked_at = time.monotonic()
                incoming.heartbeat_tick()
                if publisher:
                    publisher.tick()
                close_old_connections()
                self._arrivals.reset_prefetch()
        self._delete_published()

    def _handle_batch(self, channel: amqp.Channel, publisher: Publisher | None) -> None:
        """Handle the next batch of messages, publish the messages that result, then acknowledge the batch.

        A process that dies in between gets the batch again, since what is not acknowledged is delivered again.
        """
        batch = self._arrivals.take_batch()
        metrics.BATCH.observe(len(batch))
        with metrics.BATCH_SECONDS.time():
            deliveries_of: dict[BatchHandler, list[Delivery]] = {}
            for queue, message in batch:
                delivery = _to_delivery(queue, message, self._peer)
                deliveries_of.setdefault(self._handlers[queue], []).append(delivery)
            for handler, deliveries in deliveries_of.items():
                for outcome in handler(deliveries):
                    self._publish_rows(publisher, outcome)
            _queue, last_message = batch[-1]
            last_tag = last_message.delivery_tag
            assert last_tag is not None
            channel.basic_ack(last_tag, multiple=True)

    def _publish_rows(self, publisher: Publisher | None, outcome: Outcome) -> None:
        """Publish the messages (rows) of a batch's outcome that are for our own broker.

        They also lie in the outbox, the table of messages to send, and are noted for deletion from it. Other threads
        send those for peers (other sites' platforms), and all of them if `publisher` is `None`. An outcome without
        `database` has rows that are in no outbox; those for peers are then published directly.
        """
        # Rows that are in no outbox: no other thread would send those for peers.
        if not outcome.database:
            self._publish_directly([row for row in outcome.rows if row.destination])
        rows = [row for row in outcome.rows if not row.destination]
        if not rows or publisher is None:
            return
        publisher.publish(rows)
        metrics.PUBLISHED.inc(len(rows))
        if outcome.database:
            if not self._published:
                self._published_at = time.monotonic()
            self._published.setdefault(outcome.database, []).extend(row.id for row in rows)

    def _publish_directly(self, rows: list[outbox.OutboxRow]) -> None:
        """Publish rows on the peers' brokers at once, not by way of the outbox, which this site must not write to now.

        It is called before the messages that caused the rows are acknowledged, so that none is lost. The outbox is
        the table of messages to send.
        """
        for peer in sorted({row.destination for row in rows}):
            if peer not in settings.PEERS:
                log.warning("PEERS names no broker of %s: what is for it is left out", peer)
                continue
            publisher = Publisher(settings.PEERS[peer])
            publisher.publish([row for row in rows if row.destination == peer])
            publisher.close()

    def _delete_published(self) -> None:
        """Delete from the outbox (the table of messages to send) the rows that the broker has confirmed.

        If the process dies before, they are sent a second time.
        """
        published, self._published = self._published, {}
        for database, ids in published.items():
            outbox.delete_rows(database, ids)


def _to_delivery(queue: str, message: amqp.Message, peer: str) -> Delivery:
    """Return a received AMQP message as a delivery, with its properties as an envelope.

    `peer` is the platform on whose broker the queue lies; "" means our own.
    """
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    redelivered = bool(message.delivery_info.get("redelivered"))
    unreadable = message.properties.get(UNREADABLE, "")
    envelope = envelope_of_amqp(queue, message.properties, redelivered, peer)
    return Delivery(body, envelope, unreadable=unreadable)

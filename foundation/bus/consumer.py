"""The message consumer: takes what is there, does it as one batch, publishes, then acknowledges.

It runs as a thread of `celery worker` (see `confplatform/celery.py`), with connections of its own: nothing it
does can hold up Celery's event loop, and a slow task cannot hold up messages.
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

from foundation.bus import metrics, outbox, wake_up
from foundation.bus.amqp import BROKER_ERRORS, UNREADABLE, Publisher, close, connect, rounds
from foundation.bus.declare import declare
from foundation.bus.delivery import DatabaseAway, Delivery, Outcome
from foundation.bus.envelope import of_amqp
from foundation.bus.reconnect import Backoff
from foundation.cells.directory import PlatformStore

log = logging.getLogger("confplatform.bus.consume")

BATCH = 200
PREFETCH = 200
TURN_SECONDS = 1.0
"""Between two tries to become the only consumer of a queue."""

BatchHandler = Callable[[Sequence[Delivery]], list[Outcome]]
"""A batch handler handles a batch of deliveries; all that it returns is safe to publish and to acknowledge."""


class Consumer(threading.Thread):
    """Consumes the queues of all roles of this process; `on_connect` is called as each session begins.

    `peer`: the platform on whose broker it does so. There it publishes nothing itself: its rows are for
    the relay and the links, so that what goes to one broker goes by one way, in order. `alone`: of all
    processes one at a time consumes these queues, so that their messages are done in order too.
    """

    def __init__(
        self,
        store: PlatformStore,
        broker_url: str,
        handlers: dict[str, BatchHandler],
        on_connect: Callable[[], None],
        peer: str = "",
        *,
        alone: bool = False,
    ) -> None:
        whose = peer or ("in order" if alone else "")
        super().__init__(name=f"consumer {whose}".rstrip(), daemon=True)
        self._store, self._url, self._handlers = store, broker_url, handlers
        self._on_connect, self._peer, self._alone = on_connect, peer, alone
        self._up = metrics.PEER_CONSUMERS.labels(peer) if peer else metrics.BROKER_UP
        if alone:
            self._up = metrics.IN_ORDER
        self._stop_asked = threading.Event()
        self._buffer: list[tuple[str, amqp.Message]] = []
        self._published: dict[str, list[int]] = {}
        self._published_at = 0.0

    def ask_to_stop(self) -> None:
        """Let it finish the batch at hand; the broker hands the rest to others."""
        self._stop_asked.set()

    def stop(self) -> None:
        """Ask the thread to stop, and wait for its end."""
        self.ask_to_stop()
        self.join(timeout=20)

    def run(self) -> None:
        """Run sessions with the broker, one after the other, until asked to stop."""
        backoff = Backoff()
        while not self._stop_asked.is_set():
            started = time.monotonic()
            try:
                self._session()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError, DatabaseAway) as error:
                log.warning("%s: session ended: %s: %s", self.name, type(error).__name__, error)
            except Exception:
                log.exception("%s: session ended by the unforeseen", self.name)
            self._up.set(0)
            self._stop_asked.wait(backoff.next_pause(time.monotonic() - started))
        connections.close_all()

    def _session(self) -> None:
        """Consume until told to stop, or until something breaks; unacknowledged messages come again."""
        close_old_connections()
        connections[self._store.database].ensure_connection()
        incoming, publisher, clean = None, None, False
        self._buffer.clear()
        self._published.clear()
        try:
            publisher = None if self._peer else Publisher(self._url)
            incoming = connect(self._url)
            declare(incoming, self._peer or self._store.platform)
            channel = self._consume(incoming, publisher)
            self._up.set(1)
            self._on_connect()
            log.info("%s: consuming %s", self.name, ", ".join(self._handlers))
            self._loop(incoming, channel, publisher)
            clean = True
        finally:
            close(incoming, politely=clean)
            if publisher:
                publisher.close(politely=clean)

    def _consume(self, incoming: amqp.Connection, publisher: Publisher | None) -> Any:
        """Return a channel on which our queues are consumed; a consumer that must be alone waits for its turn."""
        while True:
            channel = incoming.channel()
            channel.basic_qos(0, PREFETCH, False)
            try:
                for queue in self._handlers:
                    append = self._appender(queue)
                    channel.basic_consume(queue, callback=append, exclusive=self._alone)
            except AccessRefused:
                if not self._alone or self._stop_asked.wait(TURN_SECONDS):
                    raise
                incoming.heartbeat_tick()
                if publisher:
                    publisher.tick()
            else:
                return channel

    def _appender(self, queue: str) -> Callable[[amqp.Message], None]:
        def append(message: amqp.Message) -> None:
            self._buffer.append((queue, message))

        return append

    def _loop(
        self, incoming: amqp.Connection, channel: amqp.Channel, publisher: Publisher | None
    ) -> None:
        ticked = time.monotonic()
        for due in rounds(incoming, self._buffer, BATCH, self._stop_asked):
            if due:
                self._batch(channel, publisher)
            if self._published and time.monotonic() - self._published_at > 0.5:
                self._forget_published()
            if time.monotonic() - ticked > 2:
                ticked = time.monotonic()
                incoming.heartbeat_tick()
                if publisher:
                    publisher.tick()
                close_old_connections()
        self._forget_published()

    def _batch(self, channel: amqp.Channel, publisher: Publisher | None) -> None:
        """Do a batch, publish what it led to, acknowledge it: in this order."""
        batch, self._buffer[:BATCH] = self._buffer[:BATCH], []
        metrics.BATCH.observe(len(batch))
        with metrics.BATCH_SECONDS.time():
            by_handler: dict[BatchHandler, list[Delivery]] = {}
            for queue, message in batch:
                delivery = _delivery(queue, message, self._peer)
                by_handler.setdefault(self._handlers[queue], []).append(delivery)
            for handler, deliveries in by_handler.items():
                for outcome in handler(deliveries):
                    self._publish(publisher, outcome)
            last_tag = batch[-1][1].delivery_tag
            assert last_tag is not None
            channel.basic_ack(last_tag, multiple=True)

    def _publish(self, publisher: Publisher | None, outcome: Outcome) -> None:
        """Send what is for our own broker; the links have been told of the rest."""
        self._pass_on([r for r in outcome.rows if r.destination and not outcome.database])
        rows = [row for row in outcome.rows if not row.destination]
        if not rows:
            return
        if publisher is None:
            wake_up.everywhere(self._store.platform)
            return
        publisher.publish(rows)
        metrics.PUBLISHED.inc(len(rows))
        if outcome.database:
            if not self._published:
                self._published_at = time.monotonic()
            self._published.setdefault(outcome.database, []).extend(row.id for row in rows)

    def _pass_on(self, rows: list[outbox.OutboxRow]) -> None:
        """Send to peers the rows of no outbox, before acknowledging: this site may write nothing now."""
        for peer in sorted({row.destination for row in rows}):
            if peer not in settings.PEERS:
                log.warning("PEERS names no broker of %s: what is for it is left out", peer)
                continue
            publisher = Publisher(settings.PEERS[peer])
            publisher.publish([row for row in rows if row.destination == peer])
            publisher.close()

    def _forget_published(self) -> None:
        """Delete rows that are confirmed. Late is fine: at worst a relay sends one twice."""
        published, self._published = self._published, {}
        for database, ids in published.items():
            outbox.forget(database, ids)


def _delivery(queue: str, message: amqp.Message, peer: str) -> Delivery:
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    redelivered = bool(message.delivery_info.get("redelivered"))
    unreadable = message.properties.get(UNREADABLE, "")
    envelope = of_amqp(queue, message.properties, redelivered, peer)
    return Delivery(body, envelope, unreadable=unreadable)

"""The message consumer: takes what is there, does it as one batch, publishes, then acknowledges.

It runs as a thread of `celery worker` (see `bootstep.py`), with connections of its own: nothing it
does can hold up Celery's event loop, and a slow task cannot hold up messages.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import amqp
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from confplatform.bus import metrics, outbox
from confplatform.bus.amqp import BROKER_ERRORS, UNREADABLE, Publisher, connect, hang_up
from confplatform.bus.declare import declare
from confplatform.bus.dispatch import DatabaseAway, Delivery, Outcome
from confplatform.bus.envelope import of_amqp
from confplatform.stores.directory import PlatformStore

log = logging.getLogger("confplatform.bus.consume")

BATCH = 200
PREFETCH = 200
LONGEST_PAUSE = 5.0

Desk = Callable[[Sequence[Delivery]], Outcome]
"""Does a batch of deliveries: all that it returns is safe to publish and to acknowledge."""


class Consumer(threading.Thread):
    """Consumes the queues of all roles of this process; `greet` is called as each session begins."""

    def __init__(
        self,
        store: PlatformStore,
        broker_url: str,
        desks: dict[str, Desk],
        greet: Callable[[], None],
    ) -> None:
        super().__init__(name="consumer", daemon=True)
        self._store, self._url, self._desks = store, broker_url, desks
        self._greet = greet
        self._stop_asked = threading.Event()
        self._buffer: list[tuple[str, amqp.Message]] = []
        self._published: list[int] = []
        self._published_at = 0.0

    def stop(self) -> None:
        """Finish the batch at hand; the broker hands the rest to others."""
        self._stop_asked.set()
        self.join(timeout=20)

    def run(self) -> None:
        """Sessions with the broker, one after the other, for ever."""
        pause = 0.2
        while not self._stop_asked.is_set():
            started = time.monotonic()
            try:
                self._session()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError, DatabaseAway) as wrong:
                log.warning("session ended: %s: %s", type(wrong).__name__, wrong)
            except Exception:
                log.exception("session ended by the unforeseen")
            metrics.BROKER_UP.set(0)
            if time.monotonic() - started > 10:
                pause = 0.2
            self._stop_asked.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        connections.close_all()

    def _session(self) -> None:
        """Consume until told to stop, or until something breaks; unacknowledged messages come again."""
        close_old_connections()
        connections[self._store.database].ensure_connection()
        incoming, publisher, clean = None, None, False
        self._buffer.clear()
        self._published.clear()
        try:
            publisher = Publisher(self._url)
            incoming = connect(self._url)
            declare(incoming, self._store.platform)
            channel = incoming.channel()
            channel.basic_qos(0, PREFETCH, False)
            for queue in self._desks:
                channel.basic_consume(queue, callback=self._take(queue))
            metrics.BROKER_UP.set(1)
            self._greet()
            log.info("consuming %s", ", ".join(self._desks))
            self._loop(incoming, channel, publisher)
            clean = True
        finally:
            hang_up(incoming, politely=clean)
            if publisher:
                publisher.close(politely=clean)

    def _take(self, queue: str) -> Callable[[amqp.Message], None]:
        def take(message: amqp.Message) -> None:
            self._buffer.append((queue, message))

        return take

    def _loop(self, incoming: Any, channel: Any, publisher: Publisher) -> None:
        """Block for the first message, take what is there, then work. No timer: it would only wait."""
        ticked = time.monotonic()
        while not self._stop_asked.is_set():
            try:
                incoming.drain_events(timeout=0 if self._buffer else 0.5)
            except (TimeoutError, BlockingIOError):
                if self._buffer:
                    self._batch(channel, publisher)
            else:
                if len(self._buffer) >= BATCH:
                    self._batch(channel, publisher)
            if self._published and time.monotonic() - self._published_at > 0.5:
                self._forget_published()
            if time.monotonic() - ticked > 2:
                ticked = time.monotonic()
                incoming.heartbeat_tick()
                publisher.tick()
                close_old_connections()
        self._forget_published()

    def _batch(self, channel: Any, publisher: Publisher) -> None:
        """Do a batch, publish what it led to, acknowledge it: in this order."""
        taken, self._buffer[:BATCH] = self._buffer[:BATCH], []
        metrics.BATCH.observe(len(taken))
        with metrics.BATCH_SECONDS.time():
            by_desk: dict[Desk, list[Delivery]] = {}
            for queue, message in taken:
                by_desk.setdefault(self._desks[queue], []).append(_delivery(queue, message))
            for desk, deliveries in by_desk.items():
                self._publish(publisher, desk(deliveries))
            channel.basic_ack(taken[-1][1].delivery_tag, multiple=True)

    def _publish(self, publisher: Publisher, outcome: Outcome) -> None:
        if not outcome.rows:
            return
        publisher.publish(outcome.rows)
        metrics.PUBLISHED.inc(len(outcome.rows))
        if outcome.stored:
            if not self._published:
                self._published_at = time.monotonic()
            self._published += [row.id for row in outcome.rows]

    def _forget_published(self) -> None:
        """Delete rows that are confirmed. Late is fine: at worst a relay sends one twice."""
        ids, self._published = self._published, []
        outbox.forget(self._store.database, ids)


def _delivery(queue: str, message: amqp.Message) -> Delivery:
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    redelivered = bool(message.delivery_info.get("redelivered"))
    unreadable = message.properties.get(UNREADABLE, "")
    return Delivery(body, of_amqp(queue, message.properties, redelivered), unreadable=unreadable)

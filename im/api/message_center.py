"""The center: a process that reads one ingress queue, and publishes what has become of it.

Of several processes with the same number one reads, the others stand by (single active consumer);
centers of other numbers have queues of their own (`settings.IM_CENTERS`, see `broker.declare`).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Any

import amqp
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from foundation.bus.amqp import BROKER_ERRORS, UNREADABLE, Publisher, connect, hang_up, rounds
from foundation.bus.outbox import Row
from im.api.server_requests import Desk
from im.data import broker, metrics, presence_store
from im.flows.pipeline import Away, Pipeline
from im.flows.presence_publisher import Teller
from im.rules.messages import ClientDelivery
from im.rules.routing import Publication
from im.rules.topology import ingress
from im.rules.vocabulary import BATCH

log = logging.getLogger("im.center")

PREFETCH = 4 * BATCH
LONGEST_PAUSE = 5.0
TICK_SECONDS = 2.0
AGAIN_SECONDS = 1.0
"""Not more often is one person put out."""
FLOOD_SECONDS = 60
"""So long the door refuses who was put out."""


class Center:
    """Sessions with the broker, one after the other, until it is asked to stop."""

    def __init__(self, number: int = 0) -> None:
        self._queue = ingress(number)
        self._stop_asked = threading.Event()
        self._buffer: list[amqp.Message] = []
        self._published = 0
        """Up to this delivery all is sent, and not acknowledged yet."""
        self._bouncer = Bouncer()
        self._pipeline = Pipeline(self._bouncer.put_out)

    def ask_to_stop(self) -> None:
        """Let it finish the batch at hand; the broker hands the rest to others."""
        self._stop_asked.set()

    def run(self) -> None:
        """Until `ask_to_stop`. Whatever breaks: nothing is acknowledged, and everything comes again."""
        self._bouncer.start()
        pause = 0.2
        while not self._stop_asked.is_set():
            started = time.monotonic()
            try:
                self._session()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError, Away) as wrong:
                log.warning("session ended: %s: %s", type(wrong).__name__, wrong)
            except Exception:
                log.exception("session ended by the unforeseen")
            metrics.CENTER_UP.set(0)
            pause = 0.2 if time.monotonic() - started > 10 else min(pause * 2, LONGEST_PAUSE)
            self._stop_asked.wait(pause)
        self._bouncer.stop()
        connections.close_all()

    def _session(self) -> None:
        """Read until told to stop, or until something breaks."""
        close_old_connections()
        self._pipeline.check()
        self._buffer.clear()
        self._published = 0
        incoming, publisher, clean = None, None, False
        try:
            incoming = connect(settings.IM_AMQP_URL)
            broker.declare(incoming)
            publisher = Publisher(settings.IM_AMQP_URL, lenient=True)
            channel = self._consume(incoming)
            metrics.CENTER_UP.set(1)
            log.info("reading %s", self._queue)
            self._loop(incoming, channel, publisher)
            clean = True
        finally:
            hang_up(incoming, politely=clean)
            if publisher:
                publisher.close(politely=clean)

    def _consume(self, incoming: Any) -> Any:
        channel: Any = incoming.channel()
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume(self._queue, callback=self._buffer.append)
        return channel

    def _loop(self, incoming: Any, channel: Any, publisher: Publisher) -> None:
        ticked = time.monotonic()
        for due in rounds(incoming, self._buffer, BATCH, self._stop_asked, self._owes):
            if due:
                self._batch(channel, publisher)
            elif not self._buffer:
                self._acknowledge(channel, publisher)
            if time.monotonic() - ticked > TICK_SECONDS:
                ticked = time.monotonic()
                self._tick(incoming, channel, publisher)
        self._acknowledge(channel, publisher)

    def _tick(self, incoming: Any, channel: Any, publisher: Publisher) -> None:
        """Look how much waits, and show that we live."""
        waiting = int(channel.queue_declare(self._queue, passive=True).message_count)
        metrics.WAITING.labels(self._queue).set(waiting)
        if not waiting:
            self._pipeline.nothing_waits()
        incoming.heartbeat_tick()
        publisher.tick()
        close_old_connections()

    def _batch(self, channel: Any, publisher: Publisher) -> None:
        """Store a batch and publish what it led to. The broker confirms it while the next one is stored."""
        taken, self._buffer[:BATCH] = self._buffer[:BATCH], []
        metrics.BATCH.observe(len(taken))
        with metrics.BATCH_SECONDS.time():
            pushes = self._pipeline.take([_delivery(one) for one in taken])
            self._acknowledge(channel, publisher)
            publisher.send(_row(push) for push in pushes)
        self._published = taken[-1].delivery_tag or 0
        metrics.PUSHED.inc(len(pushes))

    def _owes(self) -> bool:
        return self._published > 0

    def _acknowledge(self, channel: Any, publisher: Publisher) -> None:
        """What was published last, once the broker has all of it."""
        if self._published:
            publisher.wait()
            channel.basic_ack(self._published, multiple=True)
            self._published = 0


def _delivery(message: amqp.Message) -> ClientDelivery:
    """What cannot be read is from nobody: counted as refused, and gone."""
    about, properties = message.delivery_info, message.properties
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    return ClientDelivery(
        body,
        about["exchange"],
        about["routing_key"],
        "" if UNREADABLE in properties else properties.get("user_id", ""),
        bool(about["redelivered"]),
    )


def _row(push: Publication) -> Row:
    """Transient: who misses it sees a gap in `seq`, and fetches it."""
    return Row(0, push.exchange, push.key, push.body, {"delivery_mode": 1, "headers": push.headers})


def helpers(number: int) -> list[threading.Thread]:
    """What a center's process does beside: the first one also looks after other servers."""
    return [Teller(), Desk()] if number == 0 else [Teller()]


class Bouncer(threading.Thread):
    """Puts out who floods: the door refuses him for a while, and his connections are closed."""

    def __init__(self) -> None:
        super().__init__(name="bouncer", daemon=True)
        self._users: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._out: dict[str, float] = {}

    def put_out(self, user: str) -> None:
        """Soon; called again as long as he goes on."""
        self._users.put(user)

    def stop(self) -> None:
        """Once those that are waited for are out."""
        self._users.put("")

    def run(self) -> None:
        """Until it is stopped."""
        while user := self._users.get():
            if time.monotonic() - self._out.get(user, 0.0) > AGAIN_SECONDS:
                self._put_out(user)

    def _put_out(self, user: str) -> None:
        """What of him is in the queue still is thrown away unread; he may have come in meanwhile."""
        metrics.FLOODS.inc()
        log.warning("%s floods: put out for %d s", user, FLOOD_SECONDS)
        try:
            presence_store.block_flooder(user, time.time() + FLOOD_SECONDS)
            broker.close_connections(user)
        except (redis.RedisError, broker.BrokerUnavailable) as wrong:
            log.warning("%s could not be put out: %s", user, wrong)
            return
        if len(self._out) > 1000:
            self._out.clear()
        self._out[user] = time.monotonic()

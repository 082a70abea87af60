"""The message center is a process that reads one ingress queue and publishes the results.

Of several processes with the same number one reads and the others stand by (single active
consumer). Centers of other numbers have queues of their own (`settings.IM_CENTERS`, see
`broker.declare`).
"""

from __future__ import annotations

import logging
import queue
import threading
import time

import amqp
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from foundation import clock
from foundation.bus.amqp import BROKER_ERRORS, UNREADABLE, Publisher, close, connect, rounds
from foundation.bus.outbox import OutboxRow
from foundation.bus.reconnect import Backoff
from im.api.server_requests import ServerRequestHandler
from im.data import broker, metrics, presence_store
from im.flows.pipeline import Pipeline, Unavailable
from im.flows.presence_publisher import PresencePublisher
from im.rules.messages import ClientDelivery
from im.rules.routing import Publication
from im.rules.topology import ingress
from im.rules.vocabulary import BATCH

log = logging.getLogger("im.center")

PREFETCH = 4 * BATCH
TICK_SECONDS = 2.0
REPEAT_SECONDS = 1.0
"""The same person is not disconnected more often than this."""
FLOOD_SECONDS = 60
"""The auth backend refuses a disconnected flooder for this long."""


class Center:
    """A center runs sessions with the broker, one after the other, until it is asked to stop."""

    def __init__(self, number: int = 0) -> None:
        self._queue = ingress(number)
        self._stop_asked = threading.Event()
        self._buffer: list[amqp.Message] = []
        self._published = 0
        """Up to this delivery all is sent, and not acknowledged yet."""
        self._flood_guard = FloodGuard()
        self._pipeline = Pipeline(self._flood_guard.disconnect)

    def ask_to_stop(self) -> None:
        """Let the center finish the current batch; the broker hands the rest to others."""
        self._stop_asked.set()

    def run(self) -> None:
        """Run until `ask_to_stop`.

        After any failure nothing is acknowledged, so everything is redelivered.
        """
        self._flood_guard.start()
        backoff = Backoff()
        while not self._stop_asked.is_set():
            started = time.monotonic()
            try:
                self._session()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError, Unavailable) as error:
                log.warning("session ended: %s: %s", type(error).__name__, error)
            except Exception:
                log.exception("session ended by the unforeseen")
            metrics.CENTER_UP.set(0)
            self._stop_asked.wait(backoff.next_pause(time.monotonic() - started))
        self._flood_guard.stop()
        connections.close_all()

    def _session(self) -> None:
        """Consume until the center is asked to stop, or something breaks."""
        close_old_connections()
        self._pipeline.check_writable()
        self._buffer.clear()
        self._published = 0
        incoming, publisher, is_clean = None, None, False
        try:
            incoming = connect(settings.IM_AMQP_URL)
            broker.declare(incoming)
            publisher = Publisher(settings.IM_AMQP_URL, lenient=True)
            channel = self._consume(incoming)
            metrics.CENTER_UP.set(1)
            log.info("reading %s", self._queue)
            self._loop(incoming, channel, publisher)
            is_clean = True
        finally:
            close(incoming, politely=is_clean)
            if publisher:
                publisher.close(politely=is_clean)

    def _consume(self, incoming: amqp.Connection) -> amqp.Channel:
        channel: amqp.Channel = incoming.channel()
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume(self._queue, callback=self._buffer.append)
        return channel

    def _loop(self, incoming: amqp.Connection, channel: amqp.Channel, publisher: Publisher) -> None:
        ticked = time.monotonic()
        for due in rounds(
            incoming, self._buffer, BATCH, self._stop_asked, self._has_unacknowledged
        ):
            if due:
                self._batch(channel, publisher)
            elif not self._buffer:
                self._acknowledge(channel, publisher)
            if time.monotonic() - ticked > TICK_SECONDS:
                ticked = time.monotonic()
                self._tick(incoming, channel, publisher)
        self._acknowledge(channel, publisher)

    def _tick(self, incoming: amqp.Connection, channel: amqp.Channel, publisher: Publisher) -> None:
        """Measure the length of the queue, and send heartbeats."""
        declared = channel.queue_declare(self._queue, passive=True)
        assert declared is not None
        _name, waiting, _consumers = declared
        metrics.WAITING.labels(self._queue).set(waiting)
        if not waiting:
            self._pipeline.note_queue_empty()
        incoming.heartbeat_tick()
        publisher.tick()
        close_old_connections()

    def _batch(self, channel: amqp.Channel, publisher: Publisher) -> None:
        """Store a batch and publish its results.

        The broker confirms them while the next batch is stored.
        """
        messages, self._buffer[:BATCH] = self._buffer[:BATCH], []
        metrics.BATCH.observe(len(messages))
        with metrics.BATCH_SECONDS.time():
            publications = self._pipeline.handle_batch([_delivery(message) for message in messages])
            self._acknowledge(channel, publisher)
            publisher.send(_row(publication) for publication in publications)
        self._published = messages[-1].delivery_tag or 0
        metrics.PUSHED.inc(len(publications))

    def _has_unacknowledged(self) -> bool:
        return self._published > 0

    def _acknowledge(self, channel: amqp.Channel, publisher: Publisher) -> None:
        """Acknowledge what was published last, once the broker has confirmed all of it."""
        if self._published:
            publisher.wait()
            channel.basic_ack(self._published, multiple=True)
            self._published = 0


def _delivery(message: amqp.Message) -> ClientDelivery:
    """Return a message as a delivery; an unreadable sender counts as nobody, and is refused."""
    delivery_info, properties = message.delivery_info, message.properties
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    return ClientDelivery(
        body,
        delivery_info["exchange"],
        delivery_info["routing_key"],
        "" if UNREADABLE in properties else properties.get("user_id", ""),
        bool(delivery_info["redelivered"]),
    )


def _row(publication: Publication) -> OutboxRow:
    """Return the row of a transient message: a client that misses it sees a gap in `seq`."""
    return OutboxRow(
        0,
        publication.exchange,
        publication.key,
        publication.body,
        {"delivery_mode": 1, "headers": publication.headers},
    )


def helper_threads(number: int) -> list[threading.Thread]:
    """Return the further threads of a center; the first center also answers other servers."""
    return [PresencePublisher(), ServerRequestHandler()] if number == 0 else [PresencePublisher()]


class FloodGuard(threading.Thread):
    """The flood guard refuses flooders for a while and closes their connections."""

    def __init__(self) -> None:
        super().__init__(name="bouncer", daemon=True)
        self._users: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._disconnected_at: dict[str, float] = {}

    def disconnect(self, user: str) -> None:
        """Disconnect a person soon; this is called again as long as the person floods."""
        self._users.put(user)

    def stop(self) -> None:
        """Stop the thread once the waiting persons are disconnected."""
        self._users.put("")

    def run(self) -> None:
        """Disconnect persons until the thread is stopped."""
        while user := self._users.get():
            if time.monotonic() - self._disconnected_at.get(user, 0.0) > REPEAT_SECONDS:
                self._disconnect(user)

    def _disconnect(self, user: str) -> None:
        """Refuse and disconnect a person, who may have signed in again meanwhile.

        Messages of this person that are still in the queue are discarded.
        """
        metrics.FLOODS.inc()
        log.warning("%s floods: put out for %d s", user, FLOOD_SECONDS)
        try:
            presence_store.block_flooder(user, clock.timestamp() + FLOOD_SECONDS)
            broker.close_connections(user)
        except (redis.RedisError, broker.BrokerUnavailable) as error:
            log.warning("%s could not be put out: %s", user, error)
            return
        if len(self._disconnected_at) > 1000:
            self._disconnected_at.clear()
        self._disconnected_at[user] = time.monotonic()

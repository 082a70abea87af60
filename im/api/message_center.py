"""The message center is the process that stores the messages of people's clients, and publishes them.

It reads one queue of the clients' broker, its ingress queue. Of several processes with the same
number one reads and the others stand by (single active consumer). Centers of other numbers have
queues of their own (`settings.IM_CENTERS`, see `broker.declare`). With `IM_STAGES=distributed` a center
is four processes, one for each stage; each reads a queue, in the same way.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from uuid import uuid4

import amqp
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from foundation.bus.amqp import BROKER_ERRORS, UNREADABLE, Publisher, close, connect, receive_rounds
from foundation.bus.arrivals import Arrivals
from foundation.bus.reconnect import Backoff
from im.api.server_requests import ServerRequestHandler
from im.data import broker, health, metrics
from im.flows.flood_guard import FloodGuard
from im.flows.pipeline import Pipeline
from im.flows.presence_publisher import PresencePublisher
from im.flows.stages.distributed import stage_process
from im.flows.stages.stage import ChainMember, Unavailable
from im.rules.messages import ClientDelivery
from im.rules.stages import StageName
from im.rules.vocabulary import BATCH

log = logging.getLogger("im.center")

BATCH_BYTES = 2 * 1024 * 1024
PREFETCH = 4 * BATCH
PREFETCH_BYTES = 16 * 1024 * 1024
TICK_SECONDS = 2.0
PROGRESS_SECONDS = 1.0
MOST_WAITING = 20_000
"""A stage takes no more messages while so many wait for a stage after it, whose queue holds five times as many."""


class Center:
    """The main loop of a message center, the process that reads what clients send, stores and publishes it.

    It runs sessions with the broker, one after the other, until it is asked to stop.
    """

    def __init__(
        self, number: int = 0, stage: StageName | None = None, chain: ChainMember | None = None
    ) -> None:
        """Prepare the message center with this number, or one stage of it; `None` means all stages in this process.

        `chain`: run this instead, for instance a plugin.
        """
        self._flood_guard = FloodGuard()
        on_flood = self._flood_guard.disconnect
        self._chain = chain or (
            stage_process(stage, number, on_flood) if stage else Pipeline(on_flood, number)
        )
        self._queue = self._chain.queue
        self._id, self._has_marked = uuid4().hex, False
        """This process's name among those that read the same queue, and whether it has marked messages as taken."""
        self._stop_asked = threading.Event()
        self._arrivals: Arrivals[amqp.Message] = Arrivals(
            BATCH, BATCH_BYTES, PREFETCH, PREFETCH_BYTES
        )
        self._prefetch = PREFETCH
        self._is_held_up = False
        """The gauge tells whether a stage after this one does not keep up, so that this one has to wait."""
        self._progressed = float("-inf")
        """When this center last noted in Redis that it makes progress (`time.monotonic`)."""
        self._published = 0
        """The last delivery (by tag) whose results are sent but not acknowledged yet; 0 for none."""
        self._counted, self._acknowledged = 0, 0
        """The last deliveries of this channel that were counted for rate limits, and acknowledged."""
        self._counted_before = 0
        """How many of the next redelivered messages the session before has counted already."""

    def ask_to_stop(self) -> None:
        """Let the center finish the current batch and then stop; another process gets the other messages."""
        self._stop_asked.set()

    def run(self) -> None:
        """Run sessions with the broker until `ask_to_stop`.

        After any failure nothing is acknowledged, so the broker delivers everything again.
        """
        self._flood_guard.start()
        backoff = Backoff()
        while not self._stop_asked.is_set():
            started = time.monotonic()
            try:
                self._run_session()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError, Unavailable) as error:
                log.warning("session ended: %s: %s", type(error).__name__, error)
            except Exception:
                log.exception("session ended by the unforeseen")
            metrics.CENTER_UP.set(0)
            self._stop_asked.wait(backoff.next_pause(time.monotonic() - started))
        self._flood_guard.stop()
        connections.close_all()

    def _run_session(self) -> None:
        """Connect to the broker and handle messages until a stop is asked, or something breaks."""
        close_old_connections()
        self._chain.check_ready()
        self._arrivals.clear()
        self._published = 0
        incoming, publisher, is_clean = None, None, False
        try:
            # A client's queue that is full must not hold up others; a stage's queue that is full must.
            publisher = Publisher(settings.IM_AMQP_URL, lenient=not self._chain.feeds)
            broker.declare(publisher.connection)
            self._check_feeds(publisher)
            # `_handle_batches` also ends when the prefetch count must change, which needs a new connection.
            while not self._stop_asked.is_set():
                incoming = connect(settings.IM_AMQP_URL)
                channel = self._start_consuming(incoming)
                metrics.CENTER_UP.set(1)
                log.info("reading %s, %d messages at once", self._queue, self._prefetch)
                self._handle_batches(incoming, channel, publisher)
                close(incoming, politely=True)
            is_clean = True
        finally:
            close(incoming, politely=is_clean)
            if publisher:
                publisher.close(politely=is_clean)

    def _start_consuming(self, incoming: amqp.Connection) -> amqp.Channel:
        """Start to consume the center's queue over the connection `incoming`, and return the channel.

        Messages that were not acknowledged before are delivered on it again.
        """
        self._arrivals.clear()
        self._counted_before, self._counted, self._acknowledged = self._counted_unacknowledged, 0, 0
        self._prefetch = self._arrivals.prefetch
        channel: amqp.Channel = incoming.channel()
        channel.basic_qos(0, self._prefetch, False)
        channel.basic_consume(self._queue, callback=self._buffer_message)
        return channel

    def _buffer_message(self, message: amqp.Message) -> None:
        """Put a message that the broker has delivered into the buffer."""
        self._arrivals.put(message, len(message.body))

    @property
    def _counted_unacknowledged(self) -> int:
        """Return how many messages of this channel were counted against rates but not acknowledged."""
        return self._counted - self._acknowledged

    def _handle_batches(
        self, incoming: amqp.Connection, channel: amqp.Channel, publisher: Publisher
    ) -> None:
        """Handle batch after batch, until a stop is asked or the prefetch count (messages at once) must change.

        It also ends when a later stage does not keep up; then it waits for that. `channel` consumes over the
        connection `incoming`, results go out by `publisher`.
        """
        ticked = float("-inf")
        for is_batch_due in receive_rounds(
            incoming, self._arrivals, self._stop_asked, self._has_unacknowledged
        ):
            if is_batch_due:
                self._handle_batch(channel, publisher)
            elif not self._arrivals:
                self._acknowledge(channel, publisher)
            if time.monotonic() - ticked > TICK_SECONDS:
                ticked = time.monotonic()
                self._do_periodic_work(incoming, publisher)
            if self._arrivals.prefetch != self._prefetch or self._is_held_up:
                break
        self._acknowledge(channel, publisher)
        if self._is_held_up:
            self._check_feeds(publisher)

    def _check_feeds(self, publisher: Publisher) -> None:
        """Check that few messages wait for the stages after this one. Raises Unavailable, and one of BROKER_ERRORS."""
        for queue in self._chain.feeds:
            waiting = publisher.count_waiting(queue)
            self._is_held_up = waiting > MOST_WAITING
            if self._is_held_up:
                raise Unavailable(f"{waiting} messages wait in {queue}")

    def _do_periodic_work(self, incoming: amqp.Connection, publisher: Publisher) -> None:
        """Do the work of every TICK_SECONDS: measure the queue, send heartbeats, drop dead database connections.

        Large messages have lowered how many messages are read at once (prefetch); that is raised again here. If a
        later step of the center has too long a queue, reading is held up.
        """
        waiting = publisher.count_waiting(self._queue)
        metrics.WAITING.labels(self._queue).set(waiting)
        if not waiting:
            self._chain.note_queue_empty()
            if not self._arrivals and not self._published:
                self._note_idle()
        self._is_held_up = any(
            publisher.count_waiting(queue) > MOST_WAITING for queue in self._chain.feeds
        )
        incoming.heartbeat_tick()
        publisher.tick()
        close_old_connections()
        self._arrivals.reset_prefetch()

    def _handle_batch(self, channel: amqp.Channel, publisher: Publisher) -> None:
        """Take a batch of messages from the buffer, store them, and publish the messages that result from it.

        The broker confirms the publications while the next batch is stored.
        """
        messages = self._arrivals.take_batch()
        self._mark_unacknowledged()
        deliveries = [self._client_delivery(message) for message in messages]
        self._counted = messages[-1].delivery_tag or 0
        metrics.BATCH.observe(len(messages))
        with metrics.BATCH_SECONDS.time():
            rows = self._chain.handle_batch(deliveries)
            self._acknowledge(
                channel, publisher
            )  # the batch before, whose publications are confirmed by now
            publisher.send(rows)
        self._published = messages[-1].delivery_tag or 0

    def _client_delivery(self, message: amqp.Message) -> ClientDelivery:
        """Return an AMQP message as a ClientDelivery.

        If its properties are unreadable, the sender is "" and the message is refused later. A redelivered message is
        marked when the last session has counted it for its sender's rate limit before it broke, so that it is not
        counted again.
        """
        delivery_info, properties = message.delivery_info, message.properties
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        is_redelivered = bool(delivery_info["redelivered"])
        is_counted = is_redelivered and self._counted_before > 0
        self._counted_before -= is_counted
        return ClientDelivery(
            body,
            delivery_info["exchange"],
            delivery_info["routing_key"],
            "" if UNREADABLE in properties else properties.get("user_id", ""),
            is_redelivered,
            is_counted,
        )

    def _has_unacknowledged(self) -> bool:
        """Return whether a batch was published whose messages are not acknowledged yet."""
        return self._published > 0

    def _acknowledge(self, channel: amqp.Channel, publisher: Publisher) -> None:
        """Acknowledge the batch published last, once the broker has confirmed all its publications."""
        if self._published:
            publisher.wait()
            channel.basic_ack(self._published, multiple=True)
            self._acknowledged, self._published = self._published, 0
            self._note_progress()

    def _mark_unacknowledged(self) -> None:
        """Record in Redis, before the first batch after an idle time, that this process has unacknowledged messages."""
        if not self._has_marked:
            with suppress(redis.RedisError):
                health.mark_unacknowledged(self._chain.name, self._id)
                self._has_marked = True

    def _note_idle(self) -> None:
        """Record progress, since nothing waits, unless another process of this center has unacknowledged messages.

        That one may have received what waited here, and be stuck.
        """
        with suppress(redis.RedisError):
            if self._has_marked:
                health.clear_unacknowledged(self._chain.name, self._id)
                self._has_marked = False
            if health.has_other_unacknowledged(self._chain.name, self._id):
                return
        self._note_progress()

    def _note_progress(self) -> None:
        """Record, for the readiness check, that messages were handled or that none waits.

        It does so at most once every PROGRESS_SECONDS.
        """
        if time.monotonic() - self._progressed > PROGRESS_SECONDS:
            self._progressed = time.monotonic()
            with suppress(redis.RedisError):
                health.note_progress(self._chain.name)


def helper_threads(number: int, stage: StageName | None = None) -> list[threading.Thread]:
    """Return the threads to run beside the main loop of the message center with this number, or of one stage of it.

    They run beside the stage that publishes. Only the first center (number 0) also answers other servers.
    """
    if stage not in (None, StageName.ROUTE):
        return []
    return [PresencePublisher(), ServerRequestHandler()] if number == 0 else [PresencePublisher()]

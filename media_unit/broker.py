"""The connection of a media unit, or of a gate of telephones, to RabbitMQ.

Outgoing messages wait here until the broker has confirmed them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aio_pika
import aiormq
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractIncomingMessage,
    AbstractQueue,
)

from foundation import clock
from foundation.bus.message import BadMessage, Message, dumps, loads, to_body
from foundation.bus.reconnect import Backoff
from foundation.logs import REQUEST_ID_HEADER, log_fields, sane_id, with_request_id
from foundation.tls import client_context
from wire.media_unit import UnitListsConferences
from wire.resource_pool import NodeUnregistered
from wire.routes import Routes

log = logging.getLogger("conferences.media.broker")

_MOST_WAITING = 10_000
"""Messages that may wait for the broker; with one more the oldest is dropped."""
_AT_ONCE = 50
"""Received messages that are handled at the same time."""
_TIMEOUT = 5.0
"""Seconds to connect, and to wait for the broker's confirm of one message."""
_LONGEST_PAUSE = 2.0
"""Seconds between two attempts to connect, at most."""
_BROKER_ERRORS = (
    aiormq.exceptions.AMQPError,
    aiormq.exceptions.ChannelInvalidStateError,
    aio_pika.exceptions.AMQPError,
    OSError,
    TimeoutError,
)
_LIST = UnitListsConferences.wire_type
_PUBLISHED_ROUTES = (
    Routes.UNIT_TO_CSS,
    Routes.NODE_TO_RMS,
    Routes.TO_GATES,
    Routes.GATE_TO_CSS,
    Routes.CSS_TO_UNIT,
)

Handle = Callable[[dict[str, Any], str], Awaitable[None]]
Introduce = Callable[[], list[tuple[Routes, Message]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a media unit or gate of telephones at the broker: its queue, and where its messages come from.

    `keys` are the routing keys by which messages come from the exchange of `route`; `app_id` names it to others.
    `tls_authorities`: as of `media_unit.config.UnitConfig`.
    """

    amqp_url: str
    queue: str
    route: Routes
    keys: tuple[str, ...]
    app_id: str
    tls_authorities: str = ""


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """Represent a message that is queued for the broker, until the broker has confirmed it."""

    route: Routes
    wire_type: str
    body: bytes
    properties: dict[str, Any]
    key: str


class Broker:
    """The client of RabbitMQ, which connects again and again.

    Each session begins with the unit's registration and its list of conferences.
    """

    def __init__(self, place: Place, handle: Handle, introduce: Introduce) -> None:
        """Prepare the client of a media unit, or of a gate of telephones.

        `handle` handles a message, `introduce` returns the first messages of a connection.
        """
        self._place, self._handle_body, self._introductory_messages = place, handle, introduce
        self._waiting: deque[_Outgoing] = deque()
        self._message_added = asyncio.Event()
        self._all_confirmed = asyncio.Event()
        self._all_confirmed.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._platform_clock = clock.FarClock()
        self.connected = asyncio.Event()

    # ---- sending ------------------------------------------------------------------------------

    def send_to_gate(self, key: str, message: Message, correlation_id: str) -> None:
        """Queue a message for publishing to the gate of telephones that has this routing key."""
        self.send(Routes.TO_GATES, message, correlation_id, key)

    def send(
        self,
        route: Routes,
        message: Message,
        correlation_id: str = "",
        key: str = "",
        reply_to: str = "",
    ) -> None:
        """Queue a message for publishing by a route (exchange and key); messages are sent in order, at least once.

        `key` takes the place of the route's own key, for a message to one reader. `reply_to` names the queue for the
        answer.
        """
        properties = {
            "message_id": uuid4().hex,
            "correlation_id": correlation_id or None,
            "reply_to": reply_to or None,
            "timestamp": clock.now(),
            "headers": with_request_id(None),
        }
        if len(self._waiting) >= _MOST_WAITING:
            log.error("the broker has been away for too long: the oldest message is dropped")
            self._waiting.popleft()
        body = dumps(to_body(message))
        self._waiting.append(
            _Outgoing(route, message.type, body, properties, key or route.value.key)
        )
        self._all_confirmed.clear()
        self._message_added.set()

    async def wait_until_sent(self, seconds: float) -> bool:
        """Wait up to `seconds` until the broker has confirmed all queued messages; return whether it has."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_confirmed.wait(), seconds)
        return self._all_confirmed.is_set()

    async def _publish_waiting(self, channel: AbstractChannel) -> None:
        """Publish the queued messages in order, for ever; each stays queued until the broker has confirmed it."""
        exchanges = {}
        for route in _PUBLISHED_ROUTES:
            named = route.value
            exchanges[route] = await channel.declare_exchange(
                named.exchange, named.kind, durable=True
            )
        while True:
            while self._waiting:
                outgoing = self._waiting[0]
                message = aio_pika.Message(
                    outgoing.body,
                    content_type="application/json",
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    app_id=self._place.app_id,
                    **outgoing.properties,
                )
                await exchanges[outgoing.route].publish(
                    message, outgoing.key, mandatory=False, timeout=_TIMEOUT
                )
                # The broker has confirmed it. If it was dropped meanwhile as too old, another one is first.
                if self._waiting and self._waiting[0] is outgoing:
                    self._waiting.popleft()
            self._all_confirmed.set()
            self._message_added.clear()
            await self._message_added.wait()

    # ---- receiving ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect to the broker, send and receive until the connection ends, and connect again, until cancelled."""
        backoff = Backoff(_LONGEST_PAUSE)
        while True:
            try:
                await self._run_session()
                backoff.reset()
            except _BROKER_ERRORS as error:
                log.warning("broker: %s: %s", type(error).__name__, error)
            except Exception:
                log.exception("broker: the unforeseen; media go on, the next session follows")
            self.connected.clear()
            await asyncio.sleep(backoff.next_pause())

    async def _run_session(self) -> None:
        """Connect to the broker, introduce the client, and consume and publish until connection or channel end."""
        tls = client_context(self._place.tls_authorities)  # used if the scheme is amqps
        connection = await aio_pika.connect(
            self._place.amqp_url, timeout=_TIMEOUT, heartbeat=10, ssl_context=tls
        )
        try:
            incoming_channel = await connection.channel()
            await incoming_channel.set_qos(prefetch_count=_AT_ONCE)
            queue = await self._declare_own_queue(connection, incoming_channel)
            outgoing_channel = await connection.channel(publisher_confirms=True)
            self._drop_superseded_messages()
            for route, message in self._introductory_messages():
                self.send(route, message)
            ended = await _future_end_of_session(connection, incoming_channel, outgoing_channel)
            await queue.consume(self._start_handling)
            log.info("connected; listening on %s", queue.name)
            self.connected.set()
            publisher = asyncio.create_task(self._publish_waiting(outgoing_channel))
            publisher.add_done_callback(lambda _: _end_session(ended, "publishing failed"))
            reason = await ended
            publisher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await publisher
            log.warning("broker: %s; a new session follows", reason)
        finally:
            with contextlib.suppress(*_BROKER_ERRORS):
                await asyncio.wait_for(connection.close(), 2)

    def _drop_superseded_messages(self) -> None:
        """Drop queued heartbeats, registrations and conference lists, since newer ones are sent next.

        Unregistrations stay and go first, since they say that conferences were lost before.
        """
        waited = list(self._waiting)
        unregistration = NodeUnregistered.wire_type
        self._waiting = deque(
            [
                outgoing
                for outgoing in waited
                if outgoing.route is Routes.NODE_TO_RMS and outgoing.wire_type == unregistration
            ]
            + [
                outgoing
                for outgoing in waited
                if outgoing.route is not Routes.NODE_TO_RMS and outgoing.wire_type != _LIST
            ]
        )

    async def _declare_own_queue(
        self, connection: AbstractConnection, channel: AbstractChannel
    ) -> AbstractQueue:
        """Declare, bind and return the queue of messages to this client; one with other arguments is used as it is.

        The declaration is tried on a channel of its own, which the broker closes if the arguments differ.
        """
        name, commands = self._place.queue, self._place.route.value
        exchange = await channel.declare_exchange(commands.exchange, commands.kind, durable=True)
        trial = await connection.channel()
        try:
            await trial.declare_queue(name, durable=True)
        except aiormq.exceptions.ChannelPreconditionFailed:
            log.warning("%s is there with other arguments; used as it is", name)
        else:
            await trial.close()
        queue = await channel.declare_queue(name, passive=True)
        for key in self._place.keys:
            await queue.bind(exchange, key)
        return queue

    async def _start_handling(self, incoming: AbstractIncomingMessage) -> None:
        """Start a task that handles a received message, so that a slow one does not hold up the next."""
        task = asyncio.create_task(self._handle_and_acknowledge(incoming))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle_and_acknowledge(self, incoming: AbstractIncomingMessage) -> None:
        """Handle and acknowledge a received message. One that fails is not requeued: it would fail again."""
        try:
            body = loads(incoming.body)
            if (incoming.app_id or "").startswith("css@"):
                self._platform_clock.note_platform_time(incoming.timestamp)
            correlation_id = str(incoming.correlation_id or "")
            request_id = sane_id((incoming.headers or {}).get(REQUEST_ID_HEADER), correlation_id)
            platform, number = sane_id(body.get("platformmoid")), sane_id(body.get("confE164"))
            with log_fields(request_id, platform, number):
                log.debug("heard %s", body["type"])
                await self._handle_body(body, correlation_id)
        except BadMessage as error:
            log.warning("message that is none: %s", error.detail)
        except Exception:
            # Not its body: passwords are in it.
            log.exception("a message of %d bytes could not be handled", len(incoming.body))
        with contextlib.suppress(*_BROKER_ERRORS):
            await incoming.ack()


async def _future_end_of_session(
    connection: AbstractConnection, incoming: AbstractChannel, outgoing: AbstractChannel
) -> asyncio.Future[str]:
    """Return a future whose result is set to the reason once the connection or a channel to the broker has ended.

    A closed channel, and a consumer that the broker has cancelled because its queue was deleted or
    its node is lost, leave the connection as it was: the unit would go on sending and hear nothing.
    """
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    connection.close_callbacks.add(lambda *_: _end_session(ended, "the connection was closed"))
    for channel in (incoming, outgoing):
        channel.close_callbacks.add(lambda *_: _end_session(ended, "a channel was closed"))
    underlay = await incoming.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(
        lambda _: _end_session(ended, "the consumer was cancelled")
    )
    return ended


def _end_session(ended: asyncio.Future[str], reason: str) -> None:
    """Set the future `ended`, which ends a session with the broker, to this reason, unless it is set already."""
    if not ended.done():
        ended.set_result(reason)

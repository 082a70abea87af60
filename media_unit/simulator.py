"""The simulator runs many simulated media units on a real broker, in one process, without a database.

It blocks for the first message, takes all that are there, handles them as one batch, publishes all answers,
waits once for the broker's confirms, and then acknowledges the batch. So no command is acknowledged before its
answer is safe, at the price of one round trip per batch.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import amqp
import orjson

from foundation import clock
from foundation.bus import outbox
from foundation.bus.amqp import BROKER_ERRORS, Publisher, close, connect, receive
from foundation.bus.message import BadMessage, dumps, loads
from foundation.bus.outgoing import Send
from foundation.bus.reconnect import Backoff
from foundation.logs import REQUEST_ID_HEADER, log_fields, sane_id, with_request_id
from media_unit.simulated_faults import FaultOrder, FaultyUnit
from wire.routes import Routes, unit_key, unit_queue

log = logging.getLogger("conferences.media.simulator")

CONTROL_QUEUE = "cmu.simulator.q"
ORDER_EXPIRES_MS = 60_000
"""How long an order to have a fault waits in the queue: not until a simulator that starts much later."""

BATCH = 500
PREFETCH = 500
TICK_SECONDS = 0.05
REPORT_SECONDS = 60.0

_UnitSends = tuple[FaultyUnit, list[Send]]


class Simulator:
    """A simulator runs all units of this process on one broker.

    `ready` is a file that exists while all units are registered.
    """

    def __init__(
        self,
        broker_url: str,
        units: Iterable[FaultyUnit],
        *,
        control_queue: str = CONTROL_QUEUE,
        ready: Path | None = None,
    ) -> None:
        """Prepare the units; `control_queue` is the queue with the orders to have faults."""
        self.units = tuple(units)
        self.control_queue = control_queue
        self._url, self._ready = broker_url, ready
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        """Ask the simulator to finish its present batch, unregister and end.

        Safe to call from a signal handler.
        """
        self._stop_asked.set()

    def run(self) -> None:
        """Connect to the broker and run the simulated units until stopped; after an error connect again."""
        backoff = Backoff()
        while not self._stop_asked.is_set():
            started = time.monotonic()
            try:
                self._run_session()
            except BROKER_ERRORS as error:
                log.warning("simulated units lost the broker: %s: %s", type(error).__name__, error)
            self._stop_asked.wait(backoff.next_pause(time.monotonic() - started))

    def _run_session(self) -> None:
        """Connect to the broker and run the simulated units until stopped; meanwhile the file `ready` exists."""
        incoming, publisher, is_clean = None, None, False
        try:
            publisher = Publisher(self._url)
            incoming = connect(self._url)
            session = _Session(self, incoming, publisher)
            session.open(clock.now())
            log.info("%d simulated units are connected", len(self.units))
            if self._ready:
                self._ready.touch()
            session.loop(self._stop_asked.is_set)
            is_clean = True
        finally:
            if self._ready:
                self._ready.unlink(missing_ok=True)
            close(incoming, politely=is_clean)
            if publisher:
                publisher.close(politely=is_clean)


class _Session:
    """A session with the broker lasts until the first error.

    It consumes on one connection and publishes on another.
    """

    def __init__(self, simulator: Simulator, incoming: Any, publisher: Publisher) -> None:
        """Begin a session for the simulator's units: consume on the connection `incoming`, publish by `publisher`."""
        self._units, self._control_queue = simulator.units, simulator.control_queue
        self._incoming, self._publisher = incoming, publisher
        self._channel = incoming.channel()
        self._buffer: list[tuple[FaultyUnit | None, amqp.Message]] = []
        """Received messages, each with the simulated unit that it is for; `None`: an order from the control queue."""
        self._consuming: set[FaultyUnit] = set()
        self._handled = self._published = 0
        self._ticked = self._beaten = self._reported = time.monotonic()

    def open(self, now: datetime) -> None:
        """Declare the queues, and register all units with their lists of conferences."""
        channel, exchange = self._channel, Routes.CSS_TO_UNIT.value.exchange
        # The platform declares these; to do the same again is harmless, and lets us come first.
        for route in (Routes.CSS_TO_UNIT, Routes.UNIT_TO_CSS, Routes.NODE_TO_RMS):
            name, kind = route.value.exchange, route.value.kind
            channel.exchange_declare(name, kind, durable=True, auto_delete=False)
        for description in (unit.unit.description for unit in self._units):
            queue = unit_queue(description.ip, description.pid)
            declared = channel.queue_declare(queue, durable=True, auto_delete=False)
            channel.queue_bind(queue, exchange, unit_key(description.ip, description.pid))
            if declared.consumer_count:
                log.warning("simulated unit %s: somebody else plays it too", description.label)
        channel.queue_declare(self._control_queue, durable=True, auto_delete=False)
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume(self._control_queue, callback=self._callback_for(None))
        self._adjust_consumers()
        self._publish([(unit, unit.connect(now)) for unit in self._units], now)

    def loop(self, stop_asked: Callable[[], bool]) -> None:
        """Handle messages and timers until `stop_asked` returns true; then unregister all units."""
        while not stop_asked():
            try:
                receive(self._incoming, 0 if self._buffer else TICK_SECONDS)
            except (TimeoutError, BlockingIOError):
                # Nothing more has come at once: handle what has come, and the timers.
                self._handle_batch()
            else:
                if len(self._buffer) >= BATCH:
                    self._handle_batch()
        now = clock.now()
        self._publish([(unit, unit.unregister()) for unit in self._units], now)

    def _handle_batch(self) -> None:
        """Handle the buffered messages and due timers of all units, publish the answers, and acknowledge the messages.

        Messages of a unit that has died meanwhile go back to its queue.
        """
        deliveries, self._buffer = self._buffer, []
        now, last_tag = clock.now(), 0
        to_publish: list[_UnitSends] = []
        for unit, delivery in deliveries:
            if unit and not unit.is_consuming:
                # It died or froze in the meantime; what it had not handled waits in its queue.
                self._channel.basic_reject(delivery.delivery_tag, requeue=True)
                continue
            last_tag = delivery.delivery_tag or 0
            to_publish += (
                self._carry_out_order(delivery, now)
                if unit is None
                else _handle_message(unit, delivery, now)
            )
        to_publish += self._messages_due(now)
        if to_publish:
            self._publish(to_publish, now)
        if last_tag:
            self._channel.basic_ack(last_tag, multiple=True)
        self._handled += len(deliveries)
        self._adjust_consumers()

    def _messages_due(self, now: datetime) -> list[_UnitSends]:
        """Return the messages that units send at this time, such as heartbeats.

        Also send heartbeats to the broker every 2 s, and log a report every REPORT_SECONDS. Returns none before
        TICK_SECONDS have passed since the last ones.
        """
        moment = time.monotonic()
        if moment - self._ticked < TICK_SECONDS:
            return []
        self._ticked = moment
        if moment - self._beaten > 2:
            self._beaten = moment
            self._incoming.heartbeat_tick()
            self._publisher.tick()
        if moment - self._reported > REPORT_SECONDS:
            self._reported = moment
            self._log_report()
        return [(unit, sends) for unit in self._units if (sends := unit.tick(now))]

    def _adjust_consumers(self) -> None:
        """Consume the queues of the units whose process runs, and no other queue."""
        for unit in self._units:
            if unit.is_consuming == (unit in self._consuming):
                continue
            description = unit.unit.description
            if unit.is_consuming:
                queue = unit_queue(description.ip, description.pid)
                self._channel.basic_consume(
                    queue, description.label, callback=self._callback_for(unit)
                )
                self._consuming.add(unit)
            else:
                self._channel.basic_cancel(description.label)
                self._consuming.discard(unit)

    def _callback_for(self, unit: FaultyUnit | None) -> Callable[[amqp.Message], None]:
        """Return the callback that buffers messages from a unit's queue; `None` means the control queue's."""

        def buffer_message(delivery: amqp.Message) -> None:
            """Put a received message into the buffer, with the unit (`unit`) from whose queue it is."""
            self._buffer.append((unit, delivery))

        return buffer_message

    def _publish(self, unit_sends: list[_UnitSends], now: datetime) -> None:
        """Publish the messages that these simulated units send, and wait until the broker has confirmed them."""
        messages = [
            outbox.new_row(
                send.message,
                send.route.value.exchange,
                send.route.value.key,
                now,
                f"cmu@{unit.unit.description.ip}",
                correlation_id=send.correlation_id,
                headers=send.headers,
            )
            for unit, sends in unit_sends
            for send in sends
        ]
        self._publisher.publish(messages)
        self._published += len(messages)

    def _carry_out_order(self, delivery: amqp.Message, now: datetime) -> list[_UnitSends]:
        """Carry out an order from the control queue: a fault, or an action of a participant, for one unit or all.

        Return the messages that the units send because of it. An order that cannot be read is logged and dropped.
        """
        try:
            body = orjson.loads(_body_of(delivery))
            order = None if "do" in body else FaultOrder.of(body)
            wanted = str(body.get("unit") or "*")
            units = [unit for unit in self._units if wanted in ("*", unit.unit.description.label)]
            log.info("simulated: %s hits %d of %d units", body, len(units), len(self._units))
            return [
                (
                    unit,
                    unit.apply_fault(order, now) if order else unit.act_for_participant(body, now),
                )
                for unit in units
            ]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("simulated: an order cannot be read: %s", error)
            return []

    def _log_report(self) -> None:
        """Log how many units run, and how many conferences and messages they have."""
        log.info(
            "%d simulated units, %d up, hold %d conferences; %d messages in, %d out",
            len(self._units),
            len(self._consuming),
            sum(len(unit.unit.conferences) for unit in self._units),
            self._handled,
            self._published,
        )


def _handle_message(unit: FaultyUnit, delivery: amqp.Message, now: datetime) -> list[_UnitSends]:
    """Let a unit handle a message, and return its answers; a bad message is logged and dropped ([])."""
    try:
        correlation_id = delivery.properties.get("correlation_id") or ""
        headers = delivery.properties.get("application_headers") or {}
        body = loads(_body_of(delivery))
        request_id = sane_id(headers.get(REQUEST_ID_HEADER), correlation_id)
        with log_fields(
            request_id, sane_id(body.get("platformmoid")), sane_id(body.get("confE164"))
        ):
            log.debug("simulated unit %s heard %s", unit.unit.description.label, body["type"])
            answers = unit.handle(body, correlation_id, now)
            # They are published with those of other messages, when this one's fields are no longer bound.
            marked = [replace(send, headers=with_request_id(send.headers)) for send in answers]
        return [(unit, marked)]
    except BadMessage as error:
        log.warning("simulated unit %s cannot read: %s", unit.unit.description.label, error.detail)
    except Exception:
        # An unforeseen body must not be delivered again and again to all units of the process.
        log.exception("simulated unit %s could not handle a message", unit.unit.description.label)
    return []


def _body_of(delivery: amqp.Message) -> bytes:
    """Return the body of a received AMQP message as bytes; the library may have decoded it."""
    return delivery.body if isinstance(delivery.body, bytes) else str(delivery.body).encode()


def send_fault_orders(
    broker_url: str, orders: Iterable[FaultOrder], control_queue: str, now: datetime
) -> None:
    """Send orders to have faults (crash, answer late ...) to the simulated media units. Raises one of BROKER_ERRORS.

    The simulator processes read them from the queue `control_queue` of the broker at `broker_url`.
    """
    publisher = Publisher(broker_url)
    try:
        # The simulator declares the queue too; an order that comes first waits in it.
        channel = publisher.connection.channel()
        channel.queue_declare(control_queue, durable=True, auto_delete=False)
        expiry = {"expiration": str(ORDER_EXPIRES_MS)}
        publisher.publish(
            outbox.new_row(dumps(order.body), "", control_queue, now, "cmu_simulator", **expiry)
            for order in orders
        )
    finally:
        publisher.close()

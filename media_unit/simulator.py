"""Plays simulated media units on a real broker, many in one process, without a database.

It blocks for the first message, takes what is there, handles that as one batch, publishes all
answers, waits once for the broker's confirms, and then acknowledges the batch. So an answer is
never lost with its command gone, at the price of one round trip per batch.
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
from foundation.bus.amqp import BROKER_ERRORS, Publisher, connect, hang_up
from foundation.bus.message import BadMessage, dumps, loads
from foundation.bus.outgoing import Send
from foundation.logs import REQUEST_ID_HEADER, log_fields, sane_id, with_request_id
from media_unit.simulated_faults import FaultyUnit, Order
from wire.routes import Routes, unit_key, unit_queue

log = logging.getLogger("conferences.media.simulator")

CONTROL_QUEUE = "cmu.simulator.q"
ORDER_LIVES_MS = 60_000
"""A fault asked for when no simulator ran must not hit the one of tomorrow."""

BATCH = 500
PREFETCH = 500
TICK_SECONDS = 0.05
LONGEST_PAUSE = 5.0
REPORT_SECONDS = 60.0

_Said = tuple[FaultyUnit, list[Send]]


class Simulator:
    """All units of this process on one broker. `ready` is a file that says that all are registered."""

    def __init__(
        self,
        broker_url: str,
        units: Iterable[FaultyUnit],
        *,
        control_queue: str = CONTROL_QUEUE,
        ready: Path | None = None,
    ) -> None:
        self.units = tuple(units)
        self.control_queue = control_queue
        self._url, self._ready = broker_url, ready
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        """Finish the batch at hand and unregister. Safe to call from a signal handler."""
        self._stop_asked.set()

    def run(self) -> None:
        """Sessions with the broker, one after the other, until told to stop."""
        pause = 0.2
        while not self._stop_asked.is_set():
            started = time.monotonic()
            try:
                self._session()
            except BROKER_ERRORS as wrong:
                log.warning("simulated units lost the broker: %s: %s", type(wrong).__name__, wrong)
            if time.monotonic() - started > 10:
                pause = 0.2
            self._stop_asked.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _session(self) -> None:
        incoming, publisher, clean = None, None, False
        try:
            publisher = Publisher(self._url)
            incoming = connect(self._url)
            session = _Session(self, incoming, publisher)
            session.open(clock.now())
            log.info("%d simulated units are connected", len(self.units))
            if self._ready:
                self._ready.touch()
            session.loop(self._stop_asked.is_set)
            clean = True
        finally:
            if self._ready:
                self._ready.unlink(missing_ok=True)
            hang_up(incoming, politely=clean)
            if publisher:
                publisher.close(politely=clean)


class _Session:
    """From connecting to the first error: one connection to consume, one to publish."""

    def __init__(self, simulator: Simulator, incoming: Any, publisher: Publisher) -> None:
        self._units, self._orders = simulator.units, simulator.control_queue
        self._incoming, self._publisher = incoming, publisher
        self._channel = incoming.channel()
        self._buffer: list[tuple[FaultyUnit | None, amqp.Message]] = []
        self._consuming: set[FaultyUnit] = set()
        self._handled = self._published = 0
        self._ticked = self._beaten = self._reported = time.monotonic()

    def open(self, now: datetime) -> None:
        """Declare, consume, register, and say what is held."""
        channel, exchange = self._channel, Routes.CSS_TO_UNIT.value.exchange
        # The platform declares these; to do the same again is harmless, and lets us come first.
        for route in (Routes.CSS_TO_UNIT, Routes.UNIT_TO_CSS, Routes.NODE_TO_RMS):
            name, kind = route.value.exchange, route.value.kind
            channel.exchange_declare(name, kind, durable=True, auto_delete=False)
        for plate in (one.unit.plate for one in self._units):
            queue = unit_queue(plate.ip, plate.pid)
            found = channel.queue_declare(queue, durable=True, auto_delete=False)
            channel.queue_bind(queue, exchange, unit_key(plate.ip, plate.pid))
            if found.consumer_count:
                log.warning("simulated unit %s: somebody else plays it too", plate.label)
        channel.queue_declare(self._orders, durable=True, auto_delete=False)
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume(self._orders, callback=self._take(None))
        self._follow()
        self._publish([(one, one.connect(now)) for one in self._units], now)

    def loop(self, stop_asked: Callable[[], bool]) -> None:
        """Take messages and let time pass until told to stop; then unregister."""
        while not stop_asked():
            try:
                self._incoming.drain_events(timeout=0 if self._buffer else TICK_SECONDS)
            except (TimeoutError, BlockingIOError):
                self._batch()
            else:
                if len(self._buffer) >= BATCH:
                    self._batch()
        now = clock.now()
        self._publish([(one, one.leave()) for one in self._units], now)

    def _batch(self) -> None:
        """Handle what is there, and what is due; publish; acknowledge. In this order."""
        taken, self._buffer = self._buffer, []
        now, done = clock.now(), 0
        said: list[_Said] = []
        for unit, delivery in taken:
            if unit and not unit.consumes:
                # It died or froze in the meantime: what it had not handled waits in its queue.
                self._channel.basic_reject(delivery.delivery_tag, requeue=True)
                continue
            done = delivery.delivery_tag or 0
            said += self._ordered(delivery, now) if unit is None else _heard(unit, delivery, now)
        said += self._tick(now)
        if said:
            self._publish(said, now)
        if done:
            self._channel.basic_ack(done, multiple=True)
        self._handled += len(taken)
        self._follow()

    def _tick(self, now: datetime) -> list[_Said]:
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
            self._report()
        return [(one, said) for one in self._units if (said := one.tick(now))]

    def _follow(self) -> None:
        """Consume for the units that live, and for no other."""
        for one in self._units:
            if one.consumes == (one in self._consuming):
                continue
            plate = one.unit.plate
            if one.consumes:
                queue = unit_queue(plate.ip, plate.pid)
                self._channel.basic_consume(queue, plate.label, callback=self._take(one))
                self._consuming.add(one)
            else:
                self._channel.basic_cancel(plate.label)
                self._consuming.discard(one)

    def _take(self, unit: FaultyUnit | None) -> Callable[[amqp.Message], None]:
        def take(delivery: amqp.Message) -> None:
            self._buffer.append((unit, delivery))

        return take

    def _publish(self, said: list[_Said], now: datetime) -> None:
        rows = [
            outbox.row(
                send.message,
                send.route.value.exchange,
                send.route.value.key,
                now,
                f"cmu@{unit.unit.plate.ip}",
                correlation_id=send.correlation_id,
                headers=send.headers,
            )
            for unit, sends in said
            for send in sends
        ]
        self._publisher.publish(rows)
        self._published += len(rows)

    def _ordered(self, delivery: amqp.Message, now: datetime) -> list[_Said]:
        """Do what the control queue asks; what cannot be read is said in the log, and gone."""
        try:
            body = orjson.loads(_bytes(delivery))
            order = None if "do" in body else Order.of(body)
            wanted = str(body.get("unit") or "*")
            hit = [one for one in self._units if wanted in ("*", one.unit.plate.label)]
            log.info("simulated: %s hits %d of %d units", body, len(hit), len(self._units))
            return [(u, u.suffer(order, now) if order else u.wish(body, now)) for u in hit]
        except (ValueError, TypeError, KeyError, AttributeError) as wrong:
            log.warning("simulated: an order cannot be read: %s", wrong)
            return []

    def _report(self) -> None:
        log.info(
            "%d simulated units, %d up, hold %d conferences; %d messages in, %d out",
            len(self._units),
            len(self._consuming),
            sum(len(one.unit.held) for one in self._units),
            self._handled,
            self._published,
        )


def _heard(unit: FaultyUnit, delivery: amqp.Message, now: datetime) -> list[_Said]:
    try:
        correlation_id = delivery.properties.get("correlation_id") or ""
        headers = delivery.properties.get("application_headers") or {}
        body = loads(_bytes(delivery))
        request_id = sane_id(headers.get(REQUEST_ID_HEADER), correlation_id)
        with log_fields(
            request_id, sane_id(body.get("platformmoid")), sane_id(body.get("confE164"))
        ):
            log.debug("simulated unit %s heard %s", unit.unit.plate.label, body["type"])
            answers = unit.hear(body, correlation_id, now)
            # They are published with those of other messages, when this one's fields are no longer bound.
            marked = [replace(send, headers=with_request_id(send.headers)) for send in answers]
        return [(unit, marked)]
    except BadMessage as wrong:
        log.warning("simulated unit %s cannot read: %s", unit.unit.plate.label, wrong.detail)
    except Exception:
        # One body that nobody thought of must not come again for ever, to all units of the process.
        log.exception("simulated unit %s could not handle a message", unit.unit.plate.label)
    return []


def _bytes(delivery: amqp.Message) -> bytes:
    return delivery.body if isinstance(delivery.body, bytes) else str(delivery.body).encode()


def give_orders(
    broker_url: str, orders: Iterable[Order], control_queue: str, now: datetime
) -> None:
    """Tell the simulators of a broker what is to go wrong. Raises one of BROKER_ERRORS."""
    publisher = Publisher(broker_url)
    try:
        # The simulator declares it too: an order that comes first waits for it.
        channel = publisher.connection.channel()
        channel.queue_declare(control_queue, durable=True, auto_delete=False)
        lives = {"expiration": str(ORDER_LIVES_MS)}
        publisher.publish(
            outbox.row(dumps(order.body), "", control_queue, now, "cmu_simulator", **lives)
            for order in orders
        )
    finally:
        publisher.close()

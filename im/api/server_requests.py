"""Reads `queue_center`: what load balancers, media servers and the GB28181 side ask of the center (IM §10.2)."""

from __future__ import annotations

import logging
import threading
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from foundation.bus.amqp import BROKER_ERRORS, Publisher, hang_up
from foundation.bus.outbox import Row
from foundation.cells.directory import own_platform, store_of
from im.data import broker, metrics, notices
from im.rules.routing import Publication
from im.rules.topology import CENTER_QUEUE

log = logging.getLogger("im.desk")

PAUSE = 5.0
AT_ONCE = 20


class Desk(threading.Thread):
    """One thread of the first center; says that the center has started, then answers."""

    def __init__(self) -> None:
        super().__init__(name="desk", daemon=True)
        self._stop_asked = threading.Event()
        self._said = False
        self._database = store_of(own_platform()).database

    def ask_to_stop(self) -> None:
        """Within a second or so."""
        self._stop_asked.set()

    def run(self) -> None:
        """Sessions with the broker, one after the other, until then."""
        while not self._stop_asked.is_set():
            try:
                self._session()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError) as wrong:
                log.warning("session ended: %s: %s", type(wrong).__name__, wrong)
            except Exception:
                log.exception("session ended by the unforeseen")
            self._stop_asked.wait(PAUSE)
        connections.close_all()

    def _session(self) -> None:
        close_old_connections()
        publisher = Publisher(settings.IM_AMQP_URL)
        try:
            broker.declare(publisher.connection)
            self._say_that_we_start(publisher)
            channel: Any = publisher.connection.channel()
            channel.basic_qos(0, AT_ONCE, False)
            asked: list[Any] = []
            channel.basic_consume(CENTER_QUEUE, callback=asked.append)
            while not self._stop_asked.is_set():
                _wait(publisher)
                while asked:
                    self._take(publisher, channel, asked.pop(0))
        finally:
            hang_up(publisher.connection)

    def _take(self, publisher: Publisher, channel: Any, message: Any) -> None:
        """Answered, then acknowledged; an answer may come twice."""
        exchange = str(message.delivery_info["exchange"])
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        found = notices.answers_to(self._database, exchange, body)
        metrics.ASKED.labels(exchange, "answered" if found else "dropped").inc()
        _publish(publisher, found)
        channel.basic_ack(message.delivery_tag)

    def _say_that_we_start(self, publisher: Publisher) -> None:
        if not self._said:
            _publish(publisher, notices.start_notices(self._database, *notices.SIDES))
            self._said = True


def _wait(publisher: Publisher) -> None:
    try:
        publisher.connection.drain_events(timeout=0.5)
    except TimeoutError:
        publisher.connection.heartbeat_tick()
        close_old_connections()


def _publish(publisher: Publisher, pushes: list[Publication]) -> None:
    publisher.publish(Row(0, one.exchange, one.key, one.body, {}) for one in pushes)

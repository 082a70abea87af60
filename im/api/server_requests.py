"""The first message center answers requests that other servers put into `queue_center` (IM §10.2).

The servers are load balancers, media servers and those of GB28181 (video surveillance).
"""

from __future__ import annotations

import logging
import threading

import amqp
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from foundation.bus.amqp import BROKER_ERRORS, Publisher, close
from foundation.bus.outbox import OutboxRow
from foundation.cells.directory import own_platform, store_of
from im.data import broker, metrics, notices
from im.rules.routing import Publication
from im.rules.topology import CENTER_QUEUE

log = logging.getLogger("im.desk")

PAUSE_SECONDS = 5.0
AT_ONCE = 20


class ServerRequestHandler(threading.Thread):
    """The thread notifies balance and media servers of the message center's start, and answers their requests."""

    def __init__(self) -> None:
        """Prepare the thread, which connects to the broker once it is started."""
        super().__init__(name="desk", daemon=True)
        self._stop_asked = threading.Event()
        self._is_announced = False
        """Whether the other servers have been told that the center has started."""
        self._database = store_of(own_platform()).database

    def ask_to_stop(self) -> None:
        """Request the thread to stop, within a second or so."""
        self._stop_asked.set()

    def run(self) -> None:
        """Run sessions with the broker, one after the other, until a stop is requested."""
        while not self._stop_asked.is_set():
            try:
                self._run_session()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError) as error:
                log.warning("session ended: %s: %s", type(error).__name__, error)
            except Exception:
                log.exception("session ended by the unforeseen")
            self._stop_asked.wait(PAUSE_SECONDS)
        connections.close_all()

    def _run_session(self) -> None:
        """Connect to the broker and answer requests until a stop is asked, or something breaks."""
        close_old_connections()
        publisher = Publisher(settings.IM_AMQP_URL)
        try:
            broker.declare(publisher.connection)
            self._announce_start(publisher)
            channel: amqp.Channel = publisher.connection.channel()
            channel.basic_qos(0, AT_ONCE, False)
            requests: list[amqp.Message] = []
            channel.basic_consume(CENTER_QUEUE, callback=requests.append)
            while not self._stop_asked.is_set():
                _wait_for_request(publisher)
                while requests:
                    self._answer_request(publisher, channel, requests.pop(0))
        finally:
            close(publisher.connection)

    def _answer_request(
        self, publisher: Publisher, channel: amqp.Channel, message: amqp.Message
    ) -> None:
        """Answer the request of a balance or media server, then acknowledge it to the broker.

        If the connection breaks in between, the request comes again and its answer is sent twice.
        """
        exchange = str(message.delivery_info["exchange"])
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        answers = notices.answers_to(self._database, exchange, body)
        metrics.ASKED.labels(exchange, "answered" if answers else "dropped").inc()
        _publish(publisher, answers)
        assert message.delivery_tag is not None
        channel.basic_ack(message.delivery_tag)

    def _announce_start(self, publisher: Publisher) -> None:
        """Notify the other servers that the message center has started, unless this thread has done so before."""
        if not self._is_announced:
            _publish(publisher, notices.start_notices(self._database, *notices.SIDES))
            self._is_announced = True


def _wait_for_request(publisher: Publisher) -> None:
    """Wait at most half a second for a request; if none came, send a heartbeat to the broker if due."""
    try:
        publisher.connection.drain_events(timeout=0.5)
    except TimeoutError:
        publisher.connection.heartbeat_tick()
        close_old_connections()


def _publish(publisher: Publisher, publications: list[Publication]) -> None:
    """Publish messages and wait until the broker has confirmed them."""
    publisher.publish(
        OutboxRow(0, publication.exchange, publication.key, publication.body, {})
        for publication in publications
    )

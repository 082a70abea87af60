"""Tells contacts how reachable somebody is, once a second: what changed several times is told once."""

from __future__ import annotations

import logging
import threading

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from foundation import clock
from foundation.bus.amqp import BROKER_ERRORS, Publisher
from foundation.bus.outbox import Row
from im.data import presence_store
from im.data.metrics import PRESENCE_TOLD
from im.flows import presence
from im.rules import routing

log = logging.getLogger("im.teller")

EVERY = 1.0
"""Seconds; contacts are to know within two."""


class Teller(threading.Thread):
    """One thread of each center; they share what there is to tell. What is lost when one dies, clients
    see when they ask next."""

    def __init__(self) -> None:
        super().__init__(name="teller", daemon=True)
        self._stop_asked = threading.Event()
        self._publisher: Publisher | None = None

    def ask_to_stop(self) -> None:
        """Within a second."""
        self._stop_asked.set()

    def run(self) -> None:
        """Until then."""
        while not self._stop_asked.wait(EVERY):
            try:
                self._tell()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError, redis.RedisError) as wrong:
                log.warning("presence is not told: %s: %s", type(wrong).__name__, wrong)
                self._hang_up()
            close_old_connections()
        self._hang_up()
        connections.close_all()

    def _tell(self) -> None:
        now = clock.now()
        notes = presence.notes(now)
        ways = presence_store.ways({user for note in notes for user in note.users}, now.timestamp())
        pushes = [push for note in notes for push in routing.notice_publications(note, ways)]
        if self._publisher is None:
            self._publisher = Publisher(settings.IM_AMQP_URL, lenient=True)
        if pushes:
            self._publisher.publish(
                Row(0, p.exchange, p.key, p.body, {"delivery_mode": 1, "headers": p.headers})
                for p in pushes
            )
            PRESENCE_TOLD.inc(len(notes))
        else:
            self._publisher.tick()

    def _hang_up(self) -> None:
        if self._publisher:
            self._publisher.close(politely=False)
            self._publisher = None

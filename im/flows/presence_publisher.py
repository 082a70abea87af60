"""The presence publisher notifies contacts of presence changes, once a second."""

from __future__ import annotations

import logging
import threading

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from foundation import clock
from foundation.bus.amqp import BROKER_ERRORS, Publisher
from foundation.bus.outbox import OutboxRow
from im.data import presence_store
from im.data.metrics import PRESENCE_TOLD
from im.flows import presence
from im.rules import routing

log = logging.getLogger("im.teller")

INTERVAL_SECONDS = 1.0
"""Changes are published this often, since contacts must learn of one within two seconds."""


class PresencePublisher(threading.Thread):
    """A thread in each message center that notifies contacts when somebody's presence changes.

    All centers take the changes from the same list in Redis. Those that are lost with a center appear when clients
    ask for presence the next time.
    """

    def __init__(self) -> None:
        """Prepare the thread, which connects to the broker once there is something to publish."""
        super().__init__(name="teller", daemon=True)
        self._stop_asked = threading.Event()
        self._publisher: Publisher | None = None

    def ask_to_stop(self) -> None:
        """Request the thread to stop within a second."""
        self._stop_asked.set()

    def run(self) -> None:
        """Publish changes of presence every second until a stop is requested.

        After an error it connects anew in the next second.
        """
        while not self._stop_asked.wait(INTERVAL_SECONDS):
            try:
                self._publish_pending()
            except (*BROKER_ERRORS, DatabaseError, InterfaceError, redis.RedisError) as error:
                log.warning("presence is not told: %s: %s", type(error).__name__, error)
                self._disconnect()
            close_old_connections()
        self._disconnect()
        connections.close_all()

    def _publish_pending(self) -> None:
        """Publish to contacts the changes of presence since the last call."""
        now = clock.now()
        notices = presence.pending_notices(now)
        protocols = presence_store.protocols_of_online(
            {user for notice in notices for user in notice.users}, now.timestamp()
        )
        publications = [
            publication
            for notice in notices
            for publication in routing.notice_publications(notice, protocols)
        ]
        if self._publisher is None:
            self._publisher = Publisher(settings.IM_AMQP_URL, lenient=True)
        if publications:
            self._publisher.publish(
                OutboxRow(
                    0,
                    publication.exchange,
                    publication.key,
                    publication.body,
                    {"delivery_mode": 1, "headers": publication.headers},
                )
                for publication in publications
            )
            PRESENCE_TOLD.inc(len(notices))
        else:
            self._publisher.tick()

    def _disconnect(self) -> None:
        """Close the connection to the broker, if there is one."""
        if self._publisher:
            self._publisher.close(politely=False)
            self._publisher = None

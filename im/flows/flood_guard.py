"""The guard against people who send far more than they may: it disconnects and refuses them."""

from __future__ import annotations

import logging
import queue
import threading
import time

import redis

from foundation import clock
from foundation.bus.management_api import BrokerUnavailable
from im.data import broker, metrics, presence_store
from im.data.broker import Received
from im.flows.stages.streamer import NOBODY
from im.rules.rate import users_above_limit

log = logging.getLogger("im.center")

REPEAT_SECONDS = 1.0
"""The same person is not disconnected more often than this."""
FLOOD_SECONDS = 60
"""The auth backend refuses a disconnected flooder for this long."""


COUNTED_SECONDS = 6.0
"""How much the broker receives from each user is measured for this long: its counters change every 5 s."""


class FloodGuard(threading.Thread):
    """The thread that closes the connections of flooders, and has the auth backend refuse them.

    For messages without a sender's name (no `user_id` that the broker has checked) it compares how much the
    broker receives from each user.
    """

    def __init__(self) -> None:
        """Prepare the thread; nobody is to be disconnected yet."""
        super().__init__(name="bouncer", daemon=True)
        self._users: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        """People to disconnect, or NOBODY to begin a count; `None` ends the thread."""
        self._disconnected_at: dict[str, float] = {}
        """User -> monotonic time of the last disconnection."""
        self._received: Received = {}
        self._counted_since: float | None = None
        """When the present count began, with the values in `_received`; `None` while none is made."""

    def disconnect(self, user: str) -> None:
        """Queue a person to be disconnected; this is called again as long as the person floods.

        NOBODY stands for senders who give no name.
        """
        self._users.put(user)

    def stop(self) -> None:
        """Stop the thread once all queued people are disconnected."""
        self._users.put(None)

    def run(self) -> None:
        """Disconnect the people in the queue until the thread is stopped.

        NOBODY in the queue stands for senders without a name: the bytes that clients send are counted to find them.
        """
        while True:
            try:
                user = self._users.get(timeout=self._seconds_to_count)
            except queue.Empty:
                self._disconnect_flooders()
                continue
            if user is None:
                return
            if user == NOBODY:
                self._begin_to_count()
            elif time.monotonic() - self._disconnected_at.get(user, 0.0) > REPEAT_SECONDS:
                self._disconnect(user)

    @property
    def _seconds_to_count(self) -> float | None:
        """Return the seconds until the present count ends; `None` while nothing is counted."""
        if self._counted_since is None:
            return None
        return max(0.0, self._counted_since + COUNTED_SECONDS - time.monotonic())

    def _begin_to_count(self) -> None:
        """Read how much the broker has received over each connection, to compare after COUNTED_SECONDS.

        It does nothing while such a count is under way.
        """
        if self._counted_since is None:
            try:
                self._received = broker.received()
            except BrokerUnavailable as error:
                log.warning("who floods without a name is not known: %s", error)
                return
            self._counted_since = time.monotonic()

    def _disconnect_flooders(self) -> None:
        """Disconnect people from whom the broker has received, since the count began, more than is allowed."""
        before, self._received = self._received, {}
        self._counted_since = None
        try:
            now = broker.received()
        except BrokerUnavailable as error:
            log.warning("who floods without a name is not known: %s", error)
            return
        for user in users_above_limit(before, now, COUNTED_SECONDS):
            self._disconnect(user)

    def _disconnect(self, user: str) -> None:
        """Have the auth backend refuse a person for FLOOD_SECONDS, and close the person's connections."""
        metrics.FLOODS.inc()
        log.warning("%s floods: put out for %d s", user, FLOOD_SECONDS)
        try:
            presence_store.block_flooder(user, clock.timestamp() + FLOOD_SECONDS)
            broker.close_connections(user)
        except (redis.RedisError, BrokerUnavailable) as error:
            log.warning("%s could not be put out: %s", user, error)
            return
        if len(self._disconnected_at) > 1000:
            self._disconnected_at.clear()
        self._disconnected_at[user] = time.monotonic()

"""The guard against people who send far more than they may: it disconnects and refuses them."""

from __future__ import annotations

import logging
import queue
import threading
import time

import redis

from foundation import clock
from foundation.bus.management_api import BrokerUnavailable
from im.data import broker, firehose, metrics, presence_store
from im.flows.stages.streamer import NOBODY
from im.rules.rate import users_above_limit
from im.rules.vocabulary import BURST

log = logging.getLogger("im.center")

REPEAT_SECONDS = 1.0
"""The same person is not disconnected more often than this."""
FLOOD_SECONDS = 60
"""The auth backend refuses a disconnected flooder for this long."""
SAMPLE_SECONDS = 1.0
"""Messages without a sender's name are counted for at most this long, to find who sends them."""
SAMPLE_MESSAGES = 2 * BURST
"""The count ends when one person has sent so many: then all who send as much are above the limit, too."""


class FloodGuard(threading.Thread):
    """The thread closes the connections of flooders, and has the auth backend refuse them.

    For messages without a sender's name (no `user_id` that the broker has checked) it lets the broker tell, for a
    moment, over whose connections they come.
    """

    def __init__(self) -> None:
        """Prepare the thread; nobody is to be disconnected yet."""
        super().__init__(name="bouncer", daemon=True)
        self._users: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        """People to disconnect, or NOBODY for senders without a name; `None` ends the thread."""
        self._disconnected_at: dict[str, float] = {}
        """User -> monotonic time of the last disconnection."""
        self._sampled_at = float("-inf")
        """Monotonic time of the last sample in which nobody was above the limit."""

    def disconnect(self, user: str) -> None:
        """Queue a person to be disconnected; this is called again as long as the person floods.

        NOBODY stands for senders who give no name.
        """
        self._users.put(user)

    def stop(self) -> None:
        """Stop the thread once all queued people are disconnected."""
        self._users.put(None)

    def run(self) -> None:
        """Disconnect the people in the queue until the thread is stopped."""
        try:
            firehose.stop_tracing()
        except BrokerUnavailable as error:
            log.info("the broker's tracer was not switched off: %s", error)
        while (user := self._users.get()) is not None:
            # The sender is unknown: sample the messages to find it.
            if user == NOBODY:
                if time.monotonic() - self._sampled_at > REPEAT_SECONDS:
                    self._disconnect_nameless()
            elif time.monotonic() - self._disconnected_at.get(user, 0.0) > REPEAT_SECONDS:
                self._disconnect(user)

    def _disconnect_nameless(self) -> None:
        """Find who sends messages without a sender's name, and disconnect those who send more than is allowed.

        What they have sent before may still wait for the center, which then reports NOBODY again: if nobody is found,
        nobody is looked for during REPEAT_SECONDS.
        """
        flooders: list[str] = []
        try:
            with firehose.sample_nameless_senders(SAMPLE_SECONDS, SAMPLE_MESSAGES) as sample:
                flooders = users_above_limit(sample.counts, sample.seconds)
                for user in flooders:
                    self._disconnect(user)
        except BrokerUnavailable as error:
            log.warning("who floods without a name is not known: %s", error)
        if not flooders:
            self._sampled_at = time.monotonic()

    def _disconnect(self, user: str) -> None:
        """Have the auth backend refuse a person for FLOOD_SECONDS, and close the person's connections.

        If that fails, it is only logged, so that the next report tries again.
        """
        metrics.FLOODS.inc()
        log.warning("%s floods: put out for %d s", user, FLOOD_SECONDS)
        try:
            presence_store.block_flooder(user, clock.timestamp() + FLOOD_SECONDS)
            broker.close_connections(user)
        except (redis.RedisError, BrokerUnavailable) as error:
            log.warning("%s could not be put out: %s", user, error)
            return
        if len(self._disconnected_at) > 1000:
            self._disconnected_at.clear()  # It only saves repetitions, and must not grow for ever.
        self._disconnected_at[user] = time.monotonic()

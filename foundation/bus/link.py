"""A link sends the outbox rows that are for one peer to the peer's broker, in order, and deletes confirmed ones.

A peer is another site's platform. Each worker process has one thread per peer, each with a connection of its own, so
that a peer that is down delays no other. Of all processes one at a time sends to a peer: it holds the lock of the
peer's row in `bus_link`.

Apps may store messages for a platform in tables of their own; a feeder sends those (see `FEEDS`). They are about the
platform's data, so they go to the broker of whichever site serves that data now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from foundation.bus import metrics, wake_up
from foundation.bus.outbox import OutboxRow
from foundation.bus.relay import BATCH, Relay, send_due_rows
from foundation.cells import sql
from foundation.cells.directory import PlatformStore
from foundation.cells.serving import is_served_here
from foundation.hooks import Hook, SingleHook

log = logging.getLogger("confplatform.bus.link")

BUSY_SECONDS = 0.5
"""A link looks again after so many seconds when another process was sending to the same peer."""

Publish = Callable[[list[OutboxRow]], None]
"""A function that sends rows to a peer's broker, and returns when all are confirmed. Raises BROKER_ERRORS."""

Feed = Callable[[str, Publish], int]
"""`(peer's platform, publish) -> how many messages were sent`. It is called again at once unless it sent none.

It is called outside of any transaction, by one process or several at once. In one transaction it locks and reads rows
of the app's table, publishes, and deletes them. It returns 0 if another process holds the lock."""

FEEDS: Hook[[str, Publish], int] = Hook()
"""The feeds of apps that have messages to send besides the outbox."""

SERVING_SITE: SingleHook[[str], str] = SingleHook()
"""`(platform)`: return the site that serves a platform. Without a receiver each site serves itself."""


class PeerLink(Relay):
    """A link is the thread that sends outbox rows (messages to send) to one peer's broker."""

    safety_seconds = wake_up.LONGEST_WAIT

    def __init__(
        self, store: PlatformStore, peer: str, broker_url: str, *, lenient: bool = False
    ) -> None:
        """Prepare the thread that sends messages of the outbox in `store` to `peer`, another site's platform."""
        super().__init__(store, broker_url, peer, lenient=lenient)

    def _send_batch(self) -> bool:
        """Send the oldest messages (rows of the outbox) to the peer's broker; return whether there may be more."""
        publisher = self._connected_publisher()
        metrics.LINK_UP.labels(self.destination).set(1)
        count = _drain_exclusively(self._store, self.destination, publisher.publish)
        # The process that sends now may just have looked for the last time, before the message that woke this thread.
        self.safety_seconds = BUSY_SECONDS if count is None else wake_up.LONGEST_WAIT
        return count == BATCH

    def _disconnect(self) -> None:
        """Close the connection to the peer's broker, and show in the metrics that the link is down."""
        metrics.LINK_UP.labels(self.destination).set(0)
        super()._disconnect()


class Feeder(Relay):
    """A feeder is a thread that sends messages of apps' own tables to the site that serves a platform."""

    safety_seconds = 1.0
    """It cannot tell whether there was nothing to send or another process was sending, so it looks again soon."""

    def __init__(self, store: PlatformStore, platform: str) -> None:
        """Prepare the thread that sends the messages of all feeds for `platform`, at first to its own broker."""
        super().__init__(store, settings.PEERS[platform], platform)
        self.wake_name = wake_up.feeder_name(platform)
        self._site = platform

    def _send_batch(self) -> bool:
        """Send the next messages of each app's own table (see `FEEDS`); return whether there may be more."""
        self._use_broker_of(SERVING_SITE.call(self.destination) or self.destination)
        publisher = self._connected_publisher()
        return sum(FEEDS.call(self.destination, publisher.publish)) > 0

    def _use_broker_of(self, site: str) -> None:
        """Send to the broker of `site` from now on, since that site serves the platform.

        If PEERS names no broker of that site, this is only logged, and messages still go to the former one. Messages
        that the former site has received and not handled are not lost: the new one requests them again.
        """
        if site == self._site:
            return
        if site not in settings.PEERS:
            log.warning("%s is served at %s: PEERS names no broker of it", self.destination, site)
            return
        log.info("%s is told by the broker of %s from now on", self.destination, site)
        self._disconnect()
        self._site, self._url = site, settings.PEERS[site]


def _drain_exclusively(store: PlatformStore, peer: str, publish: Publish) -> int | None:
    """Send the oldest messages for a peer (another site's platform), and return how many were sent.

    `None` means that another process is sending to this peer. 0 is returned too while another site serves the platform
    whose messages these are.
    """
    with transaction.atomic(using=store.database):
        if not is_served_here(store.platform, lock=True):
            return 0
        query = "SELECT destination FROM bus_link WHERE destination=%s"
        if not sql.select(store.database, f"{query} FOR UPDATE SKIP LOCKED", [peer]):
            # Another process has locked the row and sends, or the row does not exist yet: then the next call locks it.
            if not sql.select(store.database, query, [peer]):
                sql.insert(
                    store.database, "bus_link", ("destination",), [(peer,)], ("destination",)
                )
            return None
        return send_due_rows(store, publish, peer, exclusive=True)

"""A link sends to one peer's broker the rows that are for that peer, in order, and deletes confirmed ones.

Each worker process has one thread per peer, each with a connection of its own: a peer that is down delays
no other. Of all processes one sends at a time (it holds the row of `bus_link`); the others skip.
Apps may store messages for a platform in tables of their own. A feeder sends those (see `FEEDS`). They are for
the platform's data, so they go to the broker of whichever site serves it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from foundation.bus import metrics
from foundation.bus.outbox import OutboxRow
from foundation.bus.relay import BATCH, Relay, drain
from foundation.cells import sql
from foundation.cells.directory import PlatformStore
from foundation.cells.serving import is_served_here
from foundation.hooks import Hook, SingleHook

log = logging.getLogger("confplatform.bus.link")

Publish = Callable[[list[OutboxRow]], None]
"""A function that sends rows to a peer's broker, and returns once it has confirmed all. Raises one of BROKER_ERRORS."""

Feed = Callable[[str, Publish], int]
"""`(peer's platform, publish) -> how many were sent`: a feed is called again at once unless it sent none.

It is called outside of any transaction, by one process or several at once. In one transaction it locks what it
reads, publishes, and deletes. It returns 0 where another process holds the lock."""

FEEDS: Hook[[str, Publish], int] = Hook()
"""The feeds of apps that have something to send beside the outbox."""

SERVING_SITE: SingleHook[[str], str] = SingleHook()
"""`(platform)`: return the site that serves a platform. Without a receiver each site serves itself."""


class PeerLink(Relay):
    """A link is the thread that sends to one peer."""

    def __init__(
        self, store: PlatformStore, peer: str, broker_url: str, *, lenient: bool = False
    ) -> None:
        super().__init__(store, broker_url, peer, lenient=lenient)

    def _send_some(self) -> bool:
        """Send the oldest rows, and return whether there may be more."""
        publisher = self._connected()
        metrics.LINK_UP.labels(self.destination).set(1)
        return _drain_alone(self._store, self.destination, publisher.publish) == BATCH

    def _hang_up(self) -> None:
        metrics.LINK_UP.labels(self.destination).set(0)
        super()._hang_up()


class Feeder(Relay):
    """A feeder sends to a platform what the feeds have for it, by the broker of the site that serves it now."""

    def __init__(self, store: PlatformStore, platform: str) -> None:
        super().__init__(store, settings.PEERS[platform], platform)
        self._at = platform

    def _send_some(self) -> bool:
        """Send one batch of each feed, and return whether there may be more."""
        self._go_to(SERVING_SITE.call(self.destination) or self.destination)
        publisher = self._connected()
        return sum(FEEDS.call(self.destination, publisher.publish)) > 0

    def _go_to(self, site: str) -> None:
        """Connect to the broker of the serving site from now on.

        Messages that the site before has received and not handled are not lost: the platform's data requests
        them again.
        """
        if site == self._at:
            return
        if site not in settings.PEERS:
            log.warning("%s is served at %s: PEERS names no broker of it", self.destination, site)
            return
        log.info("%s is told by the broker of %s from now on", self.destination, site)
        self._hang_up()
        self._at, self._url = site, settings.PEERS[site]


def _drain_alone(store: PlatformStore, peer: str, publish: Publish) -> int:
    """Send the oldest rows for a peer, unless another process is doing so; return how many were sent."""
    with transaction.atomic(using=store.database):
        if not is_served_here(store.platform, lock=True):
            return 0
        query = "SELECT destination FROM bus_link WHERE destination=%s"
        if not sql.select(store.database, f"{query} FOR UPDATE SKIP LOCKED", [peer]):
            if not sql.select(store.database, query, [peer]):
                sql.insert(
                    store.database, "bus_link", ("destination",), [(peer,)], ("destination",)
                )
            return 0
        return drain(store, publish, peer, alone=True)

"""A link: sends to one peer's broker what is for that peer, in order, and deletes what is confirmed.

One thread per peer and worker process, each with a connection of its own: a peer that is down delays
nobody else. Of all processes one sends at a time (it holds the row of `bus_link`); the others skip.
What others keep for a platform in tables of their own, a feeder asks them for: see `FEEDS`. That is for
the platform's data, so it goes to the broker of whichever site serves it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from foundation.bus import metrics
from foundation.bus.outbox import Row
from foundation.bus.relay import BATCH, Relay, drain
from foundation.cells import sql
from foundation.cells.directory import PlatformStore
from foundation.cells.serving import is_served_here
from foundation.hooks import Hook, SingleHook

log = logging.getLogger("confplatform.bus.link")

Publish = Callable[[list[Row]], None]
"""Sends rows to a peer's broker; returns once it has confirmed all. Raises one of BROKER_ERRORS."""

Feed = Callable[[str, Publish], int]
"""`(peer's platform, publish) -> how many were sent`; asked again at once unless that was 0. It is called
outside of any transaction, by one process or several at once: what it reads it locks itself (and returns 0 where another one has it), publishes, and forgets in the same transaction."""

FEEDS: Hook[[str, Publish], int] = Hook()
"""The feeds of apps that have something to send beside the outbox."""

SERVING_SITE: SingleHook[[str], str] = SingleHook()
"""`(platform)`: return the site that serves a platform. Without a receiver each site serves itself."""


class Link(Relay):
    """The way to one peer."""

    def __init__(
        self, store: PlatformStore, peer: str, broker_url: str, *, lenient: bool = False
    ) -> None:
        super().__init__(store, broker_url, peer, lenient=lenient)

    def _send_some(self) -> bool:
        """The oldest rows; is there more?"""
        publisher = self._connected()
        metrics.LINK_UP.labels(self.destination).set(1)
        return _drain_alone(self._store, self.destination, publisher.publish) == BATCH

    def _hang_up(self) -> None:
        metrics.LINK_UP.labels(self.destination).set(0)
        super()._hang_up()


class Feeder(Relay):
    """Sends a platform what the feeds have for it, by the broker of the site that serves it now."""

    def __init__(self, store: PlatformStore, platform: str) -> None:
        super().__init__(store, settings.PEERS[platform], platform)
        self._at = platform

    def _send_some(self) -> bool:
        """One batch of each feed; is there more?"""
        self._go_to(SERVING_SITE.call(self.destination) or self.destination)
        publisher = self._connected()
        return sum(FEEDS.call(self.destination, publisher.publish)) > 0

    def _go_to(self, site: str) -> None:
        """What was sent to the site before, and not taken there, the platform's data asks for again."""
        if site == self._at:
            return
        if site not in settings.PEERS:
            log.warning("%s is served at %s: PEERS names no broker of it", self.destination, site)
            return
        log.info("%s is told by the broker of %s from now on", self.destination, site)
        self._hang_up()
        self._at, self._url = site, settings.PEERS[site]


def _drain_alone(store: PlatformStore, peer: str, publish: Publish) -> int:
    """Send the oldest rows for a peer, unless another process is about it; how many."""
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

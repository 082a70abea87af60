"""A link: sends to one peer's broker what is for that peer, in order, and deletes what is confirmed.

One thread per peer and worker process, each with a connection of its own: a peer that is down delays
nobody else. Of all processes one sends at a time (it holds the row of `bus_link`); the others skip.
What others keep for the peer in tables of their own, the link asks them for: see `FEEDS`.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from confplatform.bus import metrics
from confplatform.bus.outbox import Row
from confplatform.bus.relay import BATCH, Relay, drain
from confplatform.stores import sql
from confplatform.stores.directory import PlatformStore, serves

Publish = Callable[[list[Row]], None]
"""Sends rows to the peer's broker; returns once it has confirmed all. Raises one of BROKER_ERRORS."""

Feed = Callable[[str, Publish], int]
"""`(peer's platform, publish) -> how many were sent`; asked again at once unless that was 0. It is called
outside of any transaction, in turn with the outbox rows, by one process or several at once: what it reads
it locks itself (and returns 0 where another one has it), publishes, and forgets in the same transaction."""

FEEDS: list[Feed] = []
"""Filled by the apps that have something to send beside the outbox."""


class Link(Relay):
    """The way to one peer."""

    def __init__(self, store: PlatformStore, peer: str, broker_url: str) -> None:
        super().__init__(store, broker_url, peer)

    def _send_some(self) -> bool:
        """Rows first, then one batch of each feed; is there more?"""
        publisher = self._connected()
        metrics.LINK_UP.labels(self.destination).set(1)
        full = _drain_alone(self._store, self.destination, publisher.publish) == BATCH
        fed = [feed(self.destination, publisher.publish) for feed in FEEDS]
        return full or any(fed)

    def _hang_up(self) -> None:
        metrics.LINK_UP.labels(self.destination).set(0)
        super()._hang_up()


def _drain_alone(store: PlatformStore, peer: str, publish: Publish) -> int:
    """Send the oldest rows for a peer, unless another process is about it; how many."""
    with transaction.atomic(using=store.database):
        if not serves(store):
            return 0
        query = "SELECT destination FROM bus_link WHERE destination=%s"
        if not sql.select(store.database, f"{query} FOR UPDATE SKIP LOCKED", [peer]):
            if not sql.select(store.database, query, [peer]):
                sql.insert(
                    store.database, "bus_link", ("destination",), [(peer,)], ("destination",)
                )
            return 0
        return drain(store, publish, peer)

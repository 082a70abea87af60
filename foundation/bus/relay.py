"""The relay: sends what lies in the outbox, in order, and deletes what the broker has confirmed.

A consumer publishes the rows of its own batches; the relay sends those of web requests, of timers
and of processes that died between commit and publish.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, close_old_connections, connections, transaction

from foundation.bus import metrics, outbox, protocol, wake_up
from foundation.bus.amqp import BROKER_ERRORS, Publisher
from foundation.bus.backlog import unknown
from foundation.bus.reconnect import LONGEST_PAUSE, Backoff
from foundation.cells.directory import PlatformStore, own_platform
from foundation.cells.serving import is_served_here

log = logging.getLogger("confplatform.bus.relay")

BATCH = 500
WARNS_EVERY = 60.0


class Relay(threading.Thread):
    """A relay is the thread of a worker process that publishes the outbox.

    Any number of relays share the work by skipping locked rows.

    `destination`: the platform on whose broker it publishes, empty: our own; `lenient`: see Publisher.
    """

    def __init__(
        self, store: PlatformStore, broker_url: str, destination: str = "", *, lenient: bool = False
    ) -> None:
        super().__init__(name=f"relay {destination}".rstrip(), daemon=True)
        self._store, self._url, self.destination = store, broker_url, destination
        self._publisher: Publisher | None = None
        self._lenient = lenient
        self._stop_asked = threading.Event()
        self._warns_at = 0.0

    def ask_to_stop(self) -> None:
        """Let it finish the batch at hand, and end."""
        self._stop_asked.set()
        wake_up.here(self.destination)

    def stop(self) -> None:
        """Ask the thread to stop, and wait for its end."""
        self.ask_to_stop()
        self.join(timeout=10)

    def run(self) -> None:
        """Send what is due; wait to be woken; after a failure pause a little longer each time."""
        backoff = Backoff()
        while not self._stop_asked.is_set():
            try:
                while self._send_some() and not self._stop_asked.is_set():
                    pass
                backoff.reset()
                self._warn_of_unknown_destinations()
                wake_up.wait(self._store.platform, 0.5, self.destination)
            except (*BROKER_ERRORS, DatabaseError, InterfaceError) as error:
                target = f"to {self.destination} " if self.destination else ""
                kind = type(error).__name__
                pause = backoff.next_pause()
                log.warning("outbox %swaits (%s: %s), again in %.1f s", target, kind, error, pause)
                self._hang_up()
                self._stop_asked.wait(pause)
            except Exception:
                log.exception("the relay met the unforeseen, and goes on")
                self._hang_up()
                self._stop_asked.wait(LONGEST_PAUSE)
        self._hang_up()
        connections.close_all()

    def _hang_up(self) -> None:
        if self._publisher:
            self._publisher.close(politely=False)
            self._publisher = None

    def _send_some(self) -> bool:
        """Send one batch, and tell whether more may wait."""
        return drain(self._store, self._connected().publish, self.destination) == BATCH

    def _warn_of_unknown_destinations(self) -> None:
        """Log now and then which messages wait for a destination whose broker is not configured."""
        if self.destination or time.monotonic() < self._warns_at:
            return
        self._warns_at = time.monotonic() + WARNS_EVERY
        for backlog in unknown(self._store.database):
            text = "%d messages wait for %s, the oldest for %.0f s: PEERS does not name its broker"
            log.warning(text, backlog.count, backlog.destination, backlog.age)

    def _connected(self) -> Publisher:
        close_old_connections()
        if self._publisher is None:
            self._publisher = Publisher(self._url, lenient=self._lenient)
        self._publisher.tick()
        return self._publisher


def drain(
    store: PlatformStore,
    publish: Callable[[list[outbox.OutboxRow]], None],
    destination: str = "",
    *,
    alone: bool = False,
) -> int:
    """Send the oldest due rows for a destination; how many. Others skip them meanwhile.

    `alone`: the caller sees to it that nobody else sends these; then none is locked, and they go in order.
    """
    with transaction.atomic(using=store.database):
        if not is_served_here(store.platform, lock=True):
            return 0
        rows = outbox.select_due(store.database, BATCH, destination, alone=alone)
        if rows:
            publish([row for row in rows if not _is_for_stranger(row, destination)])
            outbox.forget(store.database, [r.id for r in rows])
            metrics.PUBLISHED.inc(len(rows))
    return len(rows)


def _is_for_stranger(row: outbox.OutboxRow, destination: str) -> bool:
    """Return whether a row is for a local party of another site, which wrote it, and must not be sent here.

    At this site a stranger might have that party's address. The party itself is told what is true when
    it is heard again.
    """
    wire = protocol.current()
    own_sender = f"{wire.sender_role}@{own_platform()}"
    is_local = row.exchange in wire.local_exchanges
    return not destination and is_local and row.properties.get("app_id") != own_sender

"""The relay: sends what lies in the outbox, in order, and deletes what the broker has confirmed.

A consumer publishes the rows of its own batches; the relay sends those of web requests, of timers
and of processes that died between commit and publish.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, close_old_connections, connections, transaction

from confplatform.bus import metrics, outbox, wake
from confplatform.bus.amqp import BROKER_ERRORS, Publisher
from confplatform.stores.directory import PlatformStore

log = logging.getLogger("confplatform.bus.relay")

BATCH = 500
LONGEST_PAUSE = 5.0


class Relay(threading.Thread):
    """One thread per worker process; any number of them share the work by skipping locked rows."""

    def __init__(self, store: PlatformStore, broker_url: str) -> None:
        super().__init__(name="relay", daemon=True)
        self._store, self._url = store, broker_url
        self._publisher: Publisher | None = None
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        """Finish the batch at hand, and end."""
        self._stop_asked.set()
        wake.here()
        self.join(timeout=10)

    def run(self) -> None:
        """Send what is due; wait to be woken; after a failure pause a little longer each time."""
        pause = 0.2
        while not self._stop_asked.is_set():
            try:
                while self._send_some() and not self._stop_asked.is_set():
                    pass
                pause = 0.2
                wake.wait(self._store.platform, seconds=0.5)
            except (*BROKER_ERRORS, DatabaseError, InterfaceError) as wrong:
                log.warning(
                    "outbox waits (%s: %s), again in %.1f s", type(wrong).__name__, wrong, pause
                )
                self._hang_up()
                self._stop_asked.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
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
        """Send one batch; is there more?"""
        close_old_connections()
        if self._publisher is None:
            self._publisher = Publisher(self._url)
        self._publisher.tick()
        return drain(self._store, self._publisher.publish) == BATCH


def drain(
    store: PlatformStore, publish: Callable[[list[outbox.Row]], None], most: int = BATCH
) -> int:
    """Send the oldest due rows of a platform, in order; their number. They stay locked meanwhile."""
    with transaction.atomic(using=store.database):
        rows = outbox.take(store.database, most)
        if rows:
            publish(rows)
            outbox.forget(store.database, [r.id for r in rows])
            metrics.PUBLISHED.inc(len(rows))
    return len(rows)

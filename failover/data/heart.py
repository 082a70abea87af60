"""Define threads by which workers show the cell agents, through the database, that they are alive.

No message broker takes part, so that a blocked broker does not look like dead workers.
"""

from __future__ import annotations

import logging
from threading import Event, Thread

from django.db import DatabaseError, InterfaceError, connections

from failover.data.cells import liveness
from foundation.cells import sql
from foundation.cells.directory import PlatformStore

log = logging.getLogger("failover.heart")


class Heart(Thread):
    """A heart is a thread that holds a lock in a platform's database for as long as its worker lives.

    Each worker has one for each platform. The site's cell agent sees the locks, and so knows that
    workers are alive.
    """

    def __init__(self, store: PlatformStore) -> None:
        """Prepare the thread that, from its start on, holds a lock in a platform's database (`store`)."""
        super().__init__(name=f"heart {store.platform}", daemon=True)
        self._store = store
        self._stop_asked = Event()
        self._is_away = False
        """Whether the database could not be reached when the lock was last renewed."""

    def ask_to_stop(self) -> None:
        """Ask the thread to end, without waiting for it."""
        self._stop_asked.set()

    def stop(self) -> None:
        """Ask the thread to stop, and wait for its end."""
        self.ask_to_stop()
        self.join(timeout=10)

    def run(self) -> None:
        """Renew the lock that shows this worker to be alive every two seconds, until asked to stop."""
        while not self._stop_asked.is_set():
            self._renew_lock(self._store.database)
            self._stop_asked.wait(liveness.LOCK_RENEWAL_SECONDS)
        connections.close_all()

    def _renew_lock(self, database: str) -> None:
        """Keep or get the lock that shows this worker to be alive; log once when the database cannot be reached."""
        try:
            liveness.hold_lock(lambda query, values: sql.select(database, query, values))
            self._is_away = False
        except (DatabaseError, InterfaceError) as error:
            connections[database].close()
            if not self._is_away:
                log.warning("the data of %s is away: %s", self._store.platform, error)
            self._is_away = True

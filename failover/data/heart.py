"""The heart of a worker shows the cell agents that this site's software is alive, by no broker."""

from __future__ import annotations

import logging
from threading import Event, Thread

from django.db import DatabaseError, InterfaceError, connections

from failover.data.cells import liveness
from foundation.cells import sql
from foundation.cells.directory import PlatformStore

log = logging.getLogger("failover.heart")


class Heart(Thread):
    """One thread of each worker and platform holds a lock in the platform's database."""

    def __init__(self, store: PlatformStore) -> None:
        super().__init__(name=f"heart {store.platform}", daemon=True)
        self._store = store
        self._stop_asked = Event()
        self._is_away = False

    def ask_to_stop(self) -> None:
        """Let it end."""
        self._stop_asked.set()

    def stop(self) -> None:
        """Ask the thread to stop, and wait for its end."""
        self.ask_to_stop()
        self.join(timeout=10)

    def run(self) -> None:
        """Beat until asked to stop."""
        while not self._stop_asked.is_set():
            self._beat(self._store.database)
            self._stop_asked.wait(liveness.KEPT_EVERY)
        connections.close_all()

    def _beat(self, database: str) -> None:
        try:
            liveness.keep(lambda query, values: sql.select(database, query, values))
            self._is_away = False
        except (DatabaseError, InterfaceError) as error:
            connections[database].close()
            if not self._is_away:
                log.warning("the data of %s is away: %s", self._store.platform, error)
            self._is_away = True

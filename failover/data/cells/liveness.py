"""The signs of life between the software of a site, its agent, and the agent of the other site.

A worker keeps a named lock in the database of each platform at its site (`keep`). The agent sees these locks.
While one is held at the owner (the site that may write the platform's data), the agent counts up the row of
`failover_pulse`, which is copied to the other site. No message broker and no timer takes part, so that a broker that
is blocked does not look like dead software.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

from failover.data.cells.config import Cell
from failover.data.cells.connection import DatabaseLink, Failure

LOCKS = [f"confplatform.software.{number}" for number in range(8)]
"""Each worker holds one of them: so one that is frozen does not hide that the others live."""
KEPT_EVERY = 2.0
"""The seconds after which a worker shows life again on the connection that holds the lock."""
_IS_MINE = " OR ".join(["IS_USED_LOCK(%s) = CONNECTION_ID()"] * len(LOCKS))
_TAKE = " OR ".join(["GET_LOCK(%s, 0)"] * len(LOCKS))
_KEEP = f"SELECT {_IS_MINE} OR {_TAKE}"
_HOLDERS = ", ".join(["IS_USED_LOCK(%s)"] * len(LOCKS))
_IDLE = f"SELECT MIN(time_ms) AS idle FROM information_schema.processlist WHERE id IN ({_HOLDERS})"
_COUNT = (
    "INSERT INTO `{schema}`.failover_pulse (platform, beats) VALUES (%s, 1)"
    " ON DUPLICATE KEY UPDATE beats = beats + 1"
)
_FOREVER = 86_400
"""A wait for the copy's acknowledgement cannot be called off, and another try would only wait beside it."""


def keep(ask: Callable[[str, list[str]], object]) -> None:
    """Hold a lock of this site's software in a platform's database, or try to get one.

    `ask` runs a query. To be called every KEPT_EVERY seconds on the same connection, with which the lock ends.
    """
    ask(_KEEP, [*LOCKS, *LOCKS])


def every(seconds: float, act: Callable[[], None], end: Event) -> None:
    """Call `act` every so many seconds, in a thread of its own, until the event `end` is set."""

    def run() -> None:
        while not end.wait(seconds):
            act()

    Thread(target=run, daemon=True).start()


class Software:
    """The software of this site, as its agent sees it through locks in the platform's own database."""

    def __init__(self, cell: Cell, socket: str) -> None:
        self._cell = cell
        self._root = DatabaseLink(unix_socket=socket, user="root")
        self._app = DatabaseLink(
            unix_socket=socket, user="app", password=cell.app_password, seconds=_FOREVER
        )
        self.seen_at: float | None = None
        """When it was last seen alive, by this machine's monotonic clock; `None` means never."""
        self.counts = False
        """The agent wants the pulse counted up: this site owns the cell, and its database is open."""

    def is_alive(self, within: float) -> bool:
        """Tell whether the software was seen alive within the last `within` seconds."""
        return self.seen_at is not None and time.monotonic() - self.seen_at <= within

    def look(self) -> None:
        """Check whether a worker holds a lock and has lately used the connection that holds it."""
        try:
            idle = self._root.one(_IDLE, LOCKS)["idle"]
        except Failure:
            return
        if idle is not None and idle < 1000 * 2 * KEPT_EVERY:
            self.seen_at = time.monotonic()

    def count(self) -> None:
        """Count up the pulse, the counter by which the other site sees that the software here is alive.

        The application's database user does it, so that a database that was closed meanwhile refuses it. It
        waits as long as the database lets it, in a thread of its own.
        """
        if not self.counts or not self.is_alive(2 * KEPT_EVERY):
            return
        try:
            self._app.rows(_COUNT.format(schema=self._cell.schema), [self._cell.platform])
        except Failure:
            return  # closed, away, or before the first migration: the pulse stands still


class Punctuality:
    """It records since when this process has run without being held up, as on a host that is too busy.

    What a process does not hear while it does not run proves nothing about others.
    """

    def __init__(self, late: float) -> None:
        self._late = late
        self._last = self.since = time.monotonic()

    def tick(self) -> None:
        """Note that the process runs now; to be called again within `late` seconds."""
        now = time.monotonic()
        if now - self._last > self._late:
            self.since = now
        self._last = now

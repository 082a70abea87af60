"""The signs of life between the workers of a site, its agent, and the agent of the other site.

A worker keeps a named lock in the database of each platform at its site (`hold_lock`). The agent
sees these locks. While one is held at the owner (the site that may write the platform's data), the
agent counts up the row of `failover_pulse`, which is copied to the other site. No message broker
and no timer takes part, so that a broker that is blocked does not look like dead workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

from failover.data.cells.config import Cell
from failover.data.cells.connection import DatabaseLink, Failure

LOCKS = [f"confplatform.software.{number}" for number in range(8)]
"""Each worker holds one of these locks, so a frozen worker does not hide that others are alive."""
LOCK_RENEWAL_SECONDS = 2.0
"""A worker uses the connection that holds its lock this often, to show that it is still alive."""
_IS_MINE = " OR ".join(["IS_USED_LOCK(%s) = CONNECTION_ID()"] * len(LOCKS))
_TAKE = " OR ".join(["GET_LOCK(%s, 0)"] * len(LOCKS))
_HOLD_LOCK = f"SELECT {_IS_MINE} OR {_TAKE}"
_HOLDERS = ", ".join(["IS_USED_LOCK(%s)"] * len(LOCKS))
_IDLE = f"SELECT MIN(time_ms) AS idle FROM information_schema.processlist WHERE id IN ({_HOLDERS})"
_COUNT = (
    "INSERT INTO `{schema}`.failover_pulse (platform, beats) VALUES (%s, 1)"
    " ON DUPLICATE KEY UPDATE beats = beats + 1"
)
_FOREVER = 86_400
"""In seconds. A commit that waits for the copy's acknowledgement cannot be cancelled, and a second one
would only wait beside it.
"""


def hold_lock(run_query: Callable[[str, list[str]], object]) -> None:
    """Keep or get the named database lock by which a platform's cell agent sees that this worker is alive.

    `run_query` runs a query on the platform's database. A worker calls this every
    LOCK_RENEWAL_SECONDS on the same connection; when the connection ends, the lock is free.
    """
    run_query(_HOLD_LOCK, [*LOCKS, *LOCKS])


def call_every(seconds: float, function: Callable[[], None], end: Event) -> None:
    """Call a function every `seconds`, in a thread of its own, until the event `end` is set."""

    def call_until_end() -> None:
        """Call the function again and again; the event `end` interrupts the pause between two calls."""
        while not end.wait(seconds):
            function()

    Thread(target=call_until_end, daemon=True).start()


class WorkersLife:
    """The life of this site's worker processes, which its cell agent sees by their locks in the platform's database."""

    def __init__(self, cell: Cell, socket: str) -> None:
        """Prepare two links to the platform's database: to read the locks, and to count up the liveness counter."""
        self._cell = cell
        self._root = DatabaseLink(unix_socket=socket, user="root")
        self._app = DatabaseLink(
            unix_socket=socket, user="app", password=cell.app_password, seconds=_FOREVER
        )
        self.seen_at: float | None = None
        """When a worker was last seen alive, by this machine's monotonic clock; `None` means never."""
        self.is_pulse_wanted = False
        """Whether `count_pulse` counts: this site owns the cell, and its database takes writes."""

    def is_alive(self, within: float) -> bool:
        """Return whether a worker was seen alive within the last `within` seconds."""
        return self.seen_at is not None and time.monotonic() - self.seen_at <= within

    def check_locks(self) -> None:
        """Note that the site's workers are alive if one of them holds a lock and has lately used its connection."""
        try:
            idle = self._root.first_row(_IDLE, LOCKS)["idle"]
        except Failure:
            return
        if idle is not None and idle < 1000 * 2 * LOCK_RENEWAL_SECONDS:
            self.seen_at = time.monotonic()

    def count_pulse(self) -> None:
        """Count up the liveness counter (pulse), by which the other site sees that workers are alive here.

        Does nothing if no pulse is wanted, if no worker is alive, or if the database refuses the write. This uses the
        application's own database user, so that a database which was closed meanwhile refuses it. It runs in a thread
        of its own, because the commit may wait long for the copy's acknowledgement.
        """
        if not self.is_pulse_wanted or not self.is_alive(2 * LOCK_RENEWAL_SECONDS):
            return
        try:
            self._app.execute(_COUNT.format(schema=self._cell.schema), [self._cell.platform])
        except Failure:
            return  # closed, away, or before the first migration: the pulse stands still


class Punctuality:
    """A record of since when (`since`) this process has run, or a server has answered, without a gap.

    Silence proves nothing about the other site if this process did not run, or was itself cut off, and so could not
    hear it.
    """

    def __init__(self, late: float) -> None:
        """Begin now. `late`: the seconds between two calls of `tick` that count as a gap."""
        self._late = late
        self._last = self.since = time.monotonic()

    def tick(self) -> None:
        """Record that this process runs, or the server answers, now; a gap of over `late` s restarts `since`."""
        now = time.monotonic()
        if now - self._last > self._late:
            self.since = now
        self._last = now

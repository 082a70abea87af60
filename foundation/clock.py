"""The time of this site is its database's, carried on by a clock of this machine that nobody can set.

The wall clock of a host may be wrong, and may be set at any moment. So each process follows the
time that its database returned last (`follow`), and counts on from there by the steady clock. A
process without a database follows the times of the messages that the platform sends. Before the
first of them it has only its wall clock. Rules take `now` as an argument.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import UTC, datetime
from typing import NamedTuple

_EPOCH_MICROSECONDS = 1_700_000_000_000_000
"""Ids count microseconds from this time on, in November 2023."""

_TAG_BITS = 13
_TAG_MASK = (1 << _TAG_BITS) - 1
log = logging.getLogger("confplatform.clock")

STEP_SECONDS = 2.0
"""A database's time that differs more from what is expected was set, and is not followed."""
DRIFT = 0.001
"""Two clocks that nobody sets may drift apart by this share of the time since they were compared."""
_OWN = "default"
_last = 0
_lock = threading.Lock()
_tag = int.from_bytes(os.urandom(2), "big") & _TAG_MASK


class _Anchor(NamedTuple):
    """A database's time, in seconds since 1970, and this host's steady time (which nobody sets) at that moment.

    `error` is by how many seconds the two may belong to different moments.
    """

    database_time: float
    steady_time: float
    error: float


_anchors: dict[str, _Anchor] = {}
"""Database -> the anchor from which its time is counted on."""
_clock_steps: dict[str, float] = {}
"""Database whose time is ignored -> by how many seconds its clock was set."""


def steady() -> float:
    """Return the seconds since this machine's start, by a clock that nobody can set and that counts suspended time."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def timestamp(database: str = _OWN) -> float:
    """Return the time in seconds since 1970, as this process follows it from a database's clock."""
    anchor = _anchors.get(database)
    return time.time() if anchor is None else anchor.database_time + steady() - anchor.steady_time


def now(database: str = _OWN) -> datetime:
    """Return the time in UTC, as this process follows it from a database's clock: by default from this site's own."""
    return datetime.fromtimestamp(timestamp(database), UTC)


def follow(moment: datetime, asked_at: float, database: str = _OWN) -> datetime:
    """Set this process's clock to the time (`moment`) that a database has just returned, and return the time now.

    `asked_at` is the steady time before the database was asked. If somebody has set the database's clock meanwhile,
    its time is ignored until it agrees again: this process goes on counting, so that an hour stays an hour.
    """
    database_time, at = moment.timestamp(), steady()
    duration = at - asked_at
    anchor = _anchors.get(database)
    if anchor is not None:
        elapsed = at - anchor.steady_time
        step = database_time - anchor.database_time - elapsed
        if abs(step) > STEP_SECONDS + anchor.error + duration + DRIFT * elapsed:
            _note_clock_step(database, step)
            return now(database)
    # An answer that took long is less exact: it is used only where nothing better is known.
    if anchor is None or duration < 1.0 or duration <= anchor.error:
        _anchors[database] = _Anchor(database_time, asked_at + duration / 2, duration)
    _clock_steps.pop(database, None)
    return moment


def _note_clock_step(database: str, step: float) -> None:
    """Record that somebody has set a database's clock by `step` seconds, so that its time is ignored; log it once."""
    if database not in _clock_steps:
        log.error("the clock of the database %s was set by %+.1f s: not followed", database, step)
    _clock_steps[database] = step


def step_microseconds(database: str = _OWN) -> int:
    """Return by how many microseconds somebody has set a database's clock while this process ran (its clock step).

    It is 0 if nobody has. Queries subtract it from the database's time: `UTC_TIMESTAMP(6) - INTERVAL %s MICROSECOND`.
    """
    return int(_clock_steps.get(database, 0.0) * 1_000_000)


def steps() -> dict[str, float]:
    """Return the databases whose clocks somebody has set while this process ran: database -> by how many seconds."""
    return dict(_clock_steps)


def next_id() -> int:
    """Return a new id for a row, greater than all before it in this process, and unlike those of other processes.

    The upper 50 bits count microseconds since late 2023, so that rows written one after the other stay in order
    without asking the database for their keys. The lower 13 bits are random for each process: two processes share
    them with a probability of 1 in 8,192, and a collision then needs the same microsecond. The primary key would turn
    it into an error after which the transaction is tried again.
    """
    global _last
    with _lock:
        _last = max(_last + 1, int(timestamp() * 1_000_000) - _EPOCH_MICROSECONDS)
        return (_last << _TAG_BITS) | _tag


def moment_of(row_id: int) -> datetime:
    """Return the time at which `next_id` made an id."""
    microseconds = (row_id >> _TAG_BITS) + _EPOCH_MICROSECONDS
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def id_at(moment: datetime) -> int:
    """Return the lowest id that `next_id` could make at a time, so that ids of rows can be compared with a time."""
    return (int(moment.timestamp() * 1_000_000) - _EPOCH_MICROSECONDS) << _TAG_BITS


def host_skew() -> float | None:
    """Return by how many seconds this host's clock is ahead of the platform's time; `None` while that is unknown."""
    return None if _OWN not in _anchors else time.time() - timestamp()


class FarClock:
    """The clock of a process without a database; it follows the times at which its platform sent messages.

    A message may have been delayed, which makes the platform's clock seem slow. So of the last KEPT
    messages the one counts by which the platform's time is latest.
    """

    KEPT = 5

    def __init__(self) -> None:
        """Begin without a message: until the first one, this process has only its wall clock."""
        self._offsets: list[float] = []

    def note_platform_time(self, sent_at: datetime | None) -> None:
        """Adjust this process's clock to the time at which the platform sent a message; `None` has no effect.

        A delayed message makes the platform's clock seem slow, so of the last KEPT differences the
        greatest one counts.
        """
        if sent_at is None:
            return
        self._offsets = [*self._offsets, sent_at.timestamp() - steady()][-self.KEPT :]
        at = steady()
        _anchors[_OWN] = _Anchor(max(self._offsets) + at, at, 0.0)


def after_fork() -> None:
    """Give a forked child process its own random tag for ids of rows, and a lock that no thread of its parent holds."""
    global _tag, _lock
    _lock = threading.Lock()
    _tag = int.from_bytes(os.urandom(2), "big") & _TAG_MASK


os.register_at_fork(after_in_child=after_fork)

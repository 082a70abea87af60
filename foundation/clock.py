"""The clock of this machine, and ids that are made from it.

Rules (pure functions) get the time as an argument. Times at which something is due are of the database's clock.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime

_EPOCH_MICROSECONDS = 1_700_000_000_000_000
"""Ids count microseconds from this moment on, in November 2023."""

_TAG_BITS = 13
_TAG_MASK = (1 << _TAG_BITS) - 1
_last = 0
_lock = threading.Lock()
_tag = int.from_bytes(os.urandom(2), "big") & _TAG_MASK


def now() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)


def next_id() -> int:
    """Return a new id for a row: greater than all ids before it in this process, and different from other processes' ids.

    The upper 50 bits count microseconds since late 2023, so that rows written one after the other stay in order without
    asking the database for their keys. The lower 13 bits are random for each process: two processes share them with a
    probability of 1 in 8,192, and a collision then needs the same microsecond. The primary key would turn it into an error
    after which the transaction is tried again.
    """
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1000 - _EPOCH_MICROSECONDS)
        return (_last << _TAG_BITS) | _tag


def moment_of(row_id: int) -> datetime:
    """Return the moment at which `next_id` made an id."""
    microseconds = (row_id >> _TAG_BITS) + _EPOCH_MICROSECONDS
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def id_at(moment: datetime) -> int:
    """Return the least id that `next_id` could have made at a moment."""
    return (int(moment.timestamp() * 1_000_000) - _EPOCH_MICROSECONDS) << _TAG_BITS


def after_fork() -> None:
    """Give a forked child process its own tag, and a lock that no thread of its parent holds."""
    global _tag, _lock
    _lock = threading.Lock()
    _tag = int.from_bytes(os.urandom(2), "big") & _TAG_MASK


os.register_at_fork(after_in_child=after_fork)

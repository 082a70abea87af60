"""The clock of this machine, for pages and API only; rules take `now` as an argument.

Times at which something is due use the database's clock.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime

_SINCE = 1_700_000_000_000_000
_last = 0
_lock = threading.Lock()
_tag = int.from_bytes(os.urandom(2), "big") & 0x1FFF


def now() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)


def next_id() -> int:
    """Return a number greater than all before it in this process, and unlike those of other processes.

    Microseconds since late 2023 in the upper 50 bits, so that rows written one after the other stay in order
    without asking the database for their keys. The lower 13 bits are random per process: two processes share
    them with a probability of 1 in 8,192, and a collision then needs the same microsecond. The primary key
    catches that as an error after which the transaction is tried again.
    """
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1000 - _SINCE)
        return (_last << 13) | _tag


def moment_of(number: int) -> datetime:
    """Return the moment at which `next_id` made a number."""
    return datetime.fromtimestamp(((number >> 13) + _SINCE) / 1_000_000, UTC)


def number_at(moment: datetime) -> int:
    """Return the least number that `next_id` could have made at a moment."""
    return (int(moment.timestamp() * 1_000_000) - _SINCE) << 13


def after_fork() -> None:
    """Give a forked child process its own tag, and a lock that no thread of its parent holds."""
    global _tag, _lock
    _lock = threading.Lock()
    _tag = int.from_bytes(os.urandom(2), "big") & 0x1FFF


os.register_at_fork(after_in_child=after_fork)

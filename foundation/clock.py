"""What time it is, for doors only: rules take `now` as an argument, and due times use the database's clock."""

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
    """This machine's time, in UTC."""
    return datetime.now(UTC)


def next_id() -> int:
    """A number greater than all before it in this process, and unlike those of other processes.

    Microseconds since late 2023 in the upper 50 bits, so that rows written one after the other stay in order
    without asking the database for their keys.
    """
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1000 - _SINCE)
        return (_last << 13) | _tag


def moment_of(number: int) -> datetime:
    """When a number of `next_id` was made."""
    return datetime.fromtimestamp(((number >> 13) + _SINCE) / 1_000_000, UTC)


def number_at(moment: datetime) -> int:
    """The least number that `next_id` could have made then."""
    return (int(moment.timestamp() * 1_000_000) - _SINCE) << 13


def after_fork() -> None:
    """A child process takes a tag of its own, and a lock that no thread of its parent holds."""
    global _tag, _lock
    _lock = threading.Lock()
    _tag = int.from_bytes(os.urandom(2), "big") & 0x1FFF


os.register_at_fork(after_in_child=after_fork)

"""Tell the relays that there is something to send: a nudge, never the only way to know.

Within a process an event, between processes a Redis list. Where Redis is gone a relay looks twice
a second.
"""

from __future__ import annotations

import threading
import time

import redis

from confplatform.stores.directory import redis_of

_KEY = "bus:wake"
_event = threading.Event()
_redis_rests_until = 0.0


def here() -> None:
    """Wake the relay of this process."""
    _event.set()


def everywhere(platform: str) -> None:
    """Wake a relay, in whichever process."""
    global _redis_rests_until
    _event.set()
    if time.monotonic() < _redis_rests_until:
        return
    try:
        with redis_of(platform).pipeline(transaction=False) as pipe:
            pipe.lpush(_KEY, 1)
            pipe.ltrim(_KEY, 0, 7)
            pipe.execute()
    except redis.RedisError:
        _redis_rests_until = time.monotonic() + 2


def wait(platform: str, seconds: float) -> None:
    """Wait to be woken, at most so long."""
    if _event.is_set():
        _event.clear()
        return
    try:
        redis_of(platform).blpop([_KEY], timeout=seconds)
    except redis.RedisError:
        _event.wait(seconds)
    _event.clear()

"""Relays are woken when there is something to send; they find the rows without it too, only later.

Within a process an event wakes them, between processes a Redis list. There is one of each for our own broker
(the destination "") and for every peer. Where Redis is gone, a relay looks twice a second.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection

import redis

from foundation.cells.directory import redis_of

_OWN = ("",)
_events: defaultdict[str, threading.Event] = defaultdict(threading.Event)
_redis_rests_until = 0.0


def _key(destination: str) -> str:
    return f"bus:wake:{destination}" if destination else "bus:wake"


def here(destination: str = "") -> None:
    """Wake the relay of this process, or its link to a peer."""
    _events[destination].set()


def everywhere(platform: str, destinations: Collection[str] = _OWN) -> None:
    """Wake a relay, or links to these peers, in whichever process."""
    global _redis_rests_until
    for destination in destinations:
        _events[destination].set()
    if time.monotonic() < _redis_rests_until:
        return
    try:
        with redis_of(platform).pipeline(transaction=False) as pipe:
            for destination in destinations:
                pipe.lpush(_key(destination), 1)
                pipe.ltrim(_key(destination), 0, 7)
            pipe.execute()
    except redis.RedisError:
        _redis_rests_until = time.monotonic() + 2


def wait(platform: str, seconds: float, destination: str = "") -> None:
    """Wait until woken, at most `seconds`."""
    event = _events[destination]
    if event.is_set():
        event.clear()
        return
    try:
        redis_of(platform).blpop([_key(destination)], timeout=seconds)
    except redis.RedisError:
        event.wait(seconds)
    event.clear()

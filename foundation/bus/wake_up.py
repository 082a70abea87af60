"""The threads that send messages of the outbox (relays and links) are woken when there are new ones.

Within a process an event wakes them, between processes a Redis list. There is one of each for our own broker (the
destination "") and for every peer. Without Redis they look into the outbox twice a second.
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
"""Destination -> the event that wakes the thread of this process which sends to it."""
_redis_unused_until = 0.0
"""After a Redis error Redis is not used until this monotonic time."""

_ERROR_PAUSE_SECONDS = 2
_LONGEST_LIST = 8
"""A list in Redis keeps this many wake-ups, so that it does not grow while no thread waits."""


def _key(destination: str) -> str:
    """Return the key of the Redis list by which senders to a destination are woken; "" is our own broker."""
    return f"bus:wake:{destination}" if destination else "bus:wake"


def wake_thread(destination: str = "") -> None:
    """Wake the thread of this process that sends messages to a destination: a platform, or "" for our own broker."""
    _events[destination].set()


def wake_senders(platform: str, destinations: Collection[str] = _OWN) -> None:
    """Wake the threads that send messages of a platform to these destinations, in this process and all others.

    A destination is the platform on whose broker messages are published; "" means our own. After an error of Redis only
    this process is woken for some seconds; the others look by themselves from time to time.
    """
    global _redis_unused_until
    for destination in destinations:
        _events[destination].set()
    if time.monotonic() < _redis_unused_until:
        return
    try:
        with redis_of(platform).pipeline(transaction=False) as pipe:
            for destination in destinations:
                pipe.lpush(_key(destination), 1)
                pipe.ltrim(_key(destination), 0, _LONGEST_LIST - 1)
            pipe.execute()
    except redis.RedisError:
        _redis_unused_until = time.monotonic() + _ERROR_PAUSE_SECONDS


def publish(platform: str, channel: str, text: str) -> None:
    """Publish a text to the processes that listen to a channel of a platform's Redis; without Redis do nothing."""
    global _redis_unused_until
    if time.monotonic() < _redis_unused_until:
        return
    try:
        redis_of(platform).publish(channel, text)
    except redis.RedisError:
        _redis_unused_until = time.monotonic() + _ERROR_PAUSE_SECONDS


def wait(platform: str, seconds: float, destination: str = "") -> None:
    """Wait until the thread that sends to `destination` is woken, at most `seconds`.

    Other processes wake it by a list in Redis, this process by an event; without Redis only the
    event counts.
    """
    event = _events[destination]
    if event.is_set():
        event.clear()
        return
    try:
        redis_of(platform).blpop([_key(destination)], timeout=seconds)
    except redis.RedisError:
        event.wait(seconds)
    event.clear()

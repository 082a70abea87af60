"""The threads that send messages of the outbox (relays and links) are woken when there are new ones.

Within a process an event wakes them, between processes a Redis list. There is one of each for our own broker (the
destination "") and for every peer. Without Redis they look into the outbox twice a second.

A thread that waits in Redis notices no event. So it waits for a second list too, which only its own process fills.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Collection
from functools import cache

import redis

from foundation.cells.directory import redis_of, store_of

_OWN = ("",)
_events: defaultdict[str, threading.Event] = defaultdict(threading.Event)
"""Destination -> the event that wakes the thread of this process which sends to it."""
_redis_unused_until = 0.0
"""After a Redis error Redis is not used until this monotonic time."""

_missed: set[tuple[str, str]] = set()
"""Platform and destination of each wake-up that Redis has not taken yet."""
_missed_lock = threading.Lock()

_ERROR_PAUSE_SECONDS = 2
_LONGEST_LIST = 8
"""A list in Redis keeps this many wake-ups, so that it does not grow while no thread waits."""
LONGEST_WAIT = 5.0
"""A thread waits for at most so many seconds, in case that a wake-up was lost together with Redis."""
_WITHOUT_REDIS_SECONDS = 0.5
_PROCESS = uuid.uuid4().hex
"""The name of this process in the keys of the lists that it alone fills."""
_OWN_LIST_SECONDS = 60
"""A list that one process alone fills is deleted after this time, as that process may have ended."""


def feeder_name(platform: str) -> str:
    """Return the name by which the feeder of a platform is woken; it sleeps apart from the link to that platform."""
    return f"feed:{platform}"


def _key(destination: str) -> str:
    """Return the key of the Redis list by which senders to a destination are woken; "" is our own broker."""
    return f"bus:wake:{destination}" if destination else "bus:wake"


def _process_key(destination: str) -> str:
    """Return the key of the Redis list by which this process wakes its own thread that sends to a destination."""
    return f"{_key(destination)}:process:{_PROCESS}"


@cache
def _waiting_client(platform: str) -> redis.Redis:
    """Return a client of a platform's Redis for commands that wait; other clients give up after a second."""
    seconds = LONGEST_WAIT + 1
    return redis.Redis.from_url(
        store_of(platform).redis_url, socket_timeout=seconds, socket_connect_timeout=1
    )


def wake_thread(platform: str, destination: str = "") -> None:
    """Wake the thread of this process that sends a platform's messages to a destination; "" is our own broker."""
    _events[destination].set()
    try:
        with redis_of(platform).pipeline(transaction=False) as pipe:
            pipe.lpush(_process_key(destination), 1)
            pipe.expire(_process_key(destination), _OWN_LIST_SECONDS)
            pipe.execute()
    except redis.RedisError:
        return  # The thread waits without Redis, so it notices the event.


def wake_senders(platform: str, destinations: Collection[str] = _OWN) -> None:
    """Wake the threads that send messages of a platform to these destinations, in this process and all others.

    A destination is the platform on whose broker messages are published; "" means our own. What an error of Redis
    prevents is done as soon as Redis answers again.
    """
    for destination in destinations:
        _events[destination].set()
    if time.monotonic() < _redis_unused_until or not _push_wake_ups(platform, destinations):
        _push_later(platform, destinations)


def _push_wake_ups(platform: str, destinations: Collection[str]) -> bool:
    """Push a wake-up for each destination to its list in Redis; return False, and let Redis rest, if it fails."""
    global _redis_unused_until
    try:
        with redis_of(platform).pipeline(transaction=False) as pipe:
            for destination in destinations:
                pipe.lpush(_key(destination), 1)
                pipe.ltrim(_key(destination), 0, _LONGEST_LIST - 1)
            pipe.execute()
    except redis.RedisError:
        _redis_unused_until = time.monotonic() + _ERROR_PAUSE_SECONDS
        return False
    return True


def _push_later(platform: str, destinations: Collection[str]) -> None:
    """Remember wake-ups that Redis did not take, and let a timer push them; other threads may sleep in Redis."""
    with _missed_lock:
        is_first = not _missed
        _missed.update((platform, destination) for destination in destinations)
    if is_first:
        _start_timer()


def _start_timer() -> None:
    """Start the timer that pushes the missed wake-ups after a pause."""
    timer = threading.Timer(_ERROR_PAUSE_SECONDS, _push_missed)
    timer.daemon = True
    timer.start()


def _push_missed() -> None:
    """Push the missed wake-ups, and start the timer again for those that Redis still does not take."""
    with _missed_lock:
        missed = frozenset(_missed)
    pushed = {
        (platform, destination)
        for platform, destination in missed
        if _push_wake_ups(platform, (destination,))
    }
    with _missed_lock:
        _missed.difference_update(pushed)
        if _missed:
            _start_timer()


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
    """Wait until the thread that sends a platform's messages to `destination` is woken, at most `seconds`.

    `seconds` is at most LONGEST_WAIT. Without Redis only this process can wake the thread, so it waits a short time.
    """
    event = _events[destination]
    if event.is_set():
        event.clear()
        return
    try:
        _waiting_client(platform).blpop(
            [_process_key(destination), _key(destination)], timeout=seconds
        )
    except redis.RedisError:
        event.wait(min(seconds, _WITHOUT_REDIS_SECONDS))
    event.clear()

"""`manage.py doctor` compares the clocks of this machine, the databases, Redis and broker, and names wrong ones."""

from __future__ import annotations

import socket
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, redis_of, store_of

APART = 1.0
"""Seconds by which a clock may differ from most of the others."""
WHOLE_SECONDS = 1.0
"""The unit in which a broker tells its time: whole seconds, rounded down."""

ReadClock = Callable[[], float]


def wrong_clocks() -> list[str]:
    """Return in words the clocks that differ from the median of all, each with its difference.

    A clock that cannot be read is left out. A clock may differ by APART, its resolution, and half of the time that
    reading it took.
    """
    seconds_ahead, tolerance = dict[str, float](), dict[str, float]()
    for name, read_clock, resolution in _clocks():
        with suppress(DatabaseError, InterfaceError, redis.RedisError, OSError, ValueError):
            began = time.time()
            clock_time = read_clock()
            seconds_ahead[name] = clock_time + resolution / 2 - (began + time.time()) / 2
            tolerance[name] = APART + resolution + (time.time() - began) / 2
    median = statistics.median_low(seconds_ahead.values())
    return [
        f"{name} is {seconds - median:+.1f} s off"
        for name, seconds in seconds_ahead.items()
        if abs(seconds - median) > tolerance[name]
    ]


def _clocks() -> Iterator[tuple[str, ReadClock, float]]:
    """Yield for each clock its name in words, the function that reads it, and its resolution in seconds."""
    yield f"this machine, {socket.gethostname()},", time.time, 0.0
    for platform in possible_platforms():
        database = store_of(platform).database
        address = _address(connections[database].settings_dict)
        owner = "the database" if platform == own_platform() else f"the database of {platform}"
        yield f"{owner} at {address}", partial(_of_database, database), 0.0
    address = urlsplit(store_of(own_platform()).redis_url).netloc.rpartition("@")[2]
    yield f"Redis at {address}", _of_redis, 0.0
    if settings.IM_MANAGEMENT_URL:
        address = urlsplit(settings.IM_MANAGEMENT_URL).netloc.rpartition("@")[2]
        yield f"the broker at {address}", partial(_of_broker, address), WHOLE_SECONDS


def _address(options: Mapping[str, object]) -> str:
    return f"{options['HOST']}:{options['PORT'] or 3306}"


def _of_database(database: str) -> float:
    moment = sql.select(database, "SELECT UTC_TIMESTAMP(6)")[0][0]
    return cast(float, moment.replace(tzinfo=UTC).timestamp())


def _of_redis() -> float:
    seconds, micros = redis_of(own_platform()).time()
    return seconds + micros / 1e6


def _of_broker(address: str) -> float:
    """Return the time of a broker: the header `Date` of its management page, which every answer has."""
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=2) as answer:
            date = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        date = error.headers["Date"]
    return parsedate_to_datetime(date).timestamp()

"""`manage.py doctor` compares the clocks of this machine, the databases, Redis and broker, and names wrong ones.

Those of media units' hosts are compared by the units themselves, and come with their heartbeats.
"""

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

from conferences.data.pool_view import load_resources
from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, redis_of, store_of

APART = 1.0
"""Seconds by which a clock may differ from most of the others."""
APART_OF_UNIT = 2.5
"""Seconds by which a unit's host may differ; it knows the platform's time to a second, and by delayed messages."""
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
    return _far_from_most(seconds_ahead, tolerance) + _wrong_clocks_of_units()


def _far_from_most(seconds_ahead: Mapping[str, float], tolerance: Mapping[str, float]) -> list[str]:
    """Return in words the clocks that differ from the median of all by more than their tolerance."""
    median = statistics.median_low(seconds_ahead.values())
    return [
        f"{name} is {seconds - median:+.1f} s off"
        for name, seconds in seconds_ahead.items()
        if abs(seconds - median) > tolerance[name]
    ]


def _wrong_clocks_of_units() -> list[str]:
    """Return in words the clocks of media units' hosts that differ from the platform's time, by their own account.

    A unit follows that time itself, so a wrong clock of its host harms what looks at that clock alone.
    """
    try:
        resources = load_resources(own_platform())
    except redis.RedisError:
        return []
    skews = {str(unit): resource.clockskew / 1000 for (_, unit), resource in resources.items()}
    return [
        f"the host of media unit {unit} is {skew:+.1f} s off"
        for unit, skew in sorted(skews.items())
        if abs(skew) > APART_OF_UNIT
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

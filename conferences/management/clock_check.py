"""`manage.py doctor` compares the clocks of this machine, the databases, Redis and the broker, and names wrong ones.

Media units compare the clocks of their hosts themselves, and report the difference in their heartbeats.
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
from http.client import HTTPException
from typing import cast
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from conferences.data.pool_view import load_resources
from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, redis_of, store_of
from foundation.tls import client_context

MAX_DIFFERENCE = 1.0
"""Seconds by which a clock may differ from the median of all."""
MAX_DIFFERENCE_OF_UNIT = 2.5
"""Seconds by which the host of a media unit may differ; the unit knows the platform's time only to about a second."""
WHOLE_SECONDS = 1.0
"""The unit in which a broker tells its time: whole seconds, rounded down."""

ReadClock = Callable[[], float]


def wrong_clocks() -> list[str]:
    """Return a sentence for each clock of this site that differs too much from the median of all.

    A clock that cannot be read is left out. A clock may differ by MAX_DIFFERENCE, its resolution, and half of the time
    that reading it took.
    """
    seconds_ahead, tolerance = dict[str, float](), dict[str, float]()
    for name, read_clock, resolution in _clocks_to_compare():
        with suppress(
            DatabaseError, InterfaceError, redis.RedisError, OSError, ValueError, HTTPException
        ):
            began = time.time()
            clock_time = read_clock()
            seconds_ahead[name] = clock_time + resolution / 2 - (began + time.time()) / 2
            tolerance[name] = MAX_DIFFERENCE + resolution + (time.time() - began) / 2
    return _outliers(seconds_ahead, tolerance) + _wrong_clocks_of_units()


def _outliers(seconds_ahead: Mapping[str, float], tolerance: Mapping[str, float]) -> list[str]:
    """Return a sentence for each clock that differs from the median by more than its tolerance.

    Both arguments: name of the clock -> seconds.
    """
    median = statistics.median_low(seconds_ahead.values())
    return [
        f"{name} is {seconds - median:+.1f} s off"
        for name, seconds in seconds_ahead.items()
        if abs(seconds - median) > tolerance[name]
    ]


def _wrong_clocks_of_units() -> list[str]:
    """Return a sentence for each media unit that reports a wrong clock of its host.

    The unit itself uses the platform's time, but other programs on its host use that clock. [] also if Redis does not
    answer.
    """
    try:
        resources = load_resources(own_platform())
    except redis.RedisError:
        return []
    skews = {str(unit): resource.clockskew / 1000 for (_, unit), resource in resources.items()}
    return [
        f"the host of media unit {unit} is {skew:+.1f} s off"
        for unit, skew in sorted(skews.items())
        if abs(skew) > MAX_DIFFERENCE_OF_UNIT
    ]


def _clocks_to_compare() -> Iterator[tuple[str, ReadClock, float]]:
    """Yield for each clock its name for people, the function that reads it, and its resolution in seconds."""
    yield f"this machine, {socket.gethostname()},", time.time, 0.0
    for platform in possible_platforms():
        database = store_of(platform).database
        address = _address(connections[database].settings_dict)
        owner = "the database" if platform == own_platform() else f"the database of {platform}"
        yield f"{owner} at {address}", partial(_database_time, database), 0.0
    address = urlsplit(store_of(own_platform()).redis_url).netloc.rpartition("@")[2]
    yield f"Redis at {address}", _redis_time, 0.0
    if settings.IM_MANAGEMENT_URL:
        parts = urlsplit(settings.IM_MANAGEMENT_URL)
        address = parts.netloc.rpartition("@")[2]
        page = f"{parts.scheme}://{address}/"
        yield f"the broker at {address}", partial(_broker_time, page), WHOLE_SECONDS


def _address(options: Mapping[str, object]) -> str:
    """Return the address of a database from Django's settings of its connection."""
    return f"{options['HOST']}:{options['PORT'] or 3306}"


def _database_time(database: str) -> float:
    """Return the time of a database in seconds since 1970."""
    moment = sql.select(database, "SELECT UTC_TIMESTAMP(6)")[0][0]
    return cast(float, moment.replace(tzinfo=UTC).timestamp())


def _redis_time() -> float:
    """Return the time of the own platform's Redis in seconds since 1970."""
    seconds, micros = redis_of(own_platform()).time()
    return seconds + micros / 1e6


def _broker_time(page: str) -> float:
    """Return the time of a broker in seconds since 1970: the header `Date`, which every answer of its web page has.

    `page` is the URL of that page; for https the certificate is checked by TLS_CA_FILE.
    """
    context = client_context(settings.TLS_CA_FILE) if page.startswith("https:") else None
    try:
        with urllib.request.urlopen(page, timeout=2, context=context) as answer:  # noqa: S310  http or https
            date = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        # An answer that refuses the page has the header, too.
        date = error.headers["Date"]
    return parsedate_to_datetime(date).timestamp()

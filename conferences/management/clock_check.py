"""`manage.py doctor` compares the clocks of the hosts that this site asks, and names those that are wrong."""

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
"""What a broker says is cut to whole seconds."""

Clock = Callable[[], float]


def wrong_clocks() -> list[str]:
    """Return the hosts whose clocks differ from most of the others, each with its difference, in words."""
    ahead, grace = dict[str, float](), dict[str, float]()
    for name, ask, rounded in _clocks():
        with suppress(DatabaseError, InterfaceError, redis.RedisError, OSError, ValueError):
            began = time.time()
            told = ask()
            ahead[name] = told + rounded / 2 - (began + time.time()) / 2
            grace[name] = APART + rounded + (time.time() - began) / 2
    middle = statistics.median_low(ahead.values())
    return [
        f"{name} is {seconds - middle:+.1f} s off"
        for name, seconds in ahead.items()
        if abs(seconds - middle) > grace[name]
    ]


def _clocks() -> Iterator[tuple[str, Clock, float]]:
    """Yield all clocks: whose it is, how it is read, and to how many seconds it is cut."""
    yield f"this machine, {socket.gethostname()},", time.time, 0.0
    for platform in possible_platforms():
        database = store_of(platform).database
        where = _address(connections[database].settings_dict)
        whose = "the database" if platform == own_platform() else f"the database of {platform}"
        yield f"{whose} at {where}", partial(_of_database, database), 0.0
    where = urlsplit(store_of(own_platform()).redis_url).netloc.rpartition("@")[2]
    yield f"Redis at {where}", _of_redis, 0.0
    if settings.IM_MANAGEMENT_URL:
        where = urlsplit(settings.IM_MANAGEMENT_URL).netloc.rpartition("@")[2]
        yield f"the broker at {where}", partial(_of_broker, where), WHOLE_SECONDS


def _address(options: Mapping[str, object]) -> str:
    return f"{options['HOST']}:{options['PORT'] or 3306}"


def _of_database(database: str) -> float:
    moment = sql.select(database, "SELECT UTC_TIMESTAMP(6)")[0][0]
    return cast(float, moment.replace(tzinfo=UTC).timestamp())


def _of_redis() -> float:
    seconds, micros = redis_of(own_platform()).time()
    return seconds + micros / 1e6


def _of_broker(where: str) -> float:
    """Read the header `Date` of its management page, which every answer has."""
    try:
        with urllib.request.urlopen(f"http://{where}/", timeout=2) as answer:
            date = answer.headers["Date"]
    except urllib.error.HTTPError as refused:
        date = refused.headers["Date"]
    return parsedate_to_datetime(date).timestamp()

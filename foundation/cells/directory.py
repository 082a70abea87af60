"""The directory says in which database and Redis each platform's data lies.

The platform is always an argument, never the state of a thread or process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from foundation.cells import sql


@dataclass(frozen=True, slots=True)
class PlatformStore:
    """A store says where one platform's data lies: `database` is the Django alias of its database."""

    platform: str
    database: str
    redis_url: str


class UnknownPlatform(LookupError):
    """The exception says that this site has no copy of a platform's data."""


def own_platform() -> str:
    """Return the id (MOID) of the platform that this site belongs to."""
    return str(settings.PLATFORM_MOID)


def possible_platforms() -> tuple[str, ...]:
    """Return this site's own platform, then the platforms that it may have to take over, whose data is copied here."""
    return tuple(settings.PLATFORM_STORES)


@cache
def store_of(platform: str) -> PlatformStore:
    """Return the database and Redis with a platform's data at this site. Raises UnknownPlatform."""
    try:
        database, url = settings.PLATFORM_STORES[platform]
    except KeyError:
        raise UnknownPlatform(platform) from None
    return PlatformStore(platform, database, url)


def look_up(platform: str, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """Return the rows of a query on one platform's data.

    If the copy of another platform's data cannot be reached, return no rows, so that other platforms can still be
    served. Raises a database error if our own data cannot be reached.
    """
    try:
        return sql.select(store_of(platform).database, query, values)
    except (DatabaseError, InterfaceError):
        if platform == own_platform():
            raise
        return []


@cache
def redis_of(platform: str) -> redis.Redis:
    """Return the client of the Redis server with a platform's data; the same one for each call.

    Redis has only data that can be restored from the database, so each command has a time-out of a second.
    """
    return redis.Redis.from_url(
        store_of(platform).redis_url,
        socket_timeout=1,
        socket_connect_timeout=1,
        health_check_interval=30,
        decode_responses=True,
    )

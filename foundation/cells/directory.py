"""The directory says where each platform's data lies. The platform is always an argument, never ambient."""

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
    """The database alias and the Redis of one platform's data."""

    platform: str
    database: str
    redis_url: str


class UnknownPlatform(LookupError):
    """The platform's data has no copy at this site."""


def own_platform() -> str:
    """Return the MOID of the platform whose own site this is."""
    return str(settings.PLATFORM_MOID)


def possible_platforms() -> tuple[str, ...]:
    """Return our own platform, then those that this site may have to serve."""
    return tuple(settings.PLATFORM_STORES)


@cache
def store_of(platform: str) -> PlatformStore:
    """Return where a platform's data lies. Raises UnknownPlatform."""
    try:
        database, url = settings.PLATFORM_STORES[platform]
    except KeyError:
        raise UnknownPlatform(platform) from None
    return PlatformStore(platform, database, url)


def look_up(platform: str, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """Return the rows of a query on one platform's data.

    Where the copy of another platform's data is away there are none, so that it does not hold up the
    others. Raises a database error where our own data is away.
    """
    try:
        return sql.select(store_of(platform).database, query, values)
    except (DatabaseError, InterfaceError):
        if platform == own_platform():
            raise
        return []


@cache
def redis_of(platform: str) -> redis.Redis:
    """Return the Redis of a platform's data.

    It holds projections alone, so each call has a time-out of a second.
    """
    return redis.Redis.from_url(
        store_of(platform).redis_url,
        socket_timeout=1,
        socket_connect_timeout=1,
        health_check_interval=30,
        decode_responses=True,
    )

"""Which platform's data lies where. The platform is never ambient: it is an argument."""

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
    """This site has no copy of that platform's data."""


def own_platform() -> str:
    """The platform domain that this site is."""
    return str(settings.PLATFORM_MOID)


def possible_platforms() -> tuple[str, ...]:
    """Own platform first, then those that this site may have to serve."""
    return tuple(settings.PLATFORM_STORES)


@cache
def store_of(platform: str) -> PlatformStore:
    """Where a platform's data lies. Raises UnknownPlatform."""
    try:
        database, url = settings.PLATFORM_STORES[platform]
    except KeyError:
        raise UnknownPlatform(platform) from None
    return PlatformStore(platform, database, url)


def look_up(platform: str, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Rows of one platform's data; none where a copy is away: that must not hold up the others."""
    try:
        return sql.select(store_of(platform).database, query, values)
    except (DatabaseError, InterfaceError):
        if platform == own_platform():
            raise
        return []


@cache
def redis_of(platform: str) -> redis.Redis:
    """The Redis of a platform's data; nothing there is the truth, so every call is short."""
    return redis.Redis.from_url(
        store_of(platform).redis_url,
        socket_timeout=1,
        socket_connect_timeout=1,
        health_check_interval=30,
        decode_responses=True,
    )

"""The hash `domain/<MOID>/license` in Redis (CSS §4.2) shows a platform's licence to its other modules.

It is derived from the database. It exists only while the platform's newest licence is valid.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import redis

from foundation.cells.directory import possible_platforms, redis_of, store_of
from licensing.data import licence_rows
from licensing.rules.decisions import StoredLicence, limits_at

log = logging.getLogger("licensing.projection")


def key(platform: str) -> str:
    """Return the Redis key of the hash that shows a platform's licence."""
    return f"domain/{platform}/license"


def hash_content(licence: StoredLicence | None, now: datetime) -> dict[Any, Any]:
    """Return the fields of the Redis hash that shows a licence to other modules; `{}` if the licence is not valid."""
    limits = limits_at(licence, now)
    if licence is None or limits is None:
        return {}
    limit_fields = {name: str(value) for name, value in limits.to_message_fields().items()}
    return {"license": licence.text, **limit_fields}


def write(platform: str, licence: StoredLicence | None, now: datetime) -> bool:
    """Write the hash that shows a platform's licence in Redis; return `False` if Redis does not answer.

    Then `rebuild` writes it later.
    """
    content = hash_content(licence, now)
    try:
        with redis_of(platform).pipeline(transaction=True) as pipe:
            pipe.delete(key(platform))
            if content:
                pipe.hset(key(platform), mapping=content)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("projection waits: %s", error)
        return False
    return True


def find_differing(platform: str) -> list[str]:
    """Return the platforms whose licence hash in Redis differs from the database, or cannot be read.

    All platforms with data at this site are compared, by the licences in the database of `platform`.
    """
    database = store_of(platform).database
    differing = []
    for candidate in dict.fromkeys((platform, *possible_platforms())):
        content = hash_content(*licence_rows.newest_with_time(database, candidate))
        try:
            is_equal = redis_of(candidate).hgetall(key(candidate)) == content
        except redis.RedisError:
            is_equal = False
        if not is_equal:
            differing.append(candidate)
    return differing


def rebuild(platform: str) -> int:
    """Rewrite the licence hashes in Redis that differ from the database, and return how many were rewritten."""
    database = store_of(platform).database
    differing = find_differing(platform)
    written = [
        name for name in differing if write(name, *licence_rows.newest_with_time(database, name))
    ]
    for name in written:
        log.info("%s is written again", key(name))
    return len(written)

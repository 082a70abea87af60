"""The hash `domain/<MOID>/license` in Redis (CSS §4.2) shows a licence for the platform's other modules.

The database is the truth. The hash exists while the platform's newest licence is valid, and only then.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import redis

from foundation.cells.directory import possible_platforms, redis_of, store_of
from licensing.data import licence_rows
from licensing.rules.decisions import HeldLicence, amounts_in

log = logging.getLogger("licensing.projection")


def key(platform: str) -> str:
    """Return the key of the hash of a platform's licence."""
    return f"domain/{platform}/license"


def hash_content(held: HeldLicence | None, now: datetime) -> dict[Any, Any]:
    """Return what the hash must hold. An empty hash must not exist."""
    amounts = amounts_in(held, now)
    if held is None or amounts is None:
        return {}
    limits = {name: str(value) for name, value in amounts.on_the_wire().items()}
    return {"license": held.text, **limits}


def write(platform: str, held: HeldLicence | None, now: datetime) -> bool:
    """Write a platform's licence. `False` means that Redis is away, and `rebuild` has to write it later."""
    wanted = hash_content(held, now)
    try:
        with redis_of(platform).pipeline(transaction=True) as pipe:
            pipe.delete(key(platform))
            if wanted:
                pipe.hset(key(platform), mapping=wanted)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("projection waits: %s", error)
        return False
    return True


def find_differing(platform: str) -> list[str]:
    """Return the platforms whose hash differs from the database or cannot be read.

    Those are a platform and the ones that its site may have to serve.
    """
    database = store_of(platform).database
    differing = []
    for candidate in dict.fromkeys((platform, *possible_platforms())):
        wanted = hash_content(*licence_rows.newest_and_now(database, candidate))
        try:
            same = redis_of(candidate).hgetall(key(candidate)) == wanted
        except redis.RedisError:
            same = False
        if not same:
            differing.append(candidate)
    return differing


def rebuild(platform: str) -> int:
    """Write the hashes that differ (see `find_differing`), and return how many were written."""
    database = store_of(platform).database
    differing = find_differing(platform)
    written = [
        name for name in differing if write(name, *licence_rows.newest_and_now(database, name))
    ]
    for name in written:
        log.info("%s is written again", key(name))
    return len(written)

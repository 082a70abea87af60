"""`domain/<MOID>/license` in Redis (CSS §4.2): for the platform's other modules; never the truth.

There while the platform's newest licence is valid, and only then.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import redis

from foundation.cells.directory import possible_platforms, redis_of, store_of
from licensing.data import licence_rows
from licensing.rules.decisions import Held, amounts_in

log = logging.getLogger("licensing.projection")


def key(platform: str) -> str:
    """The hash of a platform's licence."""
    return f"domain/{platform}/license"


def content(held: Held | None, now: datetime) -> dict[Any, Any]:
    """What the hash must hold; empty: it must not be there."""
    amounts = amounts_in(held, now)
    if held is None or amounts is None:
        return {}
    limits = {name: str(value) for name, value in amounts.on_the_wire().items()}
    return {"license": held.text, **limits}


def write(platform: str, held: Held | None, now: datetime) -> bool:
    """Write a platform's licence; False when Redis is away (what is missing is rebuilt later)."""
    wanted = content(held, now)
    try:
        with redis_of(platform).pipeline(transaction=True) as pipe:
            pipe.delete(key(platform))
            if wanted:
                pipe.hset(key(platform), mapping=wanted)
            pipe.execute()
    except redis.RedisError as wrong:
        log.warning("projection waits: %s", wrong)
        return False
    return True


def differing(platform: str) -> list[str]:
    """Of a platform and those that its site may have to serve: whose hash is not what the database
    says, or cannot be read."""
    database = store_of(platform).database
    found = []
    for one in dict.fromkeys((platform, *possible_platforms())):
        wanted = content(*licence_rows.newest_and_now(database, one))
        try:
            same = redis_of(one).hgetall(key(one)) == wanted
        except redis.RedisError:
            same = False
        if not same:
            found.append(one)
    return found


def rebuild(platform: str) -> int:
    """Write again what differs, for a platform and those that its site may have to serve; how many."""
    database = store_of(platform).database
    wrong = differing(platform)
    written = [one for one in wrong if write(one, *licence_rows.newest_and_now(database, one))]
    for one in written:
        log.info("%s is written again", key(one))
    return len(written)

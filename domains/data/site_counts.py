"""Answers of sites to the core wait in Redis for the page that asked; the wait is short, and nothing depends on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection

import redis

from foundation.cells.directory import redis_of

log = logging.getLogger("domains.running")

_KEPT_SECONDS = 60
_STEP_SECONDS = 0.5


def store_count(platform: str, reqid: str, site: str, count: int) -> None:
    """Store in Redis how many conferences run at a site (`count`), for the page that waits in `wait_for`.

    It is the site's answer to the core's request with the id `reqid`. If Redis fails, the answer is lost.
    """
    try:
        with redis_of(platform).pipeline(transaction=False) as pipe:
            pipe.rpush(_key(reqid), f"{site} {count}")
            pipe.expire(_key(reqid), _KEPT_SECONDS)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("what runs at %s is not told: %s", site, error)


def wait_for(
    platform: str, reqid: str, sites: Collection[str], seconds: float
) -> dict[str, int | None]:
    """Wait at most `seconds` until these sites have answered how many conferences run there; return site -> number.

    The number is `None` for a site whose answer did not come in time, and for all missing ones if Redis fails.
    `reqid` is the id of the core's request to the sites; `store_count` puts their answers into a Redis list under it.
    """
    counts: dict[str, int | None] = dict.fromkeys(sites)
    deadline = time.monotonic() + seconds
    while None in counts.values() and time.monotonic() < deadline:
        try:
            answer = redis_of(platform).blpop([_key(reqid)], timeout=_STEP_SECONDS)
        except redis.RedisError as error:
            log.warning("what runs at the sites is not told: %s", error)
            break
        if isinstance(answer, list | tuple):
            site, _, count = str(answer[1]).partition(" ")
            if site in counts:
                counts[site] = int(count)
    return counts


def _key(reqid: str) -> str:
    """Return the Redis key for the answers to the request with this id."""
    return f"domains:running:{reqid}"

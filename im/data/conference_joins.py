"""Who has entered a conference with his account, until he is in its conversation: in this site's Redis."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping

import redis

from foundation import clock
from foundation.cells.directory import own_platform, redis_of

log = logging.getLogger("im.entered")

KEY = "im:entered"
"""Sorted set: `<confid>|<person>` by the second."""
SECONDS = 3600
"""So long one waits for a conference to run."""


def note(confid: str, user: str) -> None:
    """Somebody enters; lost where Redis is away: the next time, then."""
    try:
        redis_of(own_platform()).zadd(KEY, {f"{confid}|{user}": clock.now().timestamp()})
    except redis.RedisError as wrong:
        log.warning("who enters a conference is lost to its conversation: %s", wrong)


def waiting() -> Mapping[str, frozenset[str]]:
    """By conference: who has entered and waits."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    try:
        store = redis_of(own_platform())
        store.zremrangebyscore(KEY, "-inf", clock.now().timestamp() - SECONDS)
        for line in store.zrange(KEY, 0, -1):
            confid, _, user = str(line).partition("|")
            found[confid].add(user)
    except redis.RedisError as wrong:
        log.warning("who has entered conferences is not known: %s", wrong)
    return {confid: frozenset(users) for confid, users in found.items()}


def forget(confid: str, users: Collection[str]) -> None:
    """They are in its conversation, or do not belong there."""
    try:
        if users:
            redis_of(own_platform()).zrem(KEY, *(f"{confid}|{user}" for user in users))
    except redis.RedisError as wrong:
        log.warning("who has entered a conference is looked at again: %s", wrong)

"""A list in each site's Redis: people who entered a conference and wait to join its conversation."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping

import redis

from foundation import clock
from foundation.cells.directory import own_platform, redis_of

log = logging.getLogger("im.entered")

KEY = "im:entered"
"""A sorted set: `<confid>|<person>` by the second of entering."""
SECONDS = 3600
"""A person waits at most this long for a conference to run."""


def record_join(confid: str, user: str) -> None:
    """Record in Redis that a person enters a conference, and so is to join its chat conversation.

    Without Redis the record is lost; the person joins the conversation when entering the next time.
    """
    try:
        redis_of(own_platform()).zadd(KEY, {f"{confid}|{user}": clock.now().timestamp()})
    except redis.RedisError as error:
        log.warning("who enters a conference is lost to its conversation: %s", error)


def waiting_joins() -> Mapping[str, frozenset[str]]:
    """Return, by conference, the people who have entered it and wait to join its conversation.

    Returns those read so far if Redis fails.
    """
    people_by_conference: defaultdict[str, set[str]] = defaultdict(set)
    try:
        client = redis_of(own_platform())
        client.zremrangebyscore(KEY, "-inf", clock.now().timestamp() - SECONDS)
        for line in client.zrange(KEY, 0, -1):
            confid, _, user = str(line).partition("|")
            people_by_conference[confid].add(user)
    except redis.RedisError as error:
        log.warning("who has entered conferences is not known: %s", error)
    return {confid: frozenset(users) for confid, users in people_by_conference.items()}


def forget_joins(confid: str, users: Collection[str]) -> None:
    """Remove people from the list of a conference: they have joined its conversation, or may not.

    If Redis is away they stay on the list, and are looked at again.
    """
    try:
        if users:
            redis_of(own_platform()).zrem(KEY, *(f"{confid}|{user}" for user in users))
    except redis.RedisError as error:
        log.warning("who has entered a conference is looked at again: %s", error)

"""Tokens that are void before their time: kept in the table `Revocation`, told to all processes by Redis.

Every process that believes tokens (door, centers, web) has a `Revoked`, asks Redis for what is new once a
second, and forgets nothing before it expires: a Redis that was emptied voids nothing and forgives nobody.
It is filled again from the table by `im.tasks.revoke`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, cast

import redis

from foundation.cells.directory import own_platform, redis_of
from im.rules.tokens import Token

KEY = "im:revoked"
"""Sorted set: `<user>|<token or nothing>|<at>|<expires>` by when it was shared (seconds)."""
READ_TO = "im:revoked:read"
"""Hash: platform -> until when its table was read."""
CLOSING = "im:revoked:closing"
"""Sorted set: person -> until when his connections are to be closed."""
REFRESH_SECONDS = 1.0
STRAGGLERS_SECONDS = 2.0
"""So long after it was shared a door may not have heard of it."""
YOUNG_SECONDS = 600
"""What was revoked longer ago, when an emptied Redis is filled, has no connection any more."""
_FORGET = """
local till = redis.call('ZSCORE', KEYS[1], ARGV[1])
if till and tonumber(till) <= tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[1]) end
"""
_AGAIN_SECONDS = 10.0
"""What was shared so long ago is read again: clocks of two workers differ."""

Line = tuple[str, str, int, int]
"""User, token (empty: all of them), issued until, none of them lives longer."""


class Revoked:
    """What this process knows of void tokens."""

    def __init__(self) -> None:
        self.is_whole = False
        self._read_to = 0.0
        self._read_at = float("-inf")
        self._users: dict[str, tuple[int, int]] = {}
        self._tokens: dict[str, int] = {}
        self._lock = threading.Lock()

    def voids(self, token: Token) -> bool:
        """Is it revoked, as far as is known?"""
        until, _ = self._users.get(token.user, (-1, 0))
        return token.issued <= until or token.id in self._tokens

    def since(self, user: str) -> int:
        """Until when all of a person's tokens are void (seconds since 1970); -1: they are not."""
        return self._users.get(user, (-1, 0))[0]

    def refresh(self, now: float) -> None:
        """Ask Redis for what is new, at most once a second. Raises RedisError; what is known stays."""
        with self._lock:
            if time.monotonic() - self._read_at < REFRESH_SECONDS:
                return
            self._read_at = time.monotonic()
            self.read(redis_of(own_platform()), now)

    def read(self, store: redis.Redis, now: float) -> None:
        """Ask Redis for what is new, now. Raises RedisError."""
        since = f"({self._read_to - _AGAIN_SECONDS}" if self.is_whole else "-inf"
        pipe = store.pipeline(transaction=True)
        pipe.hexists(READ_TO, own_platform())
        pipe.zrangebyscore(KEY, since, "+inf", withscores=True)
        whole, lines = cast(tuple[int, list[tuple[str, float]]], tuple(pipe.execute()))
        for text, shared in lines:
            self._take(_parsed(text), now)
            self._read_to = max(self._read_to, shared)
        self.is_whole = self.is_whole or bool(whole)
        self._forget(now)

    def _take(self, line: Line, now: float) -> None:
        user, token, at, expires = line
        if expires <= now:
            return
        if token:
            self._tokens[token] = expires
        else:
            self._users[user] = max(self._users.get(user, (-1, 0)), (at, expires))

    def _forget(self, now: float) -> None:
        if len(self._tokens) + len(self._users) > 1000:
            self._tokens = {token: end for token, end in self._tokens.items() if end > now}
            self._users = {user: pair for user, pair in self._users.items() if pair[1] > now}


def share(lines: Iterable[Line], now: float) -> int:
    """Tell all processes; how many of them are new. Of these the connections are to be closed. Raises
    RedisError."""
    store, asked = redis_of(own_platform()), list(lines)
    pipe = store.pipeline(transaction=False)
    for line in asked:
        pipe.zadd(KEY, {_text(line): now}, nx=True)
    added = pipe.execute()
    new = {
        line[0]
        for line, was_added in zip(asked, added, strict=True)
        if was_added and _is_young(line, now)
    }
    if new:
        store.zadd(CLOSING, cast(Any, dict.fromkeys(new, now + STRAGGLERS_SECONDS)))
    return sum(map(int, added))


def _is_young(line: Line, now: float) -> bool:
    return line[2] > now - YOUNG_SECONDS


def closing() -> dict[str, float]:
    """Whose connections are to be closed, and until when. Raises RedisError."""
    found = redis_of(own_platform()).zrange(CLOSING, 0, -1, withscores=True)
    return {str(user): float(until) for user, until in cast(Any, found)}


def closed(people: Mapping[str, float]) -> None:
    """Of these none is left, unless they were revoked once more meanwhile. Raises RedisError."""
    for user, until in people.items():
        redis_of(own_platform()).eval(_FORGET, 1, CLOSING, user, until)


def cursor(platform: str) -> float:
    """Until when a platform's table was read; 0: never, or Redis was emptied. Raises RedisError."""
    return float(cast(Any, redis_of(own_platform()).hget(READ_TO, platform)) or 0)


def set_cursor(platform: str, until: float) -> None:
    """All up to then is shared. Raises RedisError."""
    redis_of(own_platform()).hset(READ_TO, platform, str(until))


def trim(now: float, most: int = 5000) -> None:
    """Forget the oldest that would have expired by themselves. Raises RedisError."""
    store = redis_of(own_platform())
    oldest = cast(Any, store.zrange(KEY, 0, most - 1))
    if over := [text for text in oldest if _parsed(text)[3] <= now]:
        store.zrem(KEY, *over)


def _text(line: Line) -> str:
    user, token, at, expires = line
    return f"{user}|{token}|{at}|{expires}"


def _parsed(text: str) -> Line:
    user, token, at, expires = text.split("|")
    return user, token, int(at), int(expires)


known = Revoked()
"""This process'."""

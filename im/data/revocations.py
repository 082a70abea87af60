"""Revoked tokens: the table `Revocation` keeps them, and Redis hands them to all processes.

Every process that accepts tokens (auth backend, centers, web) has a `RevokedTokens`, asks Redis for
news once a second, and forgets nothing before it expires. So an emptied Redis neither revokes a
token nor makes a revoked one valid. `im.tasks.revoked` fills it again from the table.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import redis

from foundation.cells.directory import own_platform, redis_of
from im.rules.tokens import Token

log = logging.getLogger("im.center")

KEY = "im:revoked"
"""A sorted set: `<user>|<token or nothing>|<issued until>|<expires>` by the second of sharing."""
READ_TO = "im:revoked:read"
"""A hash: platform -> up to which time its table of revocations was copied to Redis."""
CLOSING = "im:revoked:closing"
"""A sorted set: person -> until when the person's connections are to be closed."""
REFRESH_SECONDS = 1.0
STRAGGLERS_SECONDS = 2.0
"""An auth backend may learn of a shared revocation this much later."""
YOUNG_SECONDS = 600
"""Older revocations, shared again after Redis was emptied, concern no open connection."""
_FORGET = """
local till = redis.call('ZSCORE', KEYS[1], ARGV[1])
if till and tonumber(till) <= tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[1]) end
"""
_AGAIN_SECONDS = 10.0
"""Each read overlaps the last by this much, since clocks of two workers differ."""

RevocationLine = tuple[str, str, int, int]
"""User, token (empty: all tokens), "issued until", and when the last of them expires."""


class RevokedTokens:
    """The revoked access tokens that this process knows of, a copy of the list in Redis."""

    def __init__(self) -> None:
        """Begin with no revocation read; `read` and `refresh` read them from Redis."""
        self.is_whole = False
        """Whether all revocations have been read once."""
        self._read_to = 0.0
        """Revocations shared up to this time (seconds since 1970) have been read."""
        self._until = self._until_before = 0.0
        """The value of READ_TO for the own platform, at the last read and at the one before."""
        self._read_at = float("-inf")
        self._users: dict[str, tuple[int, int]] = {}
        """User -> (tokens issued up to this second are revoked, when the last of them expires)."""
        self._tokens: dict[str, int] = {}
        """Id of a revoked token -> when it expires."""
        self._lock = threading.Lock()

    def is_revoked(self, token: Token) -> bool:
        """Return whether a token is revoked, by the revocations that this process has read (see `refresh`)."""
        until, _ = self._users.get(token.user, (-1, 0))
        return token.issued <= until or token.id in self._tokens

    def revoked_up_to(self, user: str) -> int:
        """Return the second up to which all tokens issued to this person are revoked; -1 if there is none."""
        return self._users.get(user, (-1, 0))[0]

    def refresh(self, now: float) -> None:
        """Read new revocations from Redis, at most once a second.

        Raises RedisError; revocations that were read before stay.
        """
        with self._lock:
            if time.monotonic() - self._read_at < REFRESH_SECONDS:
                return
            self._read_at = time.monotonic()
            self.read(redis_of(own_platform()), now)

    def read(self, store: redis.Redis, now: float) -> None:
        """Read from Redis the revocations that are new since the last read, at first all. Raises RedisError.

        Also remember up to which time the platform's table of revocations was copied to Redis (READ_TO), and what
        that was at the last read. `store` is the connection to Redis, `now` in seconds since 1970.
        """
        low_score = f"({self._read_to - _AGAIN_SECONDS}" if self.is_whole else "-inf"
        pipe = store.pipeline(transaction=True)
        pipe.hget(READ_TO, own_platform())
        pipe.zrangebyscore(KEY, low_score, "+inf", withscores=True)
        read_to, lines = cast(tuple[str | None, list[tuple[str, float]]], tuple(pipe.execute()))
        for text, shared_at in lines:
            self._add_revocation(_revocation_of_text(text), now)
            self._read_to = max(self._read_to, shared_at)
        self.is_whole = self.is_whole or read_to is not None
        self._until_before, self._until = self._until, float(read_to or 0)
        self._forget_expired(now)

    def copied_at(self) -> datetime | None:
        """Return up to which time the platform's table of revocations was copied to Redis, by the platform's clock.

        `None` unless the last read saw a later time than the read before: an old time says nothing
        about now.
        """
        is_news = self._until > self._until_before > 0
        return datetime.fromtimestamp(self._until, UTC) if is_news else None

    def _add_revocation(self, line: RevocationLine, now: float) -> None:
        """Add one revocation to those that this process knows, unless its tokens have expired."""
        user, token, issued_until, expires = line
        if expires <= now:
            return
        if token:
            self._tokens[token] = expires
        else:
            self._users[user] = max(self._users.get(user, (-1, 0)), (issued_until, expires))

    def _forget_expired(self, now: float) -> None:
        """Forget revocations of tokens that have expired, if more than 1000 revocations are known."""
        if len(self._tokens) + len(self._users) > 1000:
            self._tokens = {token: end for token, end in self._tokens.items() if end > now}
            self._users = {user: pair for user, pair in self._users.items() if pair[1] > now}


def share(lines: Iterable[RevocationLine], now: float) -> int:
    """Put revocations of tokens into Redis, where all processes read them; return how many are new.

    The connections of the people concerned are marked to be closed, unless a revocation is older
    than YOUNG_SECONDS. Raises RedisError.
    """
    client, line_list = redis_of(own_platform()), list(lines)
    pipe = client.pipeline(transaction=False)
    for line in line_list:
        pipe.zadd(KEY, {_text_of_revocation(line): now}, nx=True)
    added = pipe.execute()
    new = {
        line[0]  # the user
        for line, was_added in zip(line_list, added, strict=True)
        if was_added and _is_recent(line, now)
    }
    if new:
        client.zadd(CLOSING, cast(Any, dict.fromkeys(new, now + STRAGGLERS_SECONDS)))
    return sum(map(int, added))


def _is_recent(line: RevocationLine, now: float) -> bool:
    """Return whether tokens were revoked so lately that connections may still be open."""
    return line[2] > now - YOUNG_SECONDS


def people_to_disconnect() -> dict[str, float]:
    """Return the people whose connections to the broker are to be closed, and until when. Raises RedisError."""
    rows = redis_of(own_platform()).zrange(CLOSING, 0, -1, withscores=True)
    return {str(user): float(until) for user, until in cast(Any, rows)}


def mark_disconnected(people: Mapping[str, float]) -> None:
    """Record that these people have no connection to the broker left. Raises RedisError.

    `people`: person -> value of the mark when it was read. People who were revoked again meanwhile stay marked.
    """
    for user, until in people.items():
        redis_of(own_platform()).eval(_FORGET, 1, CLOSING, user, until)


def copied_up_to(platform: str) -> float:
    """Return up to which time, in seconds since 1970, a platform's table of revocations was copied to Redis.

    0 means never, or that Redis was emptied. Raises RedisError.
    """
    return float(cast(Any, redis_of(own_platform()).hget(READ_TO, platform)) or 0)


def set_copied_up_to(platform: str, until: float) -> None:
    """Record that a platform's revocations up to this time are in Redis. Raises RedisError."""
    redis_of(own_platform()).hset(READ_TO, platform, str(until))


def delete_expired(now: float, most: int = 5000) -> None:
    """Remove from Redis, among the `most` oldest revocations, those whose tokens have expired.

    Raises RedisError.
    """
    client = redis_of(own_platform())
    oldest = cast(Any, client.zrange(KEY, 0, most - 1))
    expired = []
    for text in oldest:
        _user, _token, _issued_until, expires = _revocation_of_text(text)
        if expires <= now:
            expired.append(text)
    if expired:
        client.zrem(KEY, *expired)


def _text_of_revocation(line: RevocationLine) -> str:
    """Return a revocation of tokens as the text that Redis keeps: `<user>|<token>|<issued until>|<expires>`.

    It revokes one token, or, if `token` is empty, all tokens of the user that were issued up to `issued until`. The
    entry itself may be deleted when it `expires`. Times are in whole seconds since 1970.
    """
    user, token, issued_until, expires = line
    return f"{user}|{token}|{issued_until}|{expires}"


def _revocation_of_text(text: str) -> RevocationLine:
    """Return the revocation of tokens in the text `<user>|<token>|<issued until>|<expires>` that Redis keeps.

    Without a token it revokes all tokens of the user that were issued until then. Times are seconds since 1970.
    """
    user, token, issued_until, expires = text.split("|")
    return user, token, int(issued_until), int(expires)


revoked_tokens = RevokedTokens()
"""The revoked tokens that this process knows of."""


def refresh_or_warn(now: float) -> None:
    """Read newly revoked tokens from Redis; without Redis the process keeps what it knows, and logs that."""
    try:
        revoked_tokens.refresh(now)
    except redis.RedisError as error:
        log.warning("what is revoked is not known: %s", error)

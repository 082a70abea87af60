"""Tokens become void before their time, everywhere at once.

one (signed out)   all (new password, disabled, deleted; with the domain)
  -> a row in the cell of the person's platform, in the transaction that is its cause
  -> after the commit, or a second later by the timer: Redis
  -> door, centers and web read that every second
  -> look (every second): connections of these people are closed, until no door lets the old token in

The timer looks at what is so, not at what has happened: a worker that died, a Redis that was emptied, a
broker that did not answer delay it, nothing more.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import redis
from django.db import transaction
from prometheus_client import Counter

from foundation import clock
from foundation.cells.directory import store_of
from foundation.cells.serving import for_each_served, is_served_here
from im.data import broker, revocations
from im.data.revocations import RevocationLine
from im.models import Revocation
from im.rules.tokens import Token
from im.rules.vocabulary import TOKEN_SECONDS

log = logging.getLogger("im.revoke")

REVOKED = Counter("im_revoked", "Tokens, or persons' tokens, that were revoked")
AWAY = Counter("im_revoked_broker_away", "Times that the broker could not be asked to close them")

OVERLAP_SECONDS = 60
"""A row may be committed so long after its time."""
FEW = 10
"""Persons who are asked for one by one; for more, all connections are listed."""


class NotServed(Exception):
    """Another site serves that platform now."""


def one(token: Token) -> None:
    """Its owner has signed out. Raises NotServed."""
    store = store_of(token.platform)
    with transaction.atomic(using=store.database):
        if not is_served_here(token.platform, lock=True):
            raise NotServed(token.platform)
        _write(store.database, [(token.user, token.id)], token.expires_at)


def every(database: str, people: Collection[str], seconds: int = TOKEN_SECONDS) -> None:
    """All tokens of these people; within the caller's transaction. None of them lives longer than that."""
    _write(database, [(user, "") for user in people], clock.now() + timedelta(seconds=seconds))


def _write(database: str, what: Collection[tuple[str, str]], expires: datetime) -> None:
    if not what:
        return
    now = clock.now()
    rows = [Revocation(user=user, token=token, at=now, expires_at=expires) for user, token in what]
    Revocation.objects.using(database).bulk_create(rows, batch_size=1000)
    REVOKED.inc(len(rows))
    lines = [_line(row) for row in rows]
    transaction.on_commit(partial(_share, lines), using=database, robust=True)


def _share(lines: list[RevocationLine]) -> None:
    try:
        revocations.share(lines, clock.now().timestamp())
    except redis.RedisError as wrong:
        log.warning("Redis is away, so the timer shares what was revoked: %s", wrong)


def _line(row: Revocation) -> RevocationLine:
    return (row.user, row.token, int(row.at.timestamp()), int(row.expires_at.timestamp()))


# ---- the timer ------------------------------------------------------------------------------------


def look() -> None:
    """Share what is not shared, close what is still open."""
    try:
        for_each_served(_catch_up)
        _close(clock.now().timestamp())
    except redis.RedisError as wrong:
        log.warning("Redis is away, so what was revoked is not shared: %s", wrong)


def _catch_up(platform: str) -> None:
    """Share what has come into a platform's table since it was read: all of it where Redis knows nothing."""
    now = clock.now()
    read_to = revocations.cursor(platform)
    since = datetime.fromtimestamp(max(0.0, read_to - OVERLAP_SECONDS), UTC)
    rows = Revocation.objects.using(store_of(platform).database)
    live = rows.filter(at__gte=since, expires_at__gt=now)
    revocations.share(map(_line, live.iterator()), now.timestamp())
    revocations.set_cursor(platform, now.timestamp())


def forget(most: int = 5000) -> None:
    """Rows of tokens that have expired by themselves."""

    def forget_of(platform: str) -> None:
        rows = Revocation.objects.using(store_of(platform).database)
        old = rows.filter(expires_at__lt=clock.now() - timedelta(hours=1)).values_list(
            "pk", flat=True
        )
        rows.filter(pk__in=list(old[:most])).delete()

    for_each_served(forget_of)
    with suppress(redis.RedisError):
        revocations.trim(clock.now().timestamp())


def _close(now: float) -> None:
    """All connections of whose tokens were revoked: each second, until no door lets the old ones in."""
    open_until = revocations.people_to_disconnect()
    if not open_until:
        return
    try:
        over = (
            _close_few(open_until, now) if len(open_until) <= FEW else _close_many(open_until, now)
        )
    except broker.BrokerUnavailable as wrong:
        AWAY.inc()
        log.warning("connections of %d revoked persons stay open: %s", len(open_until), wrong)
        return
    revocations.mark_disconnected(over)


def _close_few(open_until: dict[str, float], now: float) -> dict[str, float]:
    """Close; of whom none can be left."""
    for user in open_until:
        broker.close_connections(user)
    return {user: until for user, until in open_until.items() if until <= now}


def _close_many(open_until: dict[str, float], now: float) -> dict[str, float]:
    """The same with one list for all, which names some connections late."""
    for user in broker.connected_users() & open_until.keys():
        broker.close_connections(user)
    last = now - broker.LISTED_SECONDS
    return {user: until for user, until in open_until.items() if until <= last}

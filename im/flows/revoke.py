"""Tokens are revoked before they expire, everywhere at once.

One token (sign-out), or all of a person (new password, disabled, deleted; also with the domain):

1. a row in the data of the person's platform, in the transaction that is the cause
2. Redis, after the commit, or a second later by the timer
3. auth backend, centers and web, which read Redis every second
4. `revoke_pending`, every second: closes the connections until no auth backend accepts the old token

The timer looks at the present state, not at events: a dead worker, an emptied Redis or a broker
that does not answer only delays it.
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
from foundation.bus.management_api import BrokerUnavailable
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
"""A row may be committed this long after its `at`, so the timer reads that far back."""
FEW_PEOPLE = 10
"""Up to this many people are disconnected one by one; for more all connections are listed."""


class NotServed(Exception):
    """Another site (data centre) takes the requests for that platform now."""


def revoke_token(token: Token) -> None:
    """Revoke one access token when its person signs out with it. Raises NotServed."""
    store = store_of(token.platform)
    with transaction.atomic(using=store.database):
        if not is_served_here(token.platform, lock=True):
            raise NotServed(token.platform)
        _save_revocations(store.database, [(token.user, token.id)], token.expires_at)


def revoke_all(database: str, people: Collection[str], seconds: int = TOKEN_SECONDS) -> None:
    """Revoke all access tokens of these people, in the caller's transaction.

    `seconds` is how long a token that was issued before now may still live; the revocation is kept
    that long.
    """
    _save_revocations(
        database, [(user, "") for user in people], clock.now() + timedelta(seconds=seconds)
    )


def _save_revocations(database: str, pairs: Collection[tuple[str, str]], expires: datetime) -> None:
    """Insert rows of revoked tokens; after the commit they are copied to Redis, where all processes read them.

    A pair holds a person and a token's id; an empty id means all tokens of the person. Does nothing without pairs.
    """
    if not pairs:
        return
    now = clock.now()
    rows = [Revocation(user=user, token=token, at=now, expires_at=expires) for user, token in pairs]
    Revocation.objects.using(database).bulk_create(rows, batch_size=1000)
    REVOKED.inc(len(rows))
    lines = [_revocation_line(row) for row in rows]
    transaction.on_commit(partial(_share_revocations, lines), using=database, robust=True)


def _share_revocations(lines: list[RevocationLine]) -> None:
    """Put revocations into Redis; if it cannot be reached, the timer does so later."""
    try:
        revocations.share(lines, clock.now().timestamp())
    except redis.RedisError as error:
        log.warning("Redis is away, so the timer shares what was revoked: %s", error)


def _revocation_line(row: Revocation) -> RevocationLine:
    """Return a row of revoked tokens in the form for Redis."""
    return (row.user, row.token, int(row.at.timestamp()), int(row.expires_at.timestamp()))


# ---- the timer ------------------------------------------------------------------------------------


def revoke_pending() -> None:
    """Put into Redis the revocations that are not there yet, and close the broker connections of their people.

    While Redis is away they wait for the next run.
    """
    try:
        for_each_served(_share_new_revocations)
        _close_connections(clock.now().timestamp())
    except redis.RedisError as error:
        log.warning("Redis is away, so what was revoked is not shared: %s", error)


def _share_new_revocations(platform: str) -> None:
    """Put into Redis the rows that were added to a platform's table of revoked tokens since the last run.

    If Redis was emptied, these are all rows.
    """
    now = clock.now()
    read_to = revocations.copied_up_to(platform)
    since = datetime.fromtimestamp(max(0.0, read_to - OVERLAP_SECONDS), UTC)
    rows = Revocation.objects.using(store_of(platform).database)
    unexpired = rows.filter(at__gte=since, expires_at__gt=now)
    revocations.share(map(_revocation_line, unexpired.iterator()), now.timestamp())
    revocations.set_copied_up_to(platform, now.timestamp())


def delete_expired(most: int = 5000) -> None:
    """Delete revocations of tokens that have expired meanwhile, at most `most` for each platform."""

    def delete_of_platform(platform: str) -> None:
        """Delete expired rows of one platform's table; an hour is added since clocks of sites may differ."""
        rows = Revocation.objects.using(store_of(platform).database)
        expired = rows.filter(expires_at__lt=clock.now() - timedelta(hours=1)).values_list(
            "pk", flat=True
        )
        rows.filter(pk__in=list(expired[:most])).delete()

    for_each_served(delete_of_platform)
    with suppress(redis.RedisError):
        revocations.delete_expired(clock.now().timestamp())


def _close_connections(now: float) -> None:
    """Close all connections of people whose tokens were revoked.

    This repeats each second until no auth backend accepts the old tokens. While the broker cannot be asked, they stay
    open until the next run.
    """
    open_until = revocations.people_to_disconnect()
    if not open_until:
        return
    try:
        disconnected = (
            _close_one_by_one(open_until, now)
            if len(open_until) <= FEW_PEOPLE
            else _close_those_listed(open_until, now)
        )
    except BrokerUnavailable as error:
        AWAY.inc()
        log.warning("connections of %d revoked persons stay open: %s", len(open_until), error)
        return
    revocations.mark_disconnected(disconnected)


def _close_one_by_one(open_until: dict[str, float], now: float) -> dict[str, float]:
    """Close connections person by person; return the people who need not be watched any more.

    `open_until`: person -> until when an auth backend may still let the person in with a revoked
    token. Only after that it is certain that the person has no connection left.
    """
    for user in open_until:
        broker.close_connections(user)
    return {user: until for user, until in open_until.items() if until <= now}


def _close_those_listed(open_until: dict[str, float], now: float) -> dict[str, float]:
    """Close the connections of those who appear in the broker's list of all connected users.

    A new connection appears in the list up to LISTED_SECONDS late, so people are watched that much longer than in
    `_close_one_by_one`; `open_until` is the same. Return the people who need not be watched any more.
    """
    for user in broker.connected_users() & open_until.keys():
        broker.close_connections(user)
    last = now - broker.LISTED_SECONDS
    return {user: until for user, until in open_until.items() if until <= last}

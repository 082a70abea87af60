"""The table of the lobby keeps which visitors wait to be let into conferences, and what was decided about them.

It lies with the conferences, so that the decisions hold when another site takes over.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from conferences.rules.lobby import (
    GONE_AFTER,
    MOST_WAITING,
    TOLD_EVERY,
    Lobby,
    Waiting,
    decide_waiting,
)
from foundation import clock
from foundation.cells import sql
from foundation.cells.directory import store_of
from foundation.signing import shared_key

_TABLE = "conferences_lobbyvisitor"
_COLUMNS = ("confid", "visitor", "name", "state", "since", "asked_at", "address_hash")
_KEPT_SECONDS = 86_400
_MOST_FORGOTTEN = 100
"""With each visitor who comes at most so many old rows are deleted."""


class WaitingVisitor(NamedTuple):
    """Represent a visitor who waits to be let into a conference, with the name that the visitor has typed."""

    visitor: str
    name: str


def ask_to_enter(platform: str, confid: str, visitor: str, name: str, address: str) -> Lobby:
    """Answer a visitor who asks to enter a conference with a lobby: wait, enter, refused, full, or waited too long.

    A visitor who has to wait is stored, or has the time of asking renewed: visitors ask again and again while they
    wait. `address`: the IP address or network from which the visitor comes; only a hash of it is stored.
    """
    database = store_of(platform).database
    now = int(clock.timestamp(database))
    place = _place_of(database, confid, visitor)
    is_new = place is None or not place.is_there(now)
    origin = _hash_of(confid, address)
    others, of_address = _count_waiting(database, confid, origin, now) if is_new else (0, 0)
    answer = decide_waiting(place, others, of_address, now)
    if answer is Lobby.WAITING:
        if is_new:
            _add(database, (confid, visitor, name, answer.value, now, now, origin), now)
        elif place and now - place.asked_at >= TOLD_EVERY:
            query = f"UPDATE {_TABLE} SET asked_at=%s WHERE confid=%s AND visitor=%s"
            sql.execute(database, query, [now, confid, visitor])
    return answer


def _place_of(database: str, confid: str, visitor: str) -> Waiting | None:
    """Return what is stored of a visitor in the lobby of a conference: state and times; `None` if nothing is."""
    query = f"SELECT state, since, asked_at FROM {_TABLE} WHERE confid=%s AND visitor=%s"
    rows = sql.select(database, query, [confid, visitor])
    return Waiting(Lobby(rows[0][0]), rows[0][1], rows[0][2]) if rows else None


def _hash_of(confid: str, address: str) -> str:
    """Return the hash of an IP address by which a conference's visitors from that address are counted."""
    text = f"lobby:{confid}:{address}"
    return hmac.new(shared_key().encode(), text.encode(), hashlib.sha256).hexdigest()[:16]


def _count_waiting(database: str, confid: str, origin: str, now: int) -> tuple[int, int]:
    """Return how many visitors wait for a conference, and how many of them come from the address with this hash.

    Who has not asked for GONE_AFTER seconds has gone.
    """
    query = (
        f"SELECT COUNT(*), COALESCE(SUM(address_hash=%s), 0) FROM {_TABLE}"
        " WHERE confid=%s AND state='waiting' AND asked_at>=%s"
    )
    others, of_address = sql.select(database, query, [origin, confid, now - GONE_AFTER])[0]
    return int(others), int(of_address)


def _add(database: str, row: tuple[object, ...], now: int) -> None:
    """Store that a visitor waits in a lobby from now on; delete some rows of visitors who left long ago."""
    query = f"DELETE FROM {_TABLE} WHERE asked_at<%s LIMIT %s"
    sql.execute(database, query, [now - _KEPT_SECONDS, _MOST_FORGOTTEN])
    sql.insert(database, _TABLE, _COLUMNS, [row], update=_COLUMNS[2:])


def waiting_visitors(
    platform: str, confids: Collection[str]
) -> Mapping[str, Sequence[WaitingVisitor]]:
    """Return who waits for these conferences of a platform now: conference id -> visitors, in order of arrival."""
    waiting = defaultdict[str, list[WaitingVisitor]](list)
    if not confids:
        return waiting
    database = store_of(platform).database
    query = (
        f"SELECT confid, visitor, name FROM {_TABLE} WHERE confid IN ({sql.marks([*confids])})"
        " AND state='waiting' AND asked_at>=%s ORDER BY since, visitor LIMIT %s"
    )
    earliest = int(clock.timestamp(database)) - GONE_AFTER
    values = [*confids, earliest, MOST_WAITING * len(confids)]
    for confid, visitor, name in sql.select(database, query, values):
        waiting[confid].append(WaitingVisitor(visitor, name))
    return waiting


def decide_about(platform: str, confid: str, visitor: str, decision: Lobby) -> None:
    """Store that a visitor who waits for a conference is let in or refused; for "", all who wait now."""
    database = store_of(platform).database
    now = int(clock.timestamp(database))
    query = f"UPDATE {_TABLE} SET state=%s, since=%s WHERE confid=%s AND state='waiting'"
    values = [decision.value, now, confid]
    if visitor:
        query += " AND visitor=%s"
        values.append(visitor)
    else:  # Not visitors who have gone: the chair did not see them.
        query += " AND asked_at>=%s"
        values.append(now - GONE_AFTER)
    sql.execute(database, query, values)

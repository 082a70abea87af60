"""The functions here store and read events, which tell client applications of changes, in the table `bus_event`.

Each user domain counts its own events. The row of its counter stays locked until the transaction commits, so that
events become visible in the order of their numbers: who has read number 7 never misses number 6. Counter and rows
lie in the platform's database, and move with it to another site.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import orjson

from foundation import clock
from foundation.bus import wake_up
from foundation.bus.outgoing import Event
from foundation.cells import sql
from foundation.cells.directory import store_of

log = logging.getLogger("confplatform.bus")

KEPT_FOR = timedelta(hours=24)
KEPT_OF_DOMAIN = 10_000
"""At most so many events of a user domain are stored, the latest ones."""
LONGEST_CHANNEL = 255
DELETED_AT_ONCE, MAX_STATEMENTS = 2000, 50
_COLUMNS = ("id", "user_domain", "seq", "channel", "body")


class StoredEvent(NamedTuple):
    """An event as it was stored: its number among those of its user domain, and the time, as an id of `clock`."""

    user_domain: str
    seq: int
    channel: str
    body: bytes
    id: int


def channel_of(platform: str) -> str:
    """Return the name of the Redis channel on which new events of a platform are announced."""
    return f"bus:events:{platform}"


def insert_events(database: str, staged: Sequence[Event]) -> dict[str, int]:
    """Insert events with their numbers in the caller's transaction; return tenant (user domain) -> its last number.

    Of equal events only the last one is kept. Call this as the last thing in the transaction, since the tenants'
    counters are locked from here on.
    """
    distinct = [
        event for event in reversed(dict.fromkeys(reversed(staged))) if _has_storable_channel(event)
    ]
    counts = Counter(event.user_domain for event in distinct)
    if not counts:
        return {}
    marks = ", ".join(["(%s, %s)"] * len(counts))
    values = [value for domain in sorted(counts) for value in (domain, counts[domain])]
    last = dict(
        sql.select(
            database,
            f"INSERT INTO bus_eventcounter (user_domain, seq) VALUES {marks}"
            " ON DUPLICATE KEY UPDATE seq = seq + VALUES(seq) RETURNING user_domain, seq",
            values,
        )
    )
    next_seq = {domain: last[domain] - counts[domain] for domain in counts}
    rows = []
    for event in distinct:
        next_seq[event.user_domain] += 1
        seq = next_seq[event.user_domain]
        rows.append((clock.next_id(), event.user_domain, seq, event.channel, event.body))
    sql.insert(database, "bus_event", _COLUMNS, rows)
    return {str(domain): int(seq) for domain, seq in last.items()}


def _has_storable_channel(event: Event) -> bool:
    """Return whether the name of an event's channel is short enough to be stored; log a warning if not."""
    if len(event.channel) > LONGEST_CHANNEL:
        log.warning("an event is left out, its channel is too long: %.80r...", event.channel)
    return len(event.channel) <= LONGEST_CHANNEL


def announce_events(platform: str, last: Mapping[str, int]) -> None:
    """Tell the processes that push events to clients that a platform has new ones.

    `last`: tenant (user domain) -> number of its last event.
    """
    wake_up.publish(platform, channel_of(platform), orjson.dumps(last).decode())


def read_events_after(database: str, positions: Mapping[str, int], limit: int) -> list[StoredEvent]:
    """Return at most `limit` events of user domains, for each domain in the order of their numbers.

    `positions`: user domain -> number of the last event that the caller has.
    """
    if not positions:
        return []
    condition = " OR ".join(["(user_domain=%s AND seq>%s)"] * len(positions))
    values = [value for domain in sorted(positions) for value in (domain, positions[domain])]
    rows = sql.select(
        database,
        "SELECT user_domain, seq, channel, body, id FROM bus_event"
        f" WHERE {condition} ORDER BY user_domain, seq LIMIT %s",
        [*values, limit],
    )
    return [
        StoredEvent(domain, int(seq), channel, bytes(body), int(row_id))
        for domain, seq, channel, body, row_id in rows
    ]


def last_event_numbers(database: str, user_domains: Collection[str]) -> dict[str, int]:
    """Return the number of the last event of each of these user domains; 0 if it has had none."""
    domains = sorted(user_domains)
    if not domains:
        return {}
    query = (
        f"SELECT user_domain, seq FROM bus_eventcounter WHERE user_domain IN ({sql.marks(domains)})"
    )
    return dict.fromkeys(domains, 0) | {
        domain: int(seq) for domain, seq in sql.select(database, query, domains)
    }


def delete_old_events(platform: str) -> int:
    """Delete a platform's events that are older than a day, or too many of one tenant; return how many were deleted.

    Small steps keep other transactions from waiting for locks.
    """
    database = store_of(platform).database
    oldest = clock.id_at(clock.now(database) - KEPT_FOR)
    deleted = _delete_in_steps(database, "id < %s ORDER BY id", [oldest])
    too_many = sql.select(
        database,
        "SELECT user_domain, MAX(seq) FROM bus_event GROUP BY user_domain"
        " HAVING MAX(seq) - MIN(seq) >= %s",
        [KEPT_OF_DOMAIN],
    )
    for domain, last in too_many:
        condition = "user_domain=%s AND seq <= %s ORDER BY seq"
        deleted += _delete_in_steps(database, condition, [domain, last - KEPT_OF_DOMAIN])
    return deleted


def _delete_in_steps(database: str, condition: str, values: Sequence[object]) -> int:
    """Delete events that fulfil an SQL condition, DELETED_AT_ONCE in one statement; return how many.

    After MAX_STATEMENTS it stops: the next run of the timer deletes the rest.
    """
    deleted = 0
    for _ in range(MAX_STATEMENTS):
        query = f"DELETE FROM bus_event WHERE {condition} LIMIT %s"
        count = sql.execute(database, query, [*values, DELETED_AT_ONCE])
        deleted += count
        if count < DELETED_AT_ONCE:
            break
    return deleted

"""Outgoing messages as rows: written in the transaction that causes them, deleted when confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from foundation import clock
from foundation.bus.envelope import Envelope
from foundation.bus.message import Message, dumps, to_body
from foundation.cells import sql
from foundation.cells.directory import own_platform
from foundation.clock import next_id
from foundation.logs import with_request_id

INLINE_LEAD = timedelta(seconds=3)
"""The time for which a row is left to the process that wrote it, before any relay may take it."""

_TABLE = "bus_outbox"
_COLUMNS = ("id", "destination", "exchange", "routing_key", "body", "properties", "due_at")


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An outbox row is one message to send. `destination` is the platform on whose broker it goes; "" means our own."""

    id: int
    exchange: str
    routing_key: str
    body: bytes
    properties: dict[str, Any]
    destination: str = ""


def row(
    message: Message | bytes,
    exchange: str,
    routing_key: str,
    now: datetime,
    app_id: str,
    destination: str = "",
    **more: Any,
) -> OutboxRow:
    """Return the row of a message, or of bytes that are passed on as they came.

    `more` are AMQP properties; the id of the request that causes the message is added to its headers.
    """
    body = message if isinstance(message, bytes) else dumps(to_body(message))
    number = next_id()
    headers = with_request_id(more.pop("headers", None))
    properties = {
        "app_id": app_id,
        "timestamp": int(now.timestamp()),
        "message_id": f"{number:x}",
        **{name: value for name, value in more.items() if value},
        **({"headers": headers} if headers else {}),
    }
    return OutboxRow(number, exchange, routing_key, body, properties, destination)


def reply_row(envelope: Envelope, reply: Message, role: str, default_queue: str) -> OutboxRow:
    """Return the row of a role's reply to a request.

    It goes to the queue that the request names in `reply_to`, or else to the default queue.
    """
    return row(
        reply,
        "",
        envelope.reply_to or default_queue,
        clock.now(),
        f"{role}@{own_platform()}",
        correlation_id=envelope.correlation_id,
    )


def put(
    database: str, rows: Iterable[OutboxRow], now: datetime, *, publish_inline: bool = False
) -> None:
    """Insert rows in the caller's transaction.

    `publish_inline`: the caller publishes the rows for our own broker itself.
    """
    due = {"": to_db_datetime(now + INLINE_LEAD)} if publish_inline else {}
    sql.insert(
        database,
        _TABLE,
        _COLUMNS,
        [
            (
                r.id,
                r.destination,
                r.exchange,
                r.routing_key,
                r.body,
                orjson.dumps(r.properties),
                due.get(r.destination, to_db_datetime(now)),
            )
            for r in rows
        ],
    )


def select_due(
    database: str, most: int = 500, destination: str = "", *, alone: bool = False
) -> list[OutboxRow]:
    """Return the oldest due rows of a destination, locked until the caller's transaction ends.

    Other processes skip locked rows. `alone`: no other process sends these rows, so none is locked, and they come
    in their order. (Where rows are skipped one by one, the transaction that wrote them may commit in between, and
    its last rows would come first.)
    The query names its index, so that rows which wait for a peer that is down are not read on the way.
    """
    rows = sql.select(
        database,
        "SELECT id, exchange, routing_key, body, properties, destination FROM bus_outbox"
        " FORCE INDEX (outbox_way) WHERE destination=%s AND due_at <= UTC_TIMESTAMP(6)"
        f" ORDER BY id LIMIT %s{'' if alone else ' FOR UPDATE SKIP LOCKED'}",
        [destination, most],
    )
    return [OutboxRow(r[0], r[1], r[2], bytes(r[3]), orjson.loads(r[4]), r[5]) for r in rows]


def forget(database: str, ids: list[int]) -> None:
    """Delete rows that the broker has confirmed."""
    if ids:
        sql.execute(database, f"DELETE FROM bus_outbox WHERE id IN ({sql.marks(ids)})", ids)


def bring_home(database: str, site: str) -> None:
    """Send to our own broker the rows that another site has left unsent for this site."""
    query = "UPDATE bus_outbox SET destination='' WHERE destination=%s"
    sql.execute(database, query, [site])


def to_db_datetime(moment: datetime) -> datetime:
    """Return a moment as the database stores it: in UTC, without a time zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)

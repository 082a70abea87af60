"""The outbox stores messages to send as rows of the table `bus_outbox`.

A row is written in the transaction that causes it, and deleted when the broker has confirmed the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
"""For this time only the process that wrote a row sends it. After that any relay thread does."""

_TABLE = "bus_outbox"
_COLUMNS = ("id", "destination", "exchange", "routing_key", "body", "properties", "due_at")


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An outbox row is a message to send. `destination`: the platform on whose broker to publish; "" means our own."""

    id: int
    exchange: str
    routing_key: str
    body: bytes
    properties: dict[str, Any]
    destination: str = ""


def new_row(
    message: Message | bytes,
    exchange: str,
    routing_key: str,
    now: datetime,
    app_id: str,
    destination: str = "",
    **amqp_properties: Any,
) -> OutboxRow:
    """Return a new row of the outbox (the table of messages to send) for a message, or for a body as it was received.

    `destination` is the platform on whose broker to publish; "" means our own. Empty AMQP properties are left out. The
    id of the request that is being handled is added to the headers.
    """
    body = message if isinstance(message, bytes) else dumps(to_body(message))
    row_id = next_id()
    headers = with_request_id(amqp_properties.pop("headers", None))
    properties = {
        "app_id": app_id,
        "timestamp": int(now.timestamp()),
        "message_id": f"{row_id:x}",
        **{name: value for name, value in amqp_properties.items() if value},
        **({"headers": headers} if headers else {}),
    }
    return OutboxRow(row_id, exchange, routing_key, body, properties, destination)


def reply_row(envelope: Envelope, reply: Message, role: str, default_queue: str) -> OutboxRow:
    """Return the reply to a request as a new row of the outbox, the table of messages to send.

    It goes to the queue that the request's envelope names in `reply_to`, or else to `default_queue`. `role`, for
    instance "rms", is the part of this platform that replies; it begins the sender's `app_id`.
    """
    return new_row(
        reply,
        "",
        envelope.reply_to or default_queue,
        clock.now(),
        f"{role}@{own_platform()}",
        correlation_id=envelope.correlation_id,
    )


def insert_rows(
    database: str, rows: Iterable[OutboxRow], now: datetime, *, publish_inline: bool = False
) -> None:
    """Insert rows into the outbox (the table of messages to send), in the caller's transaction.

    `publish_inline`: the caller publishes the rows for our own broker itself, so relays (threads that send messages)
    leave them for INLINE_LEAD.
    """
    due_times = {"": to_db_datetime(now + INLINE_LEAD)} if publish_inline else {}
    sql.insert(
        database,
        _TABLE,
        _COLUMNS,
        [
            (
                row.id,
                row.destination,
                row.exchange,
                row.routing_key,
                row.body,
                orjson.dumps(row.properties),
                due_times.get(row.destination, to_db_datetime(now)),
            )
            for row in rows
        ],
    )


def select_due(
    database: str, limit: int = 500, destination: str = "", *, exclusive: bool = False
) -> list[OutboxRow]:
    """Return the oldest due rows of a destination, at most `limit`, locked until the caller's transaction ends.

    Other processes skip locked rows. `exclusive`: no other process sends these rows, so none is locked, and they are
    returned in order. (Where locked rows are skipped one by one, the transaction that wrote them may commit in
    between, and its last rows would come first.) The query names its index, so that it does not read rows that wait
    for a peer (another site's platform) which is down.
    """
    rows = sql.select(
        database,
        "SELECT id, exchange, routing_key, body, properties, destination FROM bus_outbox"
        " FORCE INDEX (outbox_way) WHERE destination=%s"
        " AND due_at <= UTC_TIMESTAMP(6) - INTERVAL %s MICROSECOND"
        f" ORDER BY id LIMIT %s{'' if exclusive else ' FOR UPDATE SKIP LOCKED'}",
        [destination, clock.step_microseconds(database), limit],
    )
    return [
        OutboxRow(row_id, exchange, key, bytes(body), orjson.loads(properties), row_destination)
        for row_id, exchange, key, body, properties, row_destination in rows
    ]


def waiting_destinations(database: str) -> set[str]:
    """Return the destinations for which messages wait in the outbox, the table of messages to send."""
    rows = sql.select(database, f"SELECT DISTINCT destination FROM {_TABLE}", [])
    return {str(destination) for (destination,) in rows}


def check_writable(database: str) -> None:
    """Raise a database error if the table of messages to send cannot be written, for instance during a backup."""
    sql.execute(database, f"DELETE FROM {_TABLE} WHERE id=0")


def delete_rows(database: str, ids: list[int]) -> None:
    """Delete rows from the outbox (the table of messages to send), after the broker has confirmed them."""
    if ids:
        sql.execute(database, f"DELETE FROM bus_outbox WHERE id IN ({sql.marks(ids)})", ids)


def redirect_rows(database: str, destinations: Mapping[int, str]) -> None:
    """Change to which broker messages in the outbox go: id of a row -> the platform on whose broker to publish it."""
    for destination in sorted(set(destinations.values())):
        ids = sorted(row_id for row_id, to in destinations.items() if to == destination)
        query = f"UPDATE {_TABLE} SET destination=%s WHERE id IN ({sql.marks(ids)})"
        sql.execute(database, query, [destination, *ids])


def redirect_to_own_broker(database: str, site: str) -> None:
    """Let messages that another site has stored for `site`, which is this site, go to our own broker."""
    query = "UPDATE bus_outbox SET destination='' WHERE destination=%s"
    sql.execute(database, query, [site])


def to_db_datetime(moment: datetime) -> datetime:
    """Return a time as the database stores it: in UTC, without time zone information."""
    return moment.astimezone(UTC).replace(tzinfo=None)

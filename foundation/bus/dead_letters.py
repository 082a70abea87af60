"""A message that cannot be handled is refused, parked, and shown to operators."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from foundation.bus import metrics, protocol
from foundation.bus.envelope import Envelope
from foundation.bus.message import MAX_BYTES, Message, canonical, glance
from foundation.bus.outbox import to_db_datetime
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells import sql
from foundation.clock import next_id

if TYPE_CHECKING:
    from foundation.bus.delivery import Delivery

log = logging.getLogger("confplatform.bus")

MOST_KEPT = 4 * MAX_BYTES
"""Bytes stored of a parked message. The database takes no longer statement: such a message could neither
be handled nor parked, and would come again for ever."""


def refuse_service(uow: UnitOfWork, delivery: Delivery, detail: str) -> None:
    """Refuse a request because this site does not serve its platform now."""
    refuse(uow, delivery, protocol.current().service_stopped, detail)


def refuse(uow: UnitOfWork, delivery: Delivery, errcode: str, detail: str) -> None:
    """Refuse a request, which leaves no row in the inbox. A message that is no request gets no answer."""
    wire, envelope = protocol.current(), delivery.envelope
    body = delivery.parsed or glance(delivery.body, wire.identifying_fields)
    refused = wire.refusal(body, errcode, detail) if body else None
    if refused is None or body is None:
        return
    route = wire.default_reply_route(envelope.queue, envelope.app_id, body)
    if envelope.origin == "http":
        uow.answers[envelope.request] = canonical(refused.body)  # type: ignore[attr-defined]  # a refusal is a message with a body as it was read
    elif envelope.reply_to:
        _send_refusal(uow, refused, envelope, "", envelope.reply_to)
    elif route:
        _send_refusal(uow, refused, envelope, *route)


def _send_refusal(
    uow: UnitOfWork, refused: Message, envelope: Envelope, exchange: str, key: str
) -> None:
    """Stage a refusal for the broker on which the request lay."""
    destination = envelope.peer or envelope.via or envelope.asked_at
    properties = {"correlation_id": envelope.correlation_id, "destination": destination}
    uow.put(refused, exchange, key, **properties)


def park(uow: UnitOfWork, delivery: Delivery) -> None:
    """Refuse the request where a NACK can be made, and park the message."""
    reason, queue = delivery.unreadable, delivery.envelope.queue
    refuse(uow, delivery, protocol.current().malformed, reason)
    if delivery.envelope.origin == "http" and delivery.message is None:
        return  # The caller has made a mistake and sees the answer at once: no operator has to decide on it.
    stored = send_to_dead_letters(uow, delivery)
    kind = delivery.parsed["type"][:64] if delivery.parsed else ""
    sql.insert(
        uow.database,
        "bus_parked",
        ("id", "queue", "reason", "wire_type", "body", "properties", "parked_at"),
        [
            (
                next_id(),
                queue,
                reason,
                kind,
                stored,
                canonical(_reply_properties(delivery)),
                to_db_datetime(uow.now),
            )
        ],
    )


def send_to_dead_letters(uow: UnitOfWork, delivery: Delivery) -> bytes:
    """Stage the message for the dead-letter queue, and return as much of its body as is stored."""
    reason, queue = delivery.unreadable, delivery.envelope.queue
    metrics.PARKED.labels(queue).inc()
    log.warning("parked a message of %s: %s", queue, reason)
    stored = delivery.body[:MOST_KEPT]
    headers = {"x-reason": reason, "x-source-queue": queue}
    if len(stored) < len(delivery.body):
        headers["x-bytes"] = str(len(delivery.body))
    uow.put(stored, "", protocol.current().dead_letter_queue, headers=headers)
    return stored


def _reply_properties(delivery: Delivery) -> dict[str, Any]:
    e = delivery.envelope
    return {"correlation_id": e.correlation_id, "reply_to": e.reply_to, "app_id": e.app_id}

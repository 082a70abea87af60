"""A message that cannot be handled is refused (if it is a request) and parked: stored for a decision of operators."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from foundation.bus import metrics, protocol
from foundation.bus.envelope import Envelope
from foundation.bus.message import MAX_BYTES, Message, canonical, read_some_fields
from foundation.bus.outbox import to_db_datetime
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells import sql
from foundation.clock import next_id

if TYPE_CHECKING:
    from foundation.bus.delivery import Delivery

log = logging.getLogger("confplatform.bus")

MAX_STORED_BYTES = 4 * MAX_BYTES
"""At most this many bytes of a parked message are stored. The database takes no longer statement: a longer message
could neither be handled nor parked, and the broker would deliver it again for ever."""


def stage_service_refusal(uow: UnitOfWork, delivery: Delivery, detail: str) -> None:
    """Stage the refusal of a request because this site does not serve its platform now, or because it came too late.

    `detail` is the reason in words, for the sender.
    """
    stage_refusal(uow, delivery, protocol.current().service_stopped, detail)


def stage_refusal(uow: UnitOfWork, delivery: Delivery, errcode: str, detail: str) -> None:
    """Stage the refusal (NACK) of a request, to be sent once the transaction commits; store nothing of the request.

    It goes where the request says (`reply_to`), or else by the default route of its type. For a message that is no
    request nothing is done. `detail` is the reason in words.
    """
    wire_protocol, envelope = protocol.current(), delivery.envelope
    body = delivery.parsed or read_some_fields(delivery.body, wire_protocol.identifying_fields)
    refusal = wire_protocol.refusal(body, errcode, detail) if body else None
    if refusal is None or body is None:
        return
    route = wire_protocol.default_reply_route(envelope.queue, envelope.app_id, body)
    if envelope.origin == "http":
        uow.answers[envelope.request] = canonical(refusal.body)  # type: ignore[attr-defined]  # a refusal is a message with a body as it was read
    elif envelope.reply_to:
        _send_refusal(uow, refusal, envelope, "", envelope.reply_to)
    elif route:
        _send_refusal(uow, refusal, envelope, *route)


def _send_refusal(
    uow: UnitOfWork, refusal: Message, envelope: Envelope, exchange: str, key: str
) -> None:
    """Stage a refusal, to be sent to the broker from which the request came, by this exchange and routing key.

    That broker belongs to another platform, to the site that forwarded the request (`via`), or to the site where the
    request was made; else it is our own.
    """
    destination = envelope.peer or envelope.via or envelope.asked_at
    properties = {"correlation_id": envelope.correlation_id, "destination": destination}
    uow.put(refusal, exchange, key, **properties)


def park_message(uow: UnitOfWork, delivery: Delivery) -> None:
    """Park a message that cannot be handled: store it for operators in `bus_parked` and in the dead-letter queue.

    If it is a request, refuse it too.
    """
    reason, queue = delivery.unreadable, delivery.envelope.queue
    stage_refusal(uow, delivery, protocol.current().malformed, reason)
    if delivery.envelope.origin == "http" and delivery.message is None:
        return  # The caller sees the refusal at once and can correct it: no operator has to decide.
    stored_body = send_to_dead_letters(uow, delivery)
    wire_type = delivery.parsed["type"][:64] if delivery.parsed else ""
    sql.insert(
        uow.database,
        "bus_parked",
        ("id", "queue", "reason", "wire_type", "body", "properties", "parked_at"),
        [
            (
                next_id(),
                queue,
                reason,
                wire_type,
                stored_body,
                canonical(_reply_properties(delivery)),
                to_db_datetime(uow.now),
            )
        ],
    )


def send_to_dead_letters(uow: UnitOfWork, delivery: Delivery) -> bytes:
    """Stage a copy of the message for the dead-letter queue, and return its body, shortened if it is too long."""
    reason, queue = delivery.unreadable, delivery.envelope.queue
    metrics.PARKED.labels(queue).inc()
    log.warning("parked a message of %s: %s", queue, reason)
    stored = delivery.body[:MAX_STORED_BYTES]
    headers = {"x-reason": reason, "x-source-queue": queue}
    if len(stored) < len(delivery.body):
        headers["x-bytes"] = str(len(delivery.body))
    uow.put(stored, "", protocol.current().dead_letter_queue, headers=headers)
    return stored


def _reply_properties(delivery: Delivery) -> dict[str, Any]:
    """Return the AMQP properties to store with a parked message, so that it can be answered once published again."""
    envelope = delivery.envelope
    return {
        "correlation_id": envelope.correlation_id,
        "reply_to": envelope.reply_to,
        "app_id": envelope.app_id,
    }

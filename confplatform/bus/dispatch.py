"""Body -> message -> handler: a batch of deliveries becomes one transaction, or is parked.

What cannot be read is answered with the NACK of its request and goes to `mau.dead.q`. A batch in
which one handler fails is done again message by message; what fails five times is parked too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError

from confplatform.bus import envelope as env
from confplatform.bus import metrics, registry
from confplatform.bus.envelope import Envelope
from confplatform.bus.inbox import Asked
from confplatform.bus.message import (
    MAX_BYTES,
    BadMessage,
    Message,
    NotTaken,
    canonical,
    glance,
    loads,
)
from confplatform.bus.outbox import Row, naive
from confplatform.bus.topology import DEAD_QUEUE
from confplatform.bus.work import Work, begin
from confplatform.clock import next_id
from confplatform.stores import sql

log = logging.getLogger("confplatform.bus")

MOST_TRIES = 5
MOST_KEPT = 4 * MAX_BYTES
"""Bytes kept of a parked message: a body beyond what the database takes in one statement could
neither be handled nor parked, and would come again for ever."""

_AGAIN = {1205, 1213, 1062, 1020}
"""MySQL: lock wait, deadlock, somebody else took the same key, row changed: all cured by doing it again."""
_AWAY = {1021, 1040, 1053, 1114, 1203, 1290, 1792, 1836, 1927}
"""MySQL: disk full, too many connections, shutting down, read-only, killed: cured by waiting."""


@dataclass(slots=True)
class Delivery:
    """One message as it came, and what was read of it."""

    body: bytes
    envelope: Envelope
    properties: dict[str, Any] = field(default_factory=dict)
    parsed: dict[str, Any] | None = None
    message: Message | None = None
    unreadable: str = ""

    def __post_init__(self) -> None:
        try:
            self.parsed = loads(self.body)
            self.envelope = self.envelope.addressed(self.parsed, f"alone-{next_id():x}")
            self.message = registry.read(self.parsed)
        except BadMessage as wrong:
            self.unreadable = self.unreadable or wrong.detail[:400]
        except Exception as wrong:
            log.exception("a message could not be read")
            self.unreadable = f"{type(wrong).__name__} while it was read"


@dataclass(slots=True)
class Outcome:
    """What a batch has led to: rows to publish, and answers to requests that came over HTTP."""

    rows: list[Row] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)
    made: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By request: number and id of a conference that was taken in."""
    stored: bool = True
    """Do the rows lie in the outbox, to be deleted once they are published?"""


class DatabaseAway(Exception):
    """The database cannot be reached; nothing was done, and everything has to come again."""


def handle(platform: str, deliveries: Sequence[Delivery], *, first_turn: bool) -> Outcome:
    """Do a batch. Raises DatabaseAway; otherwise every delivery is done, refused or parked."""
    for delivery in deliveries:
        _find_handler(delivery)
    try:
        return _transact(platform, deliveries, first_turn)
    except DatabaseAway:
        raise
    except Exception:
        if len(deliveries) > 1:
            log.exception("a batch of %d failed, doing it one by one", len(deliveries))
    whole = Outcome()
    for delivery in deliveries:
        one = _stubborn(platform, delivery, first_turn)
        whole.rows += one.rows
        whole.answers |= one.answers
        whole.made |= one.made
    return whole


def _find_handler(delivery: Delivery) -> None:
    if delivery.message is not None and not delivery.unreadable:
        try:
            registry.handler_of(delivery.message, delivery.envelope.correlation_id)
        except BadMessage as wrong:
            delivery.unreadable = wrong.detail


def _stubborn(platform: str, delivery: Delivery, first_turn: bool) -> Outcome:
    """One delivery alone: five tries, then it is parked."""
    for attempt in range(1, MOST_TRIES + 1):
        try:
            return _transact(platform, [delivery], first_turn)
        except DatabaseAway:
            raise
        except Exception as wrong:
            kind = delivery.parsed["type"] if delivery.parsed else "unreadable"
            log.exception("%s failed (try %d of %d)", kind, attempt, MOST_TRIES)
            failure = f"handler failed {MOST_TRIES} times: {type(wrong).__name__}: {wrong}"
            time.sleep(0.02 * attempt)
    delivery.unreadable = failure[:400]
    metrics.HANDLER_FAILED.inc()
    return _transact(platform, [delivery], first_turn)


def _transact(platform: str, deliveries: Sequence[Delivery], first_turn: bool) -> Outcome:
    for attempt in range(1, 4):
        try:
            with begin(platform, first_turn=first_turn) as work:
                _prepare(work, deliveries)
                for delivery in deliveries:
                    _one(work, delivery)
            return Outcome(work.rows, work.answers, work.made)
        except (OperationalError, IntegrityError, InterfaceError) as wrong:
            code = wrong.args[0] if wrong.args and isinstance(wrong.args[0], int) else 0
            if isinstance(wrong, InterfaceError) or code >= 2000 or code in _AWAY:
                raise DatabaseAway(str(wrong)) from wrong
            if code not in _AGAIN or attempt == 3:
                raise
    raise AssertionError("unreachable")


def _prepare(work: Work, deliveries: Sequence[Delivery]) -> None:
    """Read for all what they will need, so that no query is in the loop."""
    readable = [d for d in deliveries if d.message is not None and not d.unreadable]
    work.inbox.load(d.envelope.request for d in readable)
    by_app: dict[str, list[Message]] = {}
    for delivery in readable:
        assert delivery.message is not None
        handler = registry.handler_of(delivery.message, delivery.envelope.correlation_id)
        if handler is not None:
            by_app.setdefault(registry.app_of(handler), []).append(delivery.message)
    for app, messages in by_app.items():
        work.site(app).prepare(messages)


def _one(work: Work, delivery: Delivery) -> None:
    """One message: already seen, late, or for its handler."""
    message, envelope = delivery.message, delivery.envelope
    metrics.RECEIVED.labels(envelope.queue).inc()
    if delivery.unreadable or message is None or delivery.parsed is None:
        _park(work, delivery)
        return
    handler = registry.handler_of(message, envelope.correlation_id)
    if handler is None:
        return
    if envelope.request:
        asked = work.inbox.get(envelope.request)
        if asked is not None:
            _again(work, delivery, asked)
            return
        refused = _too_late_or_closed(work, envelope, work.now)
        if refused:
            _nack(work, delivery, "29005", refused)
            return
        body = delivery.parsed
        work.inbox.add(
            envelope,
            message.type[:64],
            str(body.get("reqid") or ""),
            str(body.get("confE164") or ""),
        )
    try:
        handler(work.site(registry.app_of(handler)), message, envelope)
    except NotTaken as wrong:
        delivery.unreadable = wrong.detail[:400]
        _park(work, delivery)


def _too_late_or_closed(work: Work, envelope: Envelope, now: datetime) -> str:
    if envelope.expired(now):
        return "expired"
    return "" if work.is_open else "this site has stopped its service"


def _again(work: Work, delivery: Delivery, asked: Asked) -> None:
    """The same request again: the same answer, no second effect."""
    metrics.REPEATED.inc()
    envelope = delivery.envelope
    if asked.digest != envelope.digest:
        _nack(work, delivery, "29001", "reqid: was used for another request; choose a new one")
        return
    asked.asked_again(envelope)
    assert delivery.parsed is not None
    route = env.standing_route(envelope, delivery.parsed)
    exchange, key = (route[0].value.exchange, route[1] or route[0].value.key) if route else ("", "")
    work.answer_again(asked, exchange, key)


def _nack(work: Work, delivery: Delivery, errcode: str, detail: str) -> None:
    """Refuse a request without taking it in."""
    envelope, body = delivery.envelope, delivery.parsed or glance(delivery.body)
    refused = env.refusal(body, errcode, detail) if body else None
    if refused is None or body is None:
        return
    route = env.standing_route(envelope, body)
    if envelope.origin == "http":
        work.answers[envelope.request] = canonical(refused.body)  # type: ignore[attr-defined]
    elif envelope.reply_to:
        _refuse(work, refused, envelope, "", envelope.reply_to)
    elif route:
        _refuse(work, refused, envelope, route[0].value.exchange, route[1] or route[0].value.key)


def _refuse(work: Work, refused: Message, envelope: Envelope, exchange: str, key: str) -> None:
    """To the broker that the request lay on."""
    about = {"correlation_id": envelope.correlation_id, "destination": envelope.peer}
    work.put(refused, exchange, key, **about)


def _park(work: Work, delivery: Delivery) -> None:
    """NACK where one can be made; the message itself to `mau.dead.q`, indexed by a row."""
    reason, queue = delivery.unreadable, delivery.envelope.queue
    _nack(work, delivery, "29001", reason)
    if delivery.envelope.origin == "http" and delivery.message is None:
        return  # A person's slip, answered on the spot: nobody has to decide on it.
    metrics.PARKED.labels(queue).inc()
    log.warning("parked a message of %s: %s", queue, reason)
    kept = delivery.body[:MOST_KEPT]
    headers = {"x-reason": reason, "x-source-queue": queue}
    if len(kept) < len(delivery.body):
        headers["x-bytes"] = str(len(delivery.body))
    work.put(kept, "", DEAD_QUEUE, headers=headers)
    kind = delivery.parsed["type"][:64] if delivery.parsed else ""
    sql.insert(
        work.database,
        "bus_parked",
        ("id", "queue", "reason", "wire_type", "body", "properties", "parked_at"),
        [
            (
                next_id(),
                queue,
                reason,
                kind,
                kept,
                canonical(_plain(delivery)),
                naive(work.now),
            )
        ],
    )


def _plain(delivery: Delivery) -> dict[str, Any]:
    e = delivery.envelope
    return {"correlation_id": e.correlation_id, "reply_to": e.reply_to, "app_id": e.app_id}

"""Body -> message -> handler: a batch of deliveries becomes one transaction, or is parked.

What cannot be read is answered with the NACK of its request and goes to `mau.dead.q`. A batch in
which one handler fails is done again message by message; what fails five times is parked too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError

from foundation.bus import metrics, protocol, registry
from foundation.bus.envelope import Envelope
from foundation.bus.inbox import Asked
from foundation.bus.log_context import delivery_fields
from foundation.bus.message import (
    MAX_BYTES,
    BadMessage,
    Message,
    NotTaken,
    canonical,
    dumps,
    glance,
    loads,
    to_body,
)
from foundation.bus.outbox import Row, naive
from foundation.bus.unit_of_work import NotProvisioned, UnitOfWork, begin
from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, store_of
from foundation.clock import next_id

log = logging.getLogger("confplatform.bus")

MOST_TRIES = 5
PASSED_IS_ANSWERED_IN = timedelta(seconds=10)
"""Whoever should answer what was passed on may have died with it: asked once more after that, it is
refused, and whoever asks knows that a new request is in order."""
MOST_KEPT = 4 * MAX_BYTES
"""Bytes kept of a parked message: a body beyond what the database takes in one statement could
neither be handled nor parked, and would come again for ever."""

READ_ONLY = 1290
SETTLES_IN = 1.0
"""Seconds that a request waits while nobody can say yet who serves it: a hand-over takes 0.2, a restart
in place 0.8."""
LOOK_AGAIN = 0.02
_changing: dict[str, float] = {}
"""By platform: since when its data here is being closed, or opened."""


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
    database: str = ""
    """In whose outbox the rows lie, to be deleted once they are published; empty: in none."""


class DatabaseAway(Exception):
    """The database cannot be reached; nothing was done, and everything has to come again."""


HOMES: list[Callable[[Sequence[Delivery]], Sequence[Collection[str]]]] = []
"""Who knows which platforms a message concerns: one, filled by the app that keeps the conferences."""


def take(deliveries: Sequence[Delivery], *, first_turn: bool) -> list[Outcome]:
    """Do a batch on the data of all platforms that it concerns. Raises DatabaseAway."""
    own = own_platform()
    if len(possible_platforms()) == 1 or not HOMES:
        return [handle(own, deliveries, first_turn=first_turn)]
    concerned: dict[str, list[Delivery]] = {}
    for delivery, homes in zip(deliveries, HOMES[0](deliveries), strict=True):
        for platform in homes:
            # One message, done on several platforms' data, may fail on one of them.
            one = delivery if len(homes) == 1 else replace(delivery)
            concerned.setdefault(platform, []).append(one)
    return [_on_one(p, some, first_turn=first_turn) for p, some in concerned.items()]


def _on_one(platform: str, deliveries: Sequence[Delivery], *, first_turn: bool) -> Outcome:
    """A copy that is away holds nobody up: its requests are refused, units say the rest again."""
    try:
        return handle(platform, deliveries, first_turn=first_turn)
    except DatabaseAway as wrong:
        if platform == own_platform():
            raise
        log.warning("the data of %s is away: %s", platform, wrong)
    with begin(own_platform(), first_turn=first_turn) as home:
        for delivery in deliveries:
            if delivery.envelope.request:
                _refuse_service(home, delivery, "the data of this platform is away")
    return Outcome(home.rows, home.answers, {}, home.database if home.is_open else "")


def handle(platform: str, deliveries: Sequence[Delivery], *, first_turn: bool) -> Outcome:
    """Do a batch on one platform's data. Raises DatabaseAway; otherwise every delivery is done,
    refused, passed on or parked."""
    for delivery in deliveries:
        _find_handler(delivery)
    try:
        return _transact(platform, deliveries, first_turn)
    except DatabaseAway:
        raise
    except Exception:
        if len(deliveries) > 1:
            log.exception("a batch of %d failed, doing it one by one", len(deliveries))
    whole = Outcome(database=store_of(platform).database)
    for delivery in deliveries:
        one = _stubborn(platform, delivery, first_turn)
        whole.rows += one.rows
        whole.answers |= one.answers
        whole.made |= one.made
        whole.database = one.database
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
            with delivery_fields(delivery, platform):
                log.exception("%s failed (try %d of %d)", kind, attempt, MOST_TRIES)
            failure = f"handler failed {MOST_TRIES} times: {type(wrong).__name__}: {wrong}"
            time.sleep(0.02 * attempt)
    delivery.unreadable = failure[:400]
    metrics.HANDLER_FAILED.inc()
    return _transact(platform, [delivery], first_turn)


def _transact(platform: str, deliveries: Sequence[Delivery], first_turn: bool) -> Outcome:
    """Where our own data is being handed over, or opened, it waits for the end of that."""
    while (done := _attempts(platform, deliveries, first_turn)) is None:
        time.sleep(LOOK_AGAIN)
    return done


def _attempts(platform: str, deliveries: Sequence[Delivery], first_turn: bool) -> Outcome | None:
    """None: nothing was done, and it is worth while to look again at once."""
    for attempt in range(1, 4):
        try:
            return _once(platform, deliveries, first_turn)
        except NotProvisioned as wrong:
            if platform == own_platform():
                raise
            raise DatabaseAway(str(wrong)) from wrong
        except (OperationalError, IntegrityError, InterfaceError) as wrong:
            if wrong.args[:1] == (READ_ONLY,) and attempt < 3:
                continue  # Closed since this transaction began: look who has it.
            if sql.is_away(wrong):
                raise DatabaseAway(str(wrong)) from wrong
            if not sql.is_passing(wrong) or attempt == 3:
                raise
    raise AssertionError("unreachable")


def _once(platform: str, deliveries: Sequence[Delivery], first_turn: bool) -> Outcome | None:
    with begin(platform, first_turn=first_turn) as uow:
        waits = _may_settle(platform, uow)
        if uow.is_open:
            _prepare(uow, deliveries)
        for delivery in () if waits else deliveries:
            with delivery_fields(delivery, platform):
                _one(uow, delivery) if uow.is_open else _closed(uow, delivery)
    if uow.is_open:
        return Outcome(uow.rows, uow.answers, uow.made, uow.database)
    return None if waits else _kept_at_home(uow, first_turn)


def _may_settle(platform: str, uow: UnitOfWork) -> bool:
    """The owner's database takes no writes: it has just been closed, or is about to open."""
    if not uow.is_changing:
        _changing.pop(platform, None)
        return False
    since = _changing.setdefault(platform, time.monotonic())
    return time.monotonic() - since < SETTLES_IN


def _prepare(uow: UnitOfWork, deliveries: Sequence[Delivery]) -> None:
    """Read for all what they will need, so that no query is in the loop."""
    readable = [d for d in deliveries if d.message is not None and not d.unreadable]
    uow.inbox.load(d.envelope.request for d in readable)
    by_app: dict[str, list[Message]] = {}
    for delivery in readable:
        assert delivery.message is not None
        handler = registry.handler_of(delivery.message, delivery.envelope.correlation_id)
        by_app.setdefault(registry.app_of(handler), []).append(delivery.message)
    for app, messages in by_app.items():
        uow.part_of(app).prepare(messages)


def _one(uow: UnitOfWork, delivery: Delivery) -> None:
    """One message: already seen, late, or for its handler."""
    message, envelope = delivery.message, delivery.envelope
    metrics.RECEIVED.labels(envelope.queue).inc()
    if delivery.unreadable or message is None or delivery.parsed is None:
        _park(uow, delivery)
        return
    log.debug("handling %s", message.type)
    handler = registry.handler_of(message, envelope.correlation_id)
    if envelope.request:
        asked = uow.inbox.get(envelope.request)
        if asked is not None:
            _again(uow, delivery, asked)
            return
        if envelope.expired(uow.now):
            _refuse_service(uow, delivery, "expired")
            return
        reqid = str(delivery.parsed.get("reqid") or "")
        subject = protocol.current().subject_of(delivery.parsed)
        uow.inbox.add(envelope, message.type[:64], reqid, subject)
    try:
        handler(uow.part_of(registry.app_of(handler)), message, envelope)
    except NotTaken as wrong:
        delivery.unreadable = wrong.detail[:400]
        _park(uow, delivery)


PASSED_ON: dict[str, Callable[[UnitOfWork, Delivery], None]] = {}
"""By queue: what becomes of a message for a platform that another site serves now. Nothing may be
written to its data; rows that are put are kept in our own platform's outbox."""


def _closed(uow: UnitOfWork, delivery: Delivery) -> None:
    """Another site serves this platform: requests are told so, what units say is passed on."""
    envelope = delivery.envelope
    metrics.RECEIVED.labels(envelope.queue).inc()
    if delivery.unreadable or delivery.message is None:
        _nack(uow, delivery, protocol.current().malformed, delivery.unreadable)
        _bury(uow, delivery)
    elif uow.serving_site and envelope.queue in PASSED_ON:
        PASSED_ON[envelope.queue](uow, delivery)
    elif envelope.request:
        refuse_as_closed(uow, delivery)
    elif not uow.serving_site:
        raise DatabaseAway("our own data is read-only for the moment: nothing is taken")


def refuse_as_closed(uow: UnitOfWork, delivery: Delivery) -> None:
    """Give the answer that was given before, or refuse and say who serves now."""
    asked = None if uow.read_only else uow.inbox.get(delivery.envelope.request)
    if asked is not None:
        _again(uow, delivery, asked)
    elif uow.serving_site:
        _refuse_service(uow, delivery, f"this platform is served at {uow.serving_site} now")
    else:
        _refuse_service(uow, delivery, "this site stops its service, or begins it again")


def _kept_at_home(closed: UnitOfWork, first_turn: bool) -> Outcome:
    """What is to be sent for data that may not be written here waits in our own outbox, in order
    with all else that goes there; where that is closed too, it is sent before it is acknowledged."""
    stored = ""
    if closed.rows and closed.platform != own_platform():
        with begin(own_platform(), first_turn=first_turn) as home:
            home.rows += closed.rows
        stored = home.database if home.is_open else ""
    return Outcome(closed.rows, closed.answers, closed.made, stored)


def _again(uow: UnitOfWork, delivery: Delivery, asked: Asked) -> None:
    """The same request again: the same answer, no second effect."""
    metrics.REPEATED.inc()
    envelope = delivery.envelope
    if asked.digest != envelope.digest:
        malformed = protocol.current().malformed
        _nack(uow, delivery, malformed, "reqid: was used for another request; choose a new one")
        return
    asked.asked_again(envelope)
    assert delivery.parsed is not None
    wire = protocol.current()
    lost = asked.waits_since_before(uow.now - PASSED_IS_ANSWERED_IN)
    if lost and uow.is_open and registry.is_passed(delivery.message):
        refused = wire.refusal(delivery.parsed, wire.no_answer, wire.no_answer_detail)
        asked.answer = dumps(to_body(refused)) if refused else None
    route = wire.default_reply_route(envelope.queue, envelope.app_id, delivery.parsed)
    exchange, key = route or ("", "")
    uow.answer_again(asked, exchange, key, envelope.via)


def _refuse_service(uow: UnitOfWork, delivery: Delivery, detail: str) -> None:
    """Refuse a request because this site does not do it now."""
    _nack(uow, delivery, protocol.current().service_stopped, detail)


def _nack(uow: UnitOfWork, delivery: Delivery, errcode: str, detail: str) -> None:
    """Refuse a request without taking it in."""
    wire, envelope = protocol.current(), delivery.envelope
    body = delivery.parsed or glance(delivery.body, wire.identifying_fields)
    refused = wire.refusal(body, errcode, detail) if body else None
    if refused is None or body is None:
        return
    route = wire.default_reply_route(envelope.queue, envelope.app_id, body)
    if envelope.origin == "http":
        uow.answers[envelope.request] = canonical(refused.body)  # type: ignore[attr-defined]
    elif envelope.reply_to:
        _refuse(uow, refused, envelope, "", envelope.reply_to)
    elif route:
        _refuse(uow, refused, envelope, *route)


def _refuse(uow: UnitOfWork, refused: Message, envelope: Envelope, exchange: str, key: str) -> None:
    """To the broker that the request lay on."""
    at = envelope.peer or envelope.via or envelope.asked_at
    about = {"correlation_id": envelope.correlation_id, "destination": at}
    uow.put(refused, exchange, key, **about)


def _park(uow: UnitOfWork, delivery: Delivery) -> None:
    """NACK where one can be made; the message itself to `mau.dead.q`, indexed by a row."""
    reason, queue = delivery.unreadable, delivery.envelope.queue
    _nack(uow, delivery, protocol.current().malformed, reason)
    if delivery.envelope.origin == "http" and delivery.message is None:
        return  # A person's slip, answered on the spot: nobody has to decide on it.
    kept = _bury(uow, delivery)
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
                kept,
                canonical(_plain(delivery)),
                naive(uow.now),
            )
        ],
    )


def _bury(uow: UnitOfWork, delivery: Delivery) -> bytes:
    """The message itself to `mau.dead.q`; as much of it as is kept."""
    reason, queue = delivery.unreadable, delivery.envelope.queue
    metrics.PARKED.labels(queue).inc()
    log.warning("parked a message of %s: %s", queue, reason)
    kept = delivery.body[:MOST_KEPT]
    headers = {"x-reason": reason, "x-source-queue": queue}
    if len(kept) < len(delivery.body):
        headers["x-bytes"] = str(len(delivery.body))
    uow.put(kept, "", protocol.current().dead_letter_queue, headers=headers)
    return kept


def _plain(delivery: Delivery) -> dict[str, Any]:
    e = delivery.envelope
    return {"correlation_id": e.correlation_id, "reply_to": e.reply_to, "app_id": e.app_id}

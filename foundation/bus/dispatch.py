"""Body -> message -> handler: a batch of deliveries becomes one transaction, or is parked.

What cannot be read is answered with the NACK of its request and goes to the dead-letter queue. A batch in
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

from foundation.bus import dead_letters, metrics, protocol, registry
from foundation.bus.envelope import Envelope
from foundation.bus.inbox import Asked
from foundation.bus.log_context import delivery_fields
from foundation.bus.message import (
    BadMessage,
    Message,
    NotTaken,
    dumps,
    loads,
    to_body,
)
from foundation.bus.outbox import Row
from foundation.bus.unit_of_work import NotProvisioned, UnitOfWork, begin
from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, store_of
from foundation.clock import next_id

log = logging.getLogger("confplatform.bus")

MOST_TRIES = 5
PASSED_IS_ANSWERED_IN = timedelta(seconds=10)
"""Whoever should answer what was passed on may have died with it: asked once more after that, it is
refused, and whoever asks knows that a new request is in order."""

READ_ONLY = 1290
SETTLES_IN = 1.0
"""Seconds that a request waits while nobody can say yet who serves it: a hand-over takes 0.2, a restart
in place 0.8."""
LOOK_AGAIN = 0.02
_changing: dict[str, float] = {}
"""By platform: since when its data here is being closed, or opened."""


@dataclass(slots=True)
class Delivery:
    """A delivery is a message as it came, with what was read of it."""

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
        except BadMessage as error:
            self.unreadable = self.unreadable or error.detail[:400]
        except Exception as error:
            log.exception("a message could not be read")
            self.unreadable = f"{type(error).__name__} while it was read"


@dataclass(slots=True)
class Outcome:
    """An outcome of a batch holds rows to publish, and answers to requests that came over HTTP."""

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
    return [_handle_or_refuse(p, some, first_turn=first_turn) for p, some in concerned.items()]


def _handle_or_refuse(
    platform: str, deliveries: Sequence[Delivery], *, first_turn: bool
) -> Outcome:
    """Do a batch on one platform's data; where a copy of another site is away, refuse its requests.

    A copy that is away holds up nobody else. Messages that are no requests are dropped: their senders repeat them.
    """
    try:
        return handle(platform, deliveries, first_turn=first_turn)
    except DatabaseAway as error:
        if platform == own_platform():
            raise
        log.warning("the data of %s is away: %s", platform, error)
    with begin(own_platform(), first_turn=first_turn) as home:
        for delivery in deliveries:
            if delivery.envelope.request:
                dead_letters.refuse_service(home, delivery, "the data of this platform is away")
    return Outcome(home.rows, home.answers, {}, home.database if home.is_open else "")


def handle(platform: str, deliveries: Sequence[Delivery], *, first_turn: bool) -> Outcome:
    """Do, refuse, pass on or park every delivery of a batch on one platform's data. Raises DatabaseAway."""
    for delivery in deliveries:
        _note_missing_handler(delivery)
    try:
        return _do_after_handover(platform, deliveries, first_turn)
    except DatabaseAway:
        raise
    except Exception:
        if len(deliveries) > 1:
            log.exception("a batch of %d failed, doing it one by one", len(deliveries))
    whole = Outcome(database=store_of(platform).database)
    for delivery in deliveries:
        one = _retry_then_park(platform, delivery, first_turn)
        whole.rows += one.rows
        whole.answers |= one.answers
        whole.made |= one.made
        whole.database = one.database
    return whole


def _note_missing_handler(delivery: Delivery) -> None:
    if delivery.message is not None and not delivery.unreadable:
        try:
            registry.handler_of(delivery.message, delivery.envelope.correlation_id)
        except BadMessage as error:
            delivery.unreadable = error.detail


def _retry_then_park(platform: str, delivery: Delivery, first_turn: bool) -> Outcome:
    """Do one delivery alone, and park it after five failures. Raises DatabaseAway."""
    for attempt in range(1, MOST_TRIES + 1):
        try:
            return _do_after_handover(platform, [delivery], first_turn)
        except DatabaseAway:
            raise
        except Exception as error:
            kind = delivery.parsed["type"] if delivery.parsed else "unreadable"
            with delivery_fields(delivery, platform):
                log.exception("%s failed (try %d of %d)", kind, attempt, MOST_TRIES)
            failure = f"handler failed {MOST_TRIES} times: {type(error).__name__}: {error}"
            time.sleep(0.02 * attempt)
    delivery.unreadable = failure[:400]
    metrics.HANDLER_FAILED.inc()
    return _do_after_handover(platform, [delivery], first_turn)


def _do_after_handover(platform: str, deliveries: Sequence[Delivery], first_turn: bool) -> Outcome:
    """Do deliveries in one transaction, after any handover of the data to or from this site has ended."""
    while (done := _try_transaction(platform, deliveries, first_turn)) is None:
        time.sleep(LOOK_AGAIN)
    return done


def _try_transaction(
    platform: str, deliveries: Sequence[Delivery], first_turn: bool
) -> Outcome | None:
    """Run the transaction, up to three times after passing errors of the database.

    `None` means that nothing was done, because the data is changing hands: try again at once.
    Raises DatabaseAway.
    """
    for attempt in range(1, 4):
        try:
            return _run_transaction(platform, deliveries, first_turn)
        except NotProvisioned as error:
            if platform == own_platform():
                raise
            raise DatabaseAway(str(error)) from error
        except (OperationalError, IntegrityError, InterfaceError) as error:
            if error.args[:1] == (READ_ONLY,) and attempt < 3:
                continue  # Closed since this transaction began: look who has it.
            if sql.is_away(error):
                raise DatabaseAway(str(error)) from error
            if not sql.is_passing(error) or attempt == 3:
                raise
    raise AssertionError("unreachable")


def _run_transaction(
    platform: str, deliveries: Sequence[Delivery], first_turn: bool
) -> Outcome | None:
    with begin(platform, first_turn=first_turn) as uow:
        waits = _waits_for_handover(platform, uow)
        if uow.is_open:
            _prepare(uow, deliveries)
        for delivery in () if waits else deliveries:
            with delivery_fields(delivery, platform):
                _handle_delivery(uow, delivery) if uow.is_open else _handle_while_closed(
                    uow, delivery
                )
    if uow.is_open:
        return Outcome(uow.rows, uow.answers, uow.made, uow.database)
    return None if waits else _store_in_own_outbox(uow, first_turn)


def _waits_for_handover(platform: str, uow: UnitOfWork) -> bool:
    """Return whether to wait: the owner's database takes no writes, as it was just closed or is about to open."""
    if not uow.is_changing:
        _changing.pop(platform, None)
        return False
    since = _changing.setdefault(platform, time.monotonic())
    return time.monotonic() - since < SETTLES_IN


def _prepare(uow: UnitOfWork, deliveries: Sequence[Delivery]) -> None:
    """Read and lock what all deliveries will need, so that the loop over them makes no query."""
    readable = [d for d in deliveries if d.message is not None and not d.unreadable]
    uow.inbox.load(d.envelope.request for d in readable)
    by_app: dict[str, list[Message]] = {}
    for delivery in readable:
        assert delivery.message is not None
        handler = registry.handler_of(delivery.message, delivery.envelope.correlation_id)
        by_app.setdefault(registry.app_of(handler), []).append(delivery.message)
    for app, messages in by_app.items():
        uow.part_of(app).prepare(messages)


def _handle_delivery(uow: UnitOfWork, delivery: Delivery) -> None:
    """Give a delivery to its handler, unless it is unreadable, late, or a request that was taken before."""
    message, envelope = delivery.message, delivery.envelope
    metrics.RECEIVED.labels(envelope.queue).inc()
    if delivery.unreadable or message is None or delivery.parsed is None:
        dead_letters.park(uow, delivery)
        return
    log.debug("handling %s", message.type)
    handler = registry.handler_of(message, envelope.correlation_id)
    if envelope.request:
        asked = uow.inbox.get(envelope.request)
        if asked is not None:
            _answer_again(uow, delivery, asked)
            return
        if envelope.expired(uow.now):
            dead_letters.refuse_service(uow, delivery, "expired")
            return
        reqid = str(delivery.parsed.get("reqid") or "")
        subject = protocol.current().subject_of(delivery.parsed)
        uow.inbox.add(envelope, message.type[:64], reqid, subject)
    try:
        handler(uow.part_of(registry.app_of(handler)), message, envelope)
    except NotTaken as error:
        delivery.unreadable = error.detail[:400]
        dead_letters.park(uow, delivery)


PASSED_ON: dict[str, Callable[[UnitOfWork, Delivery], None]] = {}
"""By queue: what becomes of a message for a platform that another site serves now. Nothing may be
written to its data; rows that are put are kept in our own platform's outbox."""


def _handle_while_closed(uow: UnitOfWork, delivery: Delivery) -> None:
    """Refuse or pass on a delivery whose platform another site serves. Raises DatabaseAway."""
    envelope = delivery.envelope
    metrics.RECEIVED.labels(envelope.queue).inc()
    if delivery.unreadable or delivery.message is None:
        dead_letters.refuse(uow, delivery, protocol.current().malformed, delivery.unreadable)
        dead_letters.send_to_dead_letters(uow, delivery)
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
        _answer_again(uow, delivery, asked)
    elif uow.serving_site:
        dead_letters.refuse_service(
            uow, delivery, f"this platform is served at {uow.serving_site} now"
        )
    else:
        dead_letters.refuse_service(
            uow, delivery, "this site stops its service, or begins it again"
        )


def _store_in_own_outbox(closed: UnitOfWork, first_turn: bool) -> Outcome:
    """Store the rows that were staged on data that is closed here in the outbox of our own platform.

    There they wait in order with all other rows. Where that outbox is closed too, the consumer sends the rows
    before it acknowledges the deliveries.
    """
    stored = ""
    if closed.rows and closed.platform != own_platform():
        with begin(own_platform(), first_turn=first_turn) as home:
            home.rows += closed.rows
        stored = home.database if home.is_open else ""
    return Outcome(closed.rows, closed.answers, closed.made, stored)


def _answer_again(uow: UnitOfWork, delivery: Delivery, asked: Asked) -> None:
    """Answer a repeated request as before, without a second effect."""
    metrics.REPEATED.inc()
    envelope = delivery.envelope
    if asked.digest != envelope.digest:
        malformed = protocol.current().malformed
        dead_letters.refuse(
            uow, delivery, malformed, "reqid: was used for another request; choose a new one"
        )
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

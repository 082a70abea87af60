"""Body -> message -> handler: a batch of deliveries becomes one transaction, or is parked.

What cannot be read is answered with the NACK of its request and goes to the dead-letter queue. A batch in
which one handler fails is done again message by message; what fails five times is parked too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import reduce

from django.db import IntegrityError, InterfaceError, OperationalError

from foundation.bus import dead_letters, gate, idempotency, metrics, partition, protocol, registry
from foundation.bus.delivery import DatabaseAway, Delivery, Outcome
from foundation.bus.log_context import delivery_fields
from foundation.bus.message import (
    BadMessage,
    Message,
    NotTaken,
)
from foundation.bus.retry import AT_ONCE, MOST_TRIES, RetriedBatch, run_with_retries
from foundation.bus.unit_of_work import NotProvisioned, UnitOfWork, begin
from foundation.cells import sql
from foundation.cells.directory import own_platform

log = logging.getLogger("confplatform.bus")

READ_ONLY = 1290
LOOK_AGAIN = 0.02
_DATABASE_ERRORS = (OperationalError, IntegrityError, InterfaceError)


def handle_batch(deliveries: Sequence[Delivery], *, publish_inline: bool) -> list[Outcome]:
    """Handle a batch on the data of all platforms that it concerns. Raises DatabaseAway."""
    return [
        _handle_or_refuse(platform, concerned, publish_inline=publish_inline)
        for platform, concerned in partition.by_platform(deliveries).items()
    ]


def _handle_or_refuse(
    platform: str, deliveries: Sequence[Delivery], *, publish_inline: bool
) -> Outcome:
    """Do a batch on one platform's data; where a copy of another site is away, refuse its requests.

    A copy that is away holds up nobody else. Messages that are no requests are dropped: their senders repeat them.
    """
    try:
        return handle(platform, deliveries, publish_inline=publish_inline)
    except DatabaseAway as error:
        if platform == own_platform():
            raise
        log.warning("the data of %s is away: %s", platform, error)
    with begin(own_platform(), publish_inline=publish_inline) as home:
        for delivery in deliveries:
            if delivery.envelope.request:
                dead_letters.refuse_service(home, delivery, "the data of this platform is away")
    return Outcome(home.rows, home.answers, {}, home.database if home.is_open else "")


def handle(platform: str, deliveries: Sequence[Delivery], *, publish_inline: bool) -> Outcome:
    """Do, refuse, pass on or park every delivery of a batch on one platform's data. Raises DatabaseAway."""
    for delivery in deliveries:
        _note_missing_handler(delivery)
    return reduce(_joined, _DeliveryBatch(platform, publish_inline).run_batch(deliveries))


def _joined(outcome: Outcome, following: Outcome) -> Outcome:
    outcome.rows += following.rows
    outcome.answers |= following.answers
    outcome.created_conferences |= following.created_conferences
    outcome.database = following.database
    return outcome


def _note_missing_handler(delivery: Delivery) -> None:
    if delivery.message is not None and not delivery.unreadable:
        try:
            registry.handler_of(delivery.message, delivery.envelope.correlation_id)
        except BadMessage as error:
            delivery.unreadable = error.detail


class _DeliveryBatch(RetriedBatch[Delivery, Outcome]):
    """A batch of deliveries is done on one platform's data; what cannot be done goes to the dead letters."""

    pauses = tuple(0.02 * attempt for attempt in range(1, MOST_TRIES + 1))
    unavailable = (DatabaseAway,)

    def __init__(self, platform: str, publish_inline: bool) -> None:
        self._platform, self._publish_inline = platform, publish_inline

    def run(self, items: Sequence[Delivery]) -> Outcome:
        return _do_after_handover(self._platform, items, self._publish_inline)

    def park(self, item: Delivery, error: Exception) -> Outcome:
        failure = f"handler failed {MOST_TRIES} times: {type(error).__name__}: {error}"
        item.unreadable = failure[:400]
        metrics.HANDLER_FAILED.inc()
        return self.run([item])

    def log_failed_batch(self, items: Sequence[Delivery], error: Exception) -> None:
        if len(items) > 1:
            log.error("a batch of %d failed, doing it one by one", len(items), exc_info=error)

    def log_failed_try(self, item: Delivery, attempt: int, error: Exception) -> None:
        kind = item.parsed["type"] if item.parsed else "unreadable"
        with delivery_fields(item, self._platform):
            log.error("%s failed (try %d of %d)", kind, attempt, MOST_TRIES, exc_info=error)


def _do_after_handover(
    platform: str, deliveries: Sequence[Delivery], publish_inline: bool
) -> Outcome:
    """Do deliveries in one transaction, after any handover of the data to or from this site has ended."""
    while (outcome := _try_transaction(platform, deliveries, publish_inline)) is None:
        time.sleep(LOOK_AGAIN)
    return outcome


def _try_transaction(
    platform: str, deliveries: Sequence[Delivery], publish_inline: bool
) -> Outcome | None:
    """Run the transaction, up to three times after passing errors of the database.

    `None` means that nothing was done, because the data is changing hands: try again at once.
    Raises DatabaseAway.
    """
    try:
        return run_with_retries(
            lambda: _run_transaction(platform, deliveries, publish_inline), AT_ONCE, _may_pass
        )
    except NotProvisioned as error:
        if platform == own_platform():
            raise
        raise DatabaseAway(str(error)) from error
    except _DATABASE_ERRORS as error:
        if sql.is_away(error):
            raise DatabaseAway(str(error)) from error
        raise


def _may_pass(error: Exception) -> bool:
    """Return whether the same transaction may succeed at once."""
    if not isinstance(error, _DATABASE_ERRORS):
        return False
    if error.args[:1] == (READ_ONLY,):
        return True  # Closed since this transaction began: look who has it.
    return sql.is_passing(error) and not sql.is_away(error)


def _run_transaction(
    platform: str, deliveries: Sequence[Delivery], publish_inline: bool
) -> Outcome | None:
    with begin(platform, publish_inline=publish_inline) as uow:
        waits = gate.waits_for_handover(platform, uow)
        if uow.is_open:
            _prepare(uow, deliveries)
        for delivery in () if waits else deliveries:
            with delivery_fields(delivery, platform):
                _handle_delivery(uow, delivery) if uow.is_open else gate.handle_while_closed(
                    uow, delivery
                )
    if uow.is_open:
        return Outcome(uow.rows, uow.answers, uow.created_conferences, uow.database)
    return None if waits else gate.store_in_own_outbox(uow, publish_inline)


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
        earlier = uow.inbox.get(envelope.request)
        if earlier is not None:
            idempotency.answer_again(uow, delivery, earlier)
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

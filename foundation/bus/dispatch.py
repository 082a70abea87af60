"""The dispatcher gives each message of a batch to its handler, all in one transaction.

A message that cannot be read is refused, if it is a request, and parked (stored for a decision of operators). If a
handler fails, the transaction is rolled back and the messages are handled one by one; a message that fails five times
is parked too.
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
from foundation.bus.retry import AT_ONCE, MAX_TRIES, RetriedBatch, run_with_retries
from foundation.bus.unit_of_work import NotProvisioned, UnitOfWork, begin
from foundation.cells import sql
from foundation.cells.directory import own_platform

log = logging.getLogger("confplatform.bus")

READ_ONLY = 1290
"""MariaDB's error number of a write to a database that is read-only."""

HANDOVER_POLL_SECONDS = 0.02
_DATABASE_ERRORS = (OperationalError, IntegrityError, InterfaceError)


def handle_batch(deliveries: Sequence[Delivery], *, publish_inline: bool) -> list[Outcome]:
    """Handle a batch, in one transaction for each platform whose data it concerns. Raises DatabaseAway.

    `publish_inline`: the caller publishes the resulting messages itself, so relays (threads that send messages) leave
    them for some seconds. Returns the outcome (messages to send, answers) of each transaction.
    """
    return [
        _handle_or_refuse(platform, concerned, publish_inline=publish_inline)
        for platform, concerned in partition.by_platform(deliveries).items()
    ]


def _handle_or_refuse(
    platform: str, deliveries: Sequence[Delivery], *, publish_inline: bool
) -> Outcome:
    """Handle a batch of messages on one platform's data, and return the outcome (messages to send, answers).

    If the data of another platform, whose copy lies here, is unavailable, its requests are refused, and its other
    messages dropped, since their senders repeat them: it must hold up no messages for other platforms. Raises
    DatabaseAway if our own platform's data is unavailable.
    """
    try:
        return handle_for_platform(platform, deliveries, publish_inline=publish_inline)
    except DatabaseAway as error:
        if platform == own_platform():
            raise
        log.warning("the data of %s is away: %s", platform, error)
    with begin(own_platform(), publish_inline=publish_inline) as own_uow:
        for delivery in deliveries:
            if delivery.envelope.request:
                dead_letters.stage_service_refusal(
                    own_uow, delivery, "the data of this platform is away"
                )
    return Outcome(own_uow.rows, own_uow.answers, {}, own_uow.database if own_uow.is_open else "")


def handle_for_platform(
    platform: str, deliveries: Sequence[Delivery], *, publish_inline: bool
) -> Outcome:
    """Handle a batch of messages that all concern one platform's data; return the outcome (messages to send, answers).

    Each message is given to its handler, refused, forwarded to the site that serves the platform, or parked (stored for
    a decision of operators). `publish_inline`: the caller publishes the messages itself. Raises DatabaseAway if nothing
    could be done.
    """
    for delivery in deliveries:
        _note_missing_handler(delivery)
    return reduce(_add_outcome, _DeliveryBatch(platform, publish_inline).run_batch(deliveries))


def _add_outcome(outcome: Outcome, following: Outcome) -> Outcome:
    """Add the messages and answers of the following outcome to the first one, and return that."""
    outcome.rows += following.rows
    outcome.answers |= following.answers
    outcome.created_conferences |= following.created_conferences
    outcome.database = following.database
    return outcome


def _note_missing_handler(delivery: Delivery) -> None:
    """Mark a delivery as unreadable, with the reason, if no handler is registered for its message."""
    if delivery.message is not None and not delivery.unreadable:
        try:
            registry.handler_of(delivery.message, delivery.envelope.correlation_id)
        except BadMessage as error:
            delivery.unreadable = error.detail


class _DeliveryBatch(RetriedBatch[Delivery, Outcome]):
    """A batch of messages for one platform's data: handled together, or else one by one; what always fails is parked.

    Parked means stored for a decision of operators.
    """

    pauses = tuple(0.02 * attempt for attempt in range(1, MAX_TRIES + 1))
    unavailable = (DatabaseAway,)

    def __init__(self, platform: str, publish_inline: bool) -> None:
        """Handle deliveries on the data of `platform`; see `handle_batch` for `publish_inline`."""
        self._platform, self._publish_inline = platform, publish_inline

    def run(self, items: Sequence[Delivery]) -> Outcome:
        """Handle these messages in one transaction, all or none, and return what is to be published."""
        return _do_after_handover(self._platform, items, self._publish_inline)

    def park(self, item: Delivery, error: Exception) -> Outcome:
        """Store a message that failed at every try for a decision of operators, with its last error as the reason.

        Returns the outcome of storing it.
        """
        failure = f"handler failed {MAX_TRIES} times: {type(error).__name__}: {error}"
        item.unreadable = failure[:400]
        metrics.HANDLER_FAILED.inc()
        return self.run([item])

    def log_failed_batch(self, items: Sequence[Delivery], error: Exception) -> None:
        """Log that a batch failed, before its messages are handled one by one."""
        if len(items) > 1:
            log.error("a batch of %d failed, doing it one by one", len(items), exc_info=error)

    def log_failed_try(self, item: Delivery, attempt: int, error: Exception) -> None:
        """Log that a message failed, with its type and the number of tries."""
        kind = item.parsed["type"] if item.parsed else "unreadable"
        with delivery_fields(item, self._platform):
            log.error("%s failed (try %d of %d)", kind, attempt, MAX_TRIES, exc_info=error)


def _do_after_handover(
    platform: str, deliveries: Sequence[Delivery], publish_inline: bool
) -> Outcome:
    """Handle deliveries in one transaction. While the data is handed over to or from another site, try again.

    Returns the outcome.
    """
    while (outcome := _try_transaction(platform, deliveries, publish_inline)) is None:
        time.sleep(HANDOVER_POLL_SECONDS)
    return outcome


def _try_transaction(
    platform: str, deliveries: Sequence[Delivery], publish_inline: bool
) -> Outcome | None:
    """Handle messages in one transaction, up to three times if errors are temporary; return the outcome.

    `None` means that nothing was done, because the data is being handed over to or from this site: try again. Raises
    DatabaseAway if the database cannot be used now; the broker then delivers the messages again.
    """
    try:
        return run_with_retries(
            lambda: _run_transaction(platform, deliveries, publish_inline),
            AT_ONCE,
            _may_succeed_at_once,
        )
    except NotProvisioned as error:
        if platform == own_platform():
            raise
        raise DatabaseAway(str(error)) from error
    except _DATABASE_ERRORS as error:
        # A lock that outlasts all tries is nobody's fault: nothing is parked, all is redelivered.
        if sql.is_away(error) or sql.is_locked(error):
            raise DatabaseAway(str(error)) from error
        raise


def _may_succeed_at_once(error: Exception) -> bool:
    """Return whether the transaction may succeed if it is run again at once after this error."""
    if not isinstance(error, _DATABASE_ERRORS):
        return False
    if error.args[:1] == (READ_ONLY,):
        # The data was closed after the transaction began: the next one reads who owns it.
        return True
    return sql.is_temporary(error) and not sql.is_away(error)


def _run_transaction(
    platform: str, deliveries: Sequence[Delivery], publish_inline: bool
) -> Outcome | None:
    """Handle messages in one transaction on a platform's data, or forward or refuse them if another site serves it.

    Returns the outcome; `None` means that nothing was done, because the data is being handed over between sites.
    """
    with begin(platform, publish_inline=publish_inline) as uow:
        must_wait = gate.waits_for_handover(platform, uow)
        if uow.is_open:
            _lock_needed_rows(uow, deliveries)
        for delivery in () if must_wait else deliveries:
            with delivery_fields(delivery, platform):
                _handle_delivery(uow, delivery) if uow.is_open else gate.handle_while_closed(
                    uow, delivery
                )
    if uow.is_open:
        return Outcome(uow.rows, uow.answers, uow.created_conferences, uow.database)
    return None if must_wait else gate.store_in_own_outbox(uow, publish_inline)


def _lock_needed_rows(uow: UnitOfWork, deliveries: Sequence[Delivery]) -> None:
    """Read and lock the rows that all deliveries will need, so that handling each of them makes no query."""
    readable = [
        delivery
        for delivery in deliveries
        if delivery.message is not None and not delivery.unreadable
    ]
    uow.inbox.lock_requests(delivery.envelope.request for delivery in readable)
    messages_of_apps: dict[str, list[Message]] = {}
    for delivery in readable:
        assert delivery.message is not None
        handler = registry.handler_of(delivery.message, delivery.envelope.correlation_id)
        messages_of_apps.setdefault(registry.app_of(handler), []).append(delivery.message)
    for app, messages in messages_of_apps.items():
        uow.part_of(app).prepare(messages)


def _handle_delivery(uow: UnitOfWork, delivery: Delivery) -> None:
    """Give a received message to its handler, in the transaction `uow`.

    One that cannot be read or is not accepted is parked (stored for operators), a request that came too late is
    refused, and one that was handled before gets its answer again.
    """
    message, envelope = delivery.message, delivery.envelope
    metrics.RECEIVED.labels(envelope.queue).inc()
    if delivery.unreadable or message is None or delivery.parsed is None:
        dead_letters.park_message(uow, delivery)
        return
    log.debug("handling %s", message.type)
    handler = registry.handler_of(message, envelope.correlation_id)
    if envelope.request:
        earlier_request = uow.inbox.find_request(envelope.request)
        if earlier_request is not None:
            idempotency.answer_again(uow, delivery, earlier_request)
            return
        if envelope.is_expired(uow.now):
            dead_letters.stage_service_refusal(uow, delivery, "expired")
            return
        reqid = str(delivery.parsed.get("reqid") or "")
        subject = protocol.current().subject_of(delivery.parsed)
        uow.inbox.add_request(envelope, message.type[:64], reqid, subject)
    try:
        handler(uow.part_of(registry.app_of(handler)), message, envelope)
    except NotTaken as error:
        delivery.unreadable = error.detail[:400]
        dead_letters.park_message(uow, delivery)

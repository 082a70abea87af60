"""The gate decides what happens to messages for a platform that this site does not serve at the moment.

The data of a platform lies at two sites, of which one serves it: only that one may write.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from foundation.bus import dead_letters, idempotency, metrics, protocol
from foundation.bus.delivery import DatabaseAway, Delivery, Outcome
from foundation.bus.unit_of_work import UnitOfWork, begin
from foundation.cells.directory import own_platform

MAX_WAIT_SECONDS = 1.0
"""Messages wait this long while a platform's data is handed over to or from this site: a hand-over takes 0.2 seconds, a
restart of the database 0.8."""
_changing_since: dict[str, float] = {}
"""Platform -> monotonic time since when its data here is being closed or opened."""


def waits_for_handover(platform: str, uow: UnitOfWork) -> bool:
    """Return whether messages have to wait, because the platform's data is just being closed or opened at this site.

    They wait at most MAX_WAIT_SECONDS.
    """
    if not uow.is_changing:
        _changing_since.pop(platform, None)
        return False
    since = _changing_since.setdefault(platform, time.monotonic())
    return time.monotonic() - since < MAX_WAIT_SECONDS


PASSED_ON: dict[str, Callable[[UnitOfWork, Delivery], None]] = {}
"""Queue -> handler of its messages for a platform that another site serves now, for instance to forward them. It may
not write to that platform's data; the messages that it stages are stored in our own platform's outbox."""


def handle_while_closed(uow: UnitOfWork, delivery: Delivery) -> None:
    """Forward or refuse a message for a platform that this site does not serve now.

    Raises DatabaseAway if the message can only be handled later.
    """
    envelope = delivery.envelope
    metrics.RECEIVED.labels(envelope.queue).inc()
    if delivery.unreadable or delivery.message is None:
        dead_letters.stage_refusal(uow, delivery, protocol.current().malformed, delivery.unreadable)
        dead_letters.send_to_dead_letters(uow, delivery)
    elif uow.serving_site and envelope.queue in PASSED_ON:
        PASSED_ON[envelope.queue](uow, delivery)
    elif envelope.request:
        refuse_as_closed(uow, delivery)
    elif not uow.serving_site:
        raise DatabaseAway("our own data is read-only for the moment: nothing is taken")


def refuse_as_closed(uow: UnitOfWork, delivery: Delivery) -> None:
    """Answer a repeated request as before; refuse any other one and say which site serves the platform.

    While the database takes no writes (`read_only`), a repeated request is refused, too.
    """
    request = None if uow.read_only else uow.inbox.find_request(delivery.envelope.request)
    if request is not None:
        idempotency.answer_again(uow, delivery, request)
    elif uow.serving_site:
        dead_letters.stage_service_refusal(
            uow, delivery, f"this platform is served at {uow.serving_site} now"
        )
    else:
        dead_letters.stage_service_refusal(
            uow, delivery, "this site stops its service, or begins it again"
        )


def store_in_own_outbox(closed: UnitOfWork, publish_inline: bool) -> Outcome:
    """Store the messages of a transaction that may not write (`closed`) in our own platform's outbox instead.

    The outbox is the table of messages to send, in order. If ours must not be written to either, the outcome names no
    database, and the consumer publishes the messages before it acknowledges the deliveries. Returns that outcome.
    """
    database = ""
    if closed.rows and closed.platform != own_platform():
        with begin(own_platform(), publish_inline=publish_inline) as own:
            own.rows += closed.rows
        database = own.database if own.is_open else ""
    return Outcome(closed.rows, closed.answers, closed.created_conferences, database)

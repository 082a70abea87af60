"""The gate says whether a platform's data is open here, and what becomes of messages where it is not."""

from __future__ import annotations

import time
from collections.abc import Callable

from foundation.bus import dead_letters, idempotency, metrics, protocol
from foundation.bus.delivery import DatabaseAway, Delivery, Outcome
from foundation.bus.unit_of_work import UnitOfWork, begin
from foundation.cells.directory import own_platform

SETTLES_IN = 1.0
"""Seconds that a request waits while it is open which site serves the platform: a hand-over takes 0.2, a
restart in place 0.8."""
_changing: dict[str, float] = {}
"""The moment since when a platform's data here is being closed or opened, by platform."""


def waits_for_handover(platform: str, uow: UnitOfWork) -> bool:
    """Return whether to wait: the owner's database takes no writes, as it was just closed or is about to open."""
    if not uow.is_changing:
        _changing.pop(platform, None)
        return False
    since = _changing.setdefault(platform, time.monotonic())
    return time.monotonic() - since < SETTLES_IN


PASSED_ON: dict[str, Callable[[UnitOfWork, Delivery], None]] = {}
"""The handlers, by queue, of messages for a platform that another site serves now. They may write nothing to
its data; the rows that they stage are stored in our own platform's outbox."""


def handle_while_closed(uow: UnitOfWork, delivery: Delivery) -> None:
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
    request = None if uow.read_only else uow.inbox.get(delivery.envelope.request)
    if request is not None:
        idempotency.answer_again(uow, delivery, request)
    elif uow.serving_site:
        dead_letters.refuse_service(
            uow, delivery, f"this platform is served at {uow.serving_site} now"
        )
    else:
        dead_letters.refuse_service(
            uow, delivery, "this site stops its service, or begins it again"
        )


def store_in_own_outbox(closed: UnitOfWork, publish_inline: bool) -> Outcome:
    """Store the rows that were staged on data that is closed here in the outbox of our own platform.

    There they wait in order with all other rows. Where that outbox is closed too, the consumer sends the rows
    before it acknowledges the deliveries.
    """
    stored = ""
    if closed.rows and closed.platform != own_platform():
        with begin(own_platform(), publish_inline=publish_inline) as home:
            home.rows += closed.rows
        stored = home.database if home.is_open else ""
    return Outcome(closed.rows, closed.answers, closed.created_conferences, stored)

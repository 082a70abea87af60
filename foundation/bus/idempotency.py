"""A request that comes again gets the same answer, and has no second effect."""

from __future__ import annotations

from datetime import timedelta

from foundation.bus import dead_letters, metrics, protocol, registry
from foundation.bus.delivery import Delivery
from foundation.bus.inbox import InboxRequest
from foundation.bus.message import dumps, to_body
from foundation.bus.unit_of_work import UnitOfWork

PASSED_IS_ANSWERED_IN = timedelta(seconds=10)
"""The party that should answer a request which was passed on may have died with it. A request that is repeated
after this time is refused, so that its sender knows that a new request is in order."""


def answer_again(uow: UnitOfWork, delivery: Delivery, request: InboxRequest) -> None:
    """Answer a repeated request as before, without a second effect."""
    metrics.REPEATED.inc()
    envelope = delivery.envelope
    if request.digest != envelope.digest:
        malformed = protocol.current().malformed
        dead_letters.refuse(
            uow, delivery, malformed, "reqid: was used for another request; choose a new one"
        )
        return
    request.repeat(envelope)
    assert delivery.parsed is not None
    wire = protocol.current()
    lost = request.waits_since_before(uow.now - PASSED_IS_ANSWERED_IN)
    if lost and uow.is_open and registry.is_passed(delivery.message):
        refused = wire.refusal(delivery.parsed, wire.no_answer, wire.no_answer_detail)
        request.answer = dumps(to_body(refused)) if refused else None
    route = wire.default_reply_route(envelope.queue, envelope.app_id, delivery.parsed)
    exchange, key = route or ("", "")
    uow.answer_again(request, exchange, key, envelope.via)

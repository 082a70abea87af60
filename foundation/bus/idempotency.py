"""A request that comes again gets the same answer, and has no second effect."""

from __future__ import annotations

from datetime import timedelta

from foundation.bus import dead_letters, metrics, protocol, registry
from foundation.bus.delivery import Delivery
from foundation.bus.inbox import InboxRequest
from foundation.bus.message import dumps, to_body
from foundation.bus.unit_of_work import UnitOfWork

FORWARDED_ANSWER_WAIT = timedelta(seconds=10)
"""Some requests are forwarded to another party, which answers them. It may have died before it did. A request that is
repeated after this time is refused, so that its sender can send a new request."""


def answer_again(uow: UnitOfWork, delivery: Delivery, request: InboxRequest) -> None:
    """Stage the answer that a repeated request has had before. `request` is its row in the inbox.

    A request that reuses the id of another one is refused, and so is one whose forwarded copy got no answer in time.
    The inbox is the table of received requests.
    """
    metrics.REPEATED.inc()
    envelope = delivery.envelope
    if request.digest != envelope.digest:
        malformed = protocol.current().malformed
        dead_letters.stage_refusal(
            uow, delivery, malformed, "reqid: was used for another request; choose a new one"
        )
        return
    request.repeat(envelope)
    assert delivery.parsed is not None
    wire_protocol = protocol.current()
    is_lost = request.is_unanswered_since(uow.now - FORWARDED_ANSWER_WAIT)
    if is_lost and uow.is_open and registry.is_passed_on(delivery.message):
        refusal = wire_protocol.refusal(
            delivery.parsed, wire_protocol.no_answer, wire_protocol.no_answer_detail
        )
        request.answer = dumps(to_body(refusal)) if refusal else None
    route = wire_protocol.default_reply_route(envelope.queue, envelope.app_id, delivery.parsed)
    exchange, key = route or ("", "")
    uow.stage_stored_answer(request, exchange, key, envelope.via)

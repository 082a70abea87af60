"""Our own conference manager (CM) answers the scheduler (CSS) at sites without another manager (CSS §5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from conferences.rules.rename import decide_as_cm
from foundation import clock
from foundation.bus import outbox
from foundation.bus.delivery import Delivery, Outcome
from foundation.bus.dispatch import handle_for_platform
from foundation.bus.log_context import delivery_fields
from foundation.bus.message import BadMessage, from_body
from foundation.cells.directory import own_platform
from wire.conference_manager import AskToRename


def handle_batch(platform: str, deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Answer the scheduler's questions whether a conference may take a new name; ignore its other messages.

    `deliveries`: messages that came to this site's conference manager (CM). Returns the outcomes: one with the
    answers to send, and, if messages were unreadable, one that sets them aside.
    """
    answers, unreadable = [], []
    for delivery in deliveries:
        if delivery.parsed is None:
            unreadable.append(delivery)
        elif delivery.parsed["type"] == AskToRename.wire_type:
            try:
                answer = decide_as_cm(from_body(AskToRename, delivery.parsed))
            except BadMessage as error:
                delivery.unreadable = error.detail
                unreadable.append(delivery)
                continue
            route = answer.route.value
            sender = f"cm@{own_platform()}"
            with delivery_fields(delivery):
                row = outbox.new_row(answer.message, route.exchange, route.key, clock.now(), sender)
            answers.append(row)
    return [
        Outcome(answers),
        *([handle_for_platform(platform, unreadable, publish_inline=True)] if unreadable else []),
    ]

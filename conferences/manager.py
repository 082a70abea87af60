"""Our own CM role: answers CSS where no third party's conference manager does (CSS §5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from conferences.decisions.rename import decide_as_cm
from conferences.messages.cm import MayRename
from confplatform import clock
from confplatform.bus import outbox
from confplatform.bus.dispatch import Delivery, Outcome, handle
from confplatform.bus.message import BadMessage, from_body
from confplatform.stores.directory import own_platform


def take(platform: str, deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Answer CSS' questions; its answers and notices to other managers need nothing done."""
    rows, bad = [], []
    for delivery in deliveries:
        if delivery.parsed is None:
            bad.append(delivery)
        elif delivery.parsed["type"] == MayRename.wire_type:
            try:
                sent = decide_as_cm(from_body(MayRename, delivery.parsed))
            except BadMessage as wrong:
                delivery.unreadable = wrong.detail
                bad.append(delivery)
                continue
            route = sent.route.value
            sender = f"cm@{own_platform()}"
            rows.append(outbox.row(sent.message, route.exchange, route.key, clock.now(), sender))
    return [Outcome(rows), *([handle(platform, bad, first_turn=True)] if bad else [])]

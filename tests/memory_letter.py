"""A letter is a message on its way between memory sites, units and clients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from foundation.bus.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter holds the body of a message and its AMQP properties."""

    body: bytes
    exchange: str
    key: str
    app_id: str = ""
    correlation_id: str = ""
    reply_to: str = ""
    expires_ms: int = 0
    sent_at: datetime | None = None
    message_id: str = ""
    destination: str = ""
    """The site on whose broker the letter is published; empty means the sender's own."""
    via: str = ""
    asked_at: str = ""


def envelope_of(letter: Letter, queue: str) -> Envelope:
    """Return the envelope of a letter."""
    return Envelope(
        queue=queue,
        app_id=letter.app_id,
        correlation_id=letter.correlation_id,
        reply_to=letter.reply_to,
        sent_at=letter.sent_at,
        message_id=letter.message_id,
        via=letter.via,
        asked_at=letter.asked_at,
    )


@dataclass(slots=True)
class InboxRequest:
    """A request in the inbox, with its answer."""

    key: str
    wire_type: str
    digest: str
    reqid: str
    e164: str
    reply_to: str
    correlation_id: str
    answer: bytes | None = None

"""An envelope says who sent a message, when, and where its answer goes. Its functions are pure."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from foundation.bus import protocol
from foundation.bus.message import canonical
from foundation.logs import REQUEST_ID_HEADER, sane_id

EXPIRES_AFTER_SECONDS = 60
"""Seconds after which a request is refused, so that nothing is done hours after its sender has given up."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An envelope holds the AMQP properties of one delivery, and values that are derived from them.

    `request` is the key of a request in the inbox (the table of received requests); "" means that the message is no
    request. `digest` is the hash of its content. `origin` is "mq" or "http". `peer` is the platform from whose broker
    the message came; "" means our own.
    """

    queue: str
    app_id: str = ""
    message_id: str = ""
    correlation_id: str = ""
    reply_to: str = ""
    sent_at: datetime | None = None
    redelivered: bool = False
    origin: str = "mq"
    peer: str = ""
    request: str = ""
    digest: str = ""
    via: str = ""
    """The site that received the message and forwarded it to this one; "" means that this site received it."""
    request_id: str = ""
    """The id under which log lines of all sites and units name the request that caused the message."""
    asked_at: str = ""
    """The site on whose broker the answer is published; "" means this site."""

    def is_expired(self, now: datetime) -> bool:
        """Return whether the message was sent over EXPIRES_AFTER_SECONDS ago; `False` if it does not say when."""
        return (
            self.sent_at is not None
            and (now - self.sent_at).total_seconds() > EXPIRES_AFTER_SECONDS
        )

    def with_request_key(self, body: dict[str, Any], unique_key: str = "") -> Envelope:
        """Return the envelope with the inbox key and digest of a request; unchanged if the body is no request.

        Requests with the same type, scope and id have the same key. `unique_key` is for a request without any id: it
        can be answered, but not recognized when it is repeated. The inbox is the table of received requests.
        """
        scope = protocol.current().request_scope(body)
        if scope is None:
            return self
        reqid = body.get("reqid")
        if isinstance(reqid, str) and reqid:
            parts = (body["type"], scope, reqid)
        elif self.message_id:
            parts = (body["type"], self.app_id, self.message_id)
        else:
            return msgspec.structs.replace(self, request=unique_key)
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        digest = hashlib.sha256(canonical(body)).hexdigest()[:32]
        return msgspec.structs.replace(self, request=key, digest=digest)


def envelope_of_amqp(
    queue: str, properties: dict[str, Any], redelivered: bool, peer: str = ""
) -> Envelope:
    """Return the envelope of a message from an AMQP queue. Properties of a wrong type count as missing.

    `peer` is the platform from whose broker the message came; "" means our own.
    """
    sent_at, headers = properties.get("timestamp"), properties.get("application_headers")
    headers = headers if isinstance(headers, dict) else {}
    if isinstance(sent_at, int | float):
        # A number of seconds beyond the year 2242 is a mistake; much greater ones would raise.
        sent_at = datetime.fromtimestamp(sent_at, UTC) if 0 < sent_at < 2**33 else None
    if isinstance(sent_at, datetime) and sent_at.tzinfo is None:
        sent_at = sent_at.replace(tzinfo=UTC)
    return Envelope(
        queue=queue,
        app_id=_short_text(properties.get("app_id")),
        message_id=_short_text(properties.get("message_id")),
        correlation_id=_short_text(properties.get("correlation_id")),
        reply_to=_short_text(properties.get("reply_to")),
        sent_at=sent_at if isinstance(sent_at, datetime) else None,
        redelivered=redelivered,
        peer=peer,
        via=_short_text(headers.get("x-via")),
        asked_at=_short_text(headers.get("x-origin")),
        request_id=sane_id(headers.get(REQUEST_ID_HEADER)),
    )


def _short_text(value: object) -> str:
    """Return an AMQP property as text of at most 255 characters, "" if it is no text; invalid UTF-8 is replaced."""
    return value[:255].encode("utf-8", "replace").decode() if isinstance(value, str) else ""

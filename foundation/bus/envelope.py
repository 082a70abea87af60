"""An envelope says who sent a message, when, and where its answer goes. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from foundation.bus import protocol
from foundation.bus.message import canonical
from foundation.logs import REQUEST_ID_HEADER, sane_id

EXPIRES_AFTER = 60
"""Seconds after which a request is refused: nothing starts hours late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The properties of one delivery. `request` is its key in the inbox, where it is a request;
    `peer` the platform on whose broker it lay, empty: on our own."""

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
    """The site that heard it and passed it on; empty: it was heard here."""
    request_id: str = ""
    """The id under which log lines of all sites and units name the request that caused the message."""
    asked_at: str = ""
    """The site whose broker its answer returns to; empty: this one."""

    def expired(self, now: datetime) -> bool:
        """Return whether the message was sent too long ago to be still done."""
        return self.sent_at is not None and (now - self.sent_at).total_seconds() > EXPIRES_AFTER

    def addressed(self, body: dict[str, Any], alone: str = "") -> Envelope:
        """The envelope of a request, with its key: same type, scope and id are the same request.

        `alone` is the key of one that has no id at all: it can be answered, but not known again.
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
            return replace(self, request=alone)
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        digest = hashlib.sha256(canonical(body)).hexdigest()[:32]
        return replace(self, request=key, digest=digest)


def of_amqp(queue: str, properties: dict[str, Any], redelivered: bool) -> Envelope:
    """The envelope of an AMQP delivery; properties of a wrong kind count as absent."""
    sent, headers = properties.get("timestamp"), properties.get("application_headers")
    headers = headers if isinstance(headers, dict) else {}
    if isinstance(sent, int | float):
        sent = datetime.fromtimestamp(sent, UTC) if 0 < sent < 2**33 else None
    if isinstance(sent, datetime) and sent.tzinfo is None:
        sent = sent.replace(tzinfo=UTC)
    return Envelope(
        queue=queue,
        app_id=_short(properties.get("app_id")),
        message_id=_short(properties.get("message_id")),
        correlation_id=_short(properties.get("correlation_id")),
        reply_to=_short(properties.get("reply_to")),
        sent_at=sent if isinstance(sent, datetime) else None,
        redelivered=redelivered,
        via=_short(headers.get("x-via")),
        asked_at=_short(headers.get("x-origin")),
        request_id=sane_id(headers.get(REQUEST_ID_HEADER)),
    )


def _short(value: Any) -> str:
    """A property as text that can be kept and sent: what is not UTF-8 in it is replaced."""
    return value[:255].encode("utf-8", "replace").decode() if isinstance(value, str) else ""

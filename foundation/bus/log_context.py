"""The module gives fields (request id, platform, conference) to the log lines written while a message is handled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundation.bus import protocol
from foundation.logs import log_fields, sane_id

if TYPE_CHECKING:
    from foundation.bus.delivery import Delivery


def delivery_fields(delivery: Delivery, platform: str = "") -> log_fields:
    """Return a context manager in which all log lines carry request id, platform and conference of a message.

    The request id is the one in the message's header. If a third party sent none, it is the message's `reqid`, or
    else its correlation id.
    """
    body, envelope = delivery.parsed or {}, delivery.envelope
    request_id = sane_id(envelope.request_id, body.get("reqid"), envelope.correlation_id)
    return log_fields(request_id, platform, sane_id(protocol.current().subject_of(body)))

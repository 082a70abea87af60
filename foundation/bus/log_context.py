"""The fields of the log lines that are written while a delivery is handled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundation.bus import protocol
from foundation.logs import log_fields, sane_id

if TYPE_CHECKING:
    from foundation.bus.delivery import Delivery


def delivery_fields(delivery: Delivery, platform: str = "") -> log_fields:
    """Return a context manager that binds request id, platform and conference of a delivery.

    The request id is the one that the message carries in its header. Where a third party sent none, the
    message's `reqid` takes its place, then its correlation id.
    """
    body, envelope = delivery.parsed or {}, delivery.envelope
    request_id = sane_id(envelope.request_id, body.get("reqid"), envelope.correlation_id)
    return log_fields(request_id, platform, sane_id(protocol.current().subject_of(body)))

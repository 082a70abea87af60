"""Forward: what concerns a platform that another site serves goes there as it came (CSS §2.3.3, §5)."""

from __future__ import annotations

from typing import Any

from conferences.rules.control import refusal
from conferences.rules.outgoing import to_unit
from conferences.rules.states import Conference
from foundation.bus.envelope import Envelope
from foundation.bus.outgoing import Send
from wire.conference_control import Control
from wire.error_codes import MEANING, Err
from wire.routes import Routes


def decide_pass_on(envelope: Envelope, here: str) -> dict[str, Any] | None:
    """What stands around a message that goes on to the serving site; None: it came from there, and is
    not sent back and forth."""
    if envelope.via:
        return None
    return {
        "correlation_id": envelope.correlation_id,
        "app_id": envelope.app_id,
        "message_id": envelope.message_id,
        "timestamp": int(envelope.sent_at.timestamp()) if envelope.sent_at else 0,
        "headers": {"x-via": here},
    }


def decide_control_here(
    c: Conference | None, order: Control, envelope: Envelope, here: str
) -> Send | None:
    """The serving site controls a conference that runs here: straight to its unit, or a NACK back."""
    if c and c.unit and c.unit.at == here:
        return to_unit(c.unit, order, correlation_id=envelope.correlation_id)
    if not order.type.endswith("_REQ"):
        return None
    return Send(
        message=refusal(order, Err.WRONG_STATE, MEANING[Err.WRONG_STATE]),
        route=Routes.UNIT_TO_CSS,
        destination=envelope.asked_at,
        correlation_id=envelope.correlation_id,
        headers={"x-via": here},
    )

"""Forward: a message for a platform that another site serves goes there as it came (CSS §2.3.3, §5)."""

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


def decide_pass_on(envelope: Envelope, own_site: str) -> dict[str, Any] | None:
    """Return the properties of a message that is passed on to the serving site.

    `None` means that the message came from there: it is not sent back and forth.
    """
    if envelope.via:
        return None
    return {
        "correlation_id": envelope.correlation_id,
        "app_id": envelope.app_id,
        "message_id": envelope.message_id,
        "timestamp": int(envelope.sent_at.timestamp()) if envelope.sent_at else 0,
        "headers": {"x-via": own_site},
    }


def decide_control_here(
    c: Conference | None, order: Control, envelope: Envelope, own_site: str
) -> Send | None:
    """Give an order of the serving site to the unit here that runs the conference, or answer with a NACK.

    `None` means that nothing is sent: the order is a notice, which has no answer.
    """
    if c and c.unit and c.unit.at == own_site:
        return to_unit(c.unit, order, correlation_id=envelope.correlation_id)
    if not order.type.endswith("_REQ"):
        return None
    return Send(
        message=refusal(order, Err.WRONG_STATE, MEANING[Err.WRONG_STATE]),
        route=Routes.UNIT_TO_CSS,
        destination=envelope.asked_at,
        correlation_id=envelope.correlation_id,
        headers={"x-via": own_site},
    )

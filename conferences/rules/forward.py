"""The rules for messages that are passed on unchanged to the site that serves a platform (CSS §2.3.3, §5)."""

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
    """Return the AMQP properties with which a message is passed on to the serving site.

    `None`: another site has passed it on to us already, so it is dropped, and not sent back and forth.
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


def decide_control_for_local_unit(
    c: Conference | None, order: Control, envelope: Envelope, own_site: str
) -> Send | None:
    """Pass a control order of the serving site to the media unit at this site, or answer with a NACK.

    `None`: nothing is sent, as the conference does not run here and the order expects no answer.
    """
    if c and c.unit and c.unit.site == own_site:
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

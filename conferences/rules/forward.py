"""Define the rules for messages that are forwarded unchanged to the site that serves a platform (CSS §2.3.3, §5)."""

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
    """Return the AMQP properties for forwarding a message to the site that serves (decides for) its platform.

    `None` means that the message is dropped: another site has forwarded it to us, and it must not go back and forth.
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
    conference: Conference | None, order: Control, envelope: Envelope, own_site: str
) -> Send | None:
    """Return a control order from the site that decides about a conference, addressed to the media unit here.

    If the conference does not run here, it is a NACK instead, or `None` if the order expects no answer.
    """
    if conference and conference.unit and conference.unit.site == own_site:
        return to_unit(conference.unit, order, correlation_id=envelope.correlation_id)
    if not order.expects_answer:
        return None
    return Send(
        message=refusal(order, Err.WRONG_STATE, MEANING[Err.WRONG_STATE]),
        route=Routes.UNIT_TO_CSS,
        destination=envelope.asked_at,
        correlation_id=envelope.correlation_id,
        headers={"x-via": own_site},
    )

"""Conference control passes unchanged to the unit that runs the conference (CSS §2.3.3)."""

from __future__ import annotations

from conferences.rules import outgoing
from conferences.rules.states import Conference, ConferenceState, Unit
from conferences.rules.step import Step, nothing
from foundation.bus.message import Raw
from foundation.bus.outgoing import Answer, Send
from wire.conference_control import Control, ControlAnswered
from wire.error_codes import MEANING, Err
from wire.routes import Routes


def decide_control(
    c: Conference | None,
    order: Control,
    asked_by: str,
    correlation_id: str,
    own_site: str,
    short: str = "",
) -> Step:
    """Pass a control order on to the unit unchanged, or answer it with a NACK of our own.

    It is refused where no such conference runs, or where it is not permitted. `short`: the licensed
    resource of which too few are left for the terminals that are to be called; "" where there are enough.
    """
    refused = _why_refused(c, order, short)
    if c is None or c.unit is None or refused:
        code, words = refused or (Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
        if not order.type.endswith("_REQ"):
            return Step(f"{order.type} dropped: {words}")
        nack = refusal(order, code, words)
        answer = Answer(request=asked_by, message=nack, route=Routes.STATE_TO_CM)
        return Step(f"refused {code}", send=(answer,))
    passed = outgoing.to_unit(c.unit, order, correlation_id=correlation_id)
    if c.unit.at != own_site:
        passed = _through_its_site(order, c.unit, own_site, correlation_id)
    return Step(f"passed {order.type} to {c.unit}", send=(passed,))


def _through_its_site(order: Control, unit: Unit, own_site: str, correlation_id: str) -> Send:
    """Send an order for a unit at another site to the CSS of that site (CSS §2.3.3)."""
    return Send(
        message=order,
        route=Routes.CM_TO_UNIT,
        destination=unit.at,
        correlation_id=correlation_id,
        headers={"x-origin": own_site},
    )


def decide_control_answered(
    c: Conference | None, reply: ControlAnswered, unit: Unit | None, request: str | None
) -> Step:
    """Pass a unit's answer to whoever asked.

    A notice, and an answer that belongs to no request, go to all conference managers.
    """
    if c and not c.on(unit):
        return nothing(f"{unit} does not run it")
    if request:
        answer = Answer(request=request, message=reply, route=Routes.STATE_TO_CM)
        return Step(f"{reply.type} to its asker", send=(answer,))
    return Step(f"{reply.type} to CM", send=(Send(message=reply, route=Routes.STATE_TO_CM),))


def _why_refused(c: Conference | None, order: Control, short: str) -> tuple[Err, str] | None:
    """Return the code and the words of the refusal; None means that the order is allowed."""
    code = None
    if c is None:
        code = Err.NO_CONFERENCE
    elif order.body.get("moid") not in (None, c.user_domain):
        code = Err.NOT_PERMITTED
    elif c.state is not ConferenceState.RUNNING:
        code = Err.WRONG_STATE
    if code is not None:
        return code, MEANING[code]
    words = f"mts: the licence has too few {short.replace('_', ' ')} left for them"
    return (Err.NOT_PERMITTED, words) if short else None


def refusal(order: Control, code: Err, words: str) -> Raw:
    """Return the NACK by which the CSS itself refuses a control order."""
    echo = {"reqid": order.reqid} if order.reqid else {}
    return Raw(
        {
            "type": order.refusal_type,
            **echo,
            "confE164": order.e164,
            "errcode": code,
            "detail": words,
        }
    )

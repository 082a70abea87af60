"""Conference control: passed through unchanged to the unit that runs the conference (CSS §2.3.3)."""

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
    here: str,
    short: str = "",
) -> Step:
    """To the unit as it is; or a NACK of our own: no such conference, not RUNNING, not permitted.

    `short`: the licensed resource of which too few are left for the terminals that are to be called.
    """
    refused = _why_not(c, order, short)
    if c is None or c.unit is None or refused:
        code, words = refused or (Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
        if not order.type.endswith("_REQ"):
            return Step(f"{order.type} dropped: {words}")
        nack = refusal(order, code, words)
        told = Answer(request=asked_by, message=nack, route=Routes.STATE_TO_CM)
        return Step(f"refused {code}", send=(told,))
    passed = outgoing.to_unit(c.unit, order, correlation_id=correlation_id)
    if c.unit.at != here:
        passed = _by_way_of_its_site(order, c.unit, here, correlation_id)
    return Step(f"passed {order.type} to {c.unit}", send=(passed,))


def _by_way_of_its_site(order: Control, unit: Unit, here: str, correlation_id: str) -> Send:
    """A unit elsewhere is controlled through the CSS of its site (CSS §2.3.3)."""
    return Send(
        message=order,
        route=Routes.CM_TO_UNIT,
        destination=unit.at,
        correlation_id=correlation_id,
        headers={"x-origin": here},
    )


def decide_control_answered(
    c: Conference | None, said: ControlAnswered, unit: Unit | None, request: str | None
) -> Step:
    """To whoever asked; a notice, or an answer nobody asked for, to all CMs."""
    if c and not c.on(unit):
        return nothing(f"{unit} does not run it")
    if request:
        answer = Answer(request=request, message=said, route=Routes.STATE_TO_CM)
        return Step(f"{said.type} to its asker", send=(answer,))
    return Step(f"{said.type} to CM", send=(Send(message=said, route=Routes.STATE_TO_CM),))


def _why_not(c: Conference | None, order: Control, short: str) -> tuple[Err, str] | None:
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
    """The NACK by which the CSS itself refuses it."""
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

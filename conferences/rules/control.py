"""The rules for control orders of conference managers (CM), which go unchanged to the media unit (CSS §2.3.3). Pure."""

from __future__ import annotations

from datetime import datetime

from conferences.rules import outgoing
from conferences.rules.decision import Decision, no_change
from conferences.rules.states import Conference, ConferenceState, Unit
from conferences.rules.sync import decide_reported
from foundation.bus.message import Raw
from foundation.bus.outgoing import Answer, Outgoing, Send
from wire.conference_control import Control, ControlAnswered
from wire.error_codes import MEANING, Err
from wire.routes import Routes


def decide_control(
    conference: Conference | None,
    order: Control,
    request_key: str,
    correlation_id: str,
    own_site: str,
    missing_resource: str = "",
) -> Decision:
    """Decide to forward a control order unchanged to the conference's media unit, or refuse it.

    A refused order that expects no answer is dropped; others are answered with a NACK. `request_key`: the key of the
    order in the inbox (table of requests). `missing_resource`: the licensed resource of which too few are left for
    the terminals that the order calls, for instance `access_ports`; "" means that enough are left.
    """
    refusal_reason = _refusal_reason(conference, order, missing_resource)
    if conference is None or conference.unit is None or refusal_reason:
        code, detail = refusal_reason or (Err.NO_CONFERENCE, MEANING[Err.NO_CONFERENCE])
        if not order.expects_answer:
            return Decision(f"{order.type} dropped: {detail}")
        nack = refusal(order, code, detail)
        answer = Answer(request=request_key, message=nack, route=Routes.STATE_TO_CM)
        return Decision(f"refused {code}", send=(answer,))
    message = outgoing.to_unit(conference.unit, order, correlation_id=correlation_id)
    # Units of another site get orders by the scheduler of their own site.
    if conference.unit.site != own_site:
        message = _through_css_of_unit(order, conference.unit, own_site, correlation_id)
    after = None
    if order.type.startswith("CM_MCU_STOPRECORD_"):
        # The recording stays stopped, also after a move to another unit, and when a recorder becomes free.
        after = conference.change(record=False, record_at=None)
    return Decision(
        f"passed {order.type} to {conference.unit}",
        conference if after else None,
        after,
        (message,),
    )


def _through_css_of_unit(order: Control, unit: Unit, own_site: str, correlation_id: str) -> Send:
    """Return an order for a media unit at another site, addressed to the scheduler (CSS) of that site (CSS §2.3.3)."""
    return Send(
        message=order,
        route=Routes.CM_TO_UNIT,
        destination=unit.site,
        correlation_id=correlation_id,
        headers={"x-origin": own_site},
    )


def decide_control_answered(
    conference: Conference | None,
    reply: ControlAnswered,
    unit: Unit | None,
    request_key: str | None,
    now: datetime,
) -> Decision:
    """Decide to forward a media unit's answer to the conference manager whose order it answers.

    `request_key`: the key of that order in the inbox (table of requests). `None` means that the message answers no
    known order; then it goes to all conference managers. What the order has changed is saved by the same decision, so
    that whoever has the answer reads the new state. A message of a unit that does not run the conference is ignored.
    """
    if conference and not conference.is_on(unit):
        return no_change(f"{unit} does not run it")
    decision = no_change("nothing changes")
    if conference and (change := reply.change):
        decision = decide_reported(conference, change, unit, now)
    elif (
        conference
        and reply.begins_recording
        and conference.state is ConferenceState.RUNNING
        and not conference.record
    ):
        decision = Decision("recorded from now on", conference, conference.change(record=True))
    forwarded: Outgoing
    if request_key:
        forwarded = Answer(
            request=request_key, message=reply.without_change, route=Routes.STATE_TO_CM
        )
    else:
        forwarded = Send(message=reply.without_change, route=Routes.STATE_TO_CM)
    receiver = "its asker" if request_key else "CM"
    return Decision(
        f"{reply.type} to {receiver}; {decision.reason}",
        decision.before,
        decision.after,
        (*decision.send, forwarded),
    )


def _refusal_reason(
    conference: Conference | None, order: Control, missing_resource: str
) -> tuple[Err, str] | None:
    """Return the error code and the sentence that say why an order is refused; `None` means that it is allowed."""
    code = None
    if conference is None:
        code = Err.NO_CONFERENCE
    elif order.body.get("moid") not in (None, conference.user_domain):
        code = Err.NOT_PERMITTED
    elif conference.state is not ConferenceState.RUNNING:
        code = Err.WRONG_STATE
    if code is not None:
        return code, MEANING[code]
    if not missing_resource:
        return None
    resource = missing_resource.replace("_", " ")
    return Err.NOT_PERMITTED, f"mts: the licence has too few {resource} left for them"


def refusal(order: Control, code: Err, detail: str) -> Raw:
    """Return the NACK by which the scheduler (CSS), not the media unit, refuses a control order."""
    echo = {"reqid": order.reqid} if order.reqid else {}
    return Raw(
        {
            "type": order.answer_type("NACK"),
            **echo,
            "confE164": order.e164,
            "errcode": code,
            "detail": detail,
        }
    )

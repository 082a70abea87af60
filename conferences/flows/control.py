"""Orders of a conference manager (CM) are forwarded unchanged to the media unit (CMU), its answers back (CSS §2.3.3).

CM  -> CSS  CM_MCU_*                                     on_control
CSS -> CMU  CM_MCU_*
CMU -> CSS  MCU_CM_*                                     on_control_answered
CSS -> CM   MCU_CM_*
"""

from __future__ import annotations

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.control import decide_control, decide_control_answered
from conferences.rules.licence_counts import amounts_of_terminals
from conferences.rules.sending_unit import sending_unit
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles, passes_on
from wire.conference_control import Control, ControlAnswered

passes_on("CM_MCU_", Control)
passes_on("MCU_CM_", ControlAnswered)


@handles(Control)
def on_control(uow: ConferencesUnitOfWork, order: Control, envelope: Envelope) -> None:
    """Forward a control order to the media unit that runs the conference, or refuse it."""
    correlation_id = envelope.correlation_id or envelope.request
    missing = (
        uow.missing_resource(amounts_of_terminals(order.terminals_to_call))
        if order.terminals_to_call
        else ""
    )
    conference, request_key = uow.load(order.e164), envelope.request
    commit(
        uow, decide_control(conference, order, request_key, correlation_id, uow.own_site, missing)
    )


@handles(ControlAnswered)
def on_control_answered(
    uow: ConferencesUnitOfWork, reply: ControlAnswered, envelope: Envelope
) -> None:
    """Save what a media unit's answer reports as changed; forward it to the asker, and a notice to all managers."""
    request_key = None
    if not reply.type.endswith("_NTF"):
        request_key = uow.control_request_key(
            reply.e164, envelope.correlation_id, reply.reqid or ""
        )
    conference = uow.load(reply.e164)
    unit = sending_unit(reply, envelope, uow.own_site, conference)
    commit(uow, decide_control_answered(conference, reply, unit, request_key, uow.now))

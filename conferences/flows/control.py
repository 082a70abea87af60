"""Conference control goes through unchanged, and so does what the unit says to it (CSS §2.3.3).

CM  -> CSS  CM_MCU_*                                     on_control
CSS -> CMU  CM_MCU_*
CMU -> CSS  MCU_CM_*                                     on_control_answered
CSS -> CM   MCU_CM_*
"""

from __future__ import annotations

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.control import decide_control, decide_control_answered
from conferences.rules.licence_counts import of_terminals
from conferences.rules.speaking_unit import speaker
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles, passes
from wire.conference_control import Control, ControlAnswered

passes("CM_MCU_", Control)
passes("MCU_CM_", ControlAnswered)


@handles(Control)
def on_control(uow: ConferencesUnitOfWork, order: Control, envelope: Envelope) -> None:
    """To the unit that runs the conference."""
    mark = envelope.correlation_id or envelope.request
    short = uow.short_of(of_terminals(order.called)) if order.called else ""
    c, request = uow.load(order.e164), envelope.request
    commit(uow, decide_control(c, order, request, mark, uow.here, short))


@handles(ControlAnswered)
def on_control_answered(
    uow: ConferencesUnitOfWork, said: ControlAnswered, envelope: Envelope
) -> None:
    """To whoever asked, or to all CMs."""
    request = None
    if not said.type.endswith("_NTF"):
        request = uow.control_request(said.e164, envelope.correlation_id, said.reqid or "")
    c = uow.load(said.e164)
    unit = speaker(said, envelope, uow.here, c)
    commit(uow, decide_control_answered(c, said, unit, request))

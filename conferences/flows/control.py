"""Conference control goes through unchanged, and so does what the unit says to it (CSS §2.3.3).

CM  -> CSS  CM_MCU_*                                     on_control
CSS -> CMU  CM_MCU_*
CMU -> CSS  MCU_CM_*                                     on_control_answered
CSS -> CM   MCU_CM_*
"""

from __future__ import annotations

from conferences.commit import commit
from conferences.decisions.control import decide_control
from conferences.messages.control import Control, ControlAnswered
from conferences.site import Site
from confplatform.bus.envelope import Envelope
from confplatform.bus.registry import handles, passes
from confplatform.bus.sending import Answer, Send
from confplatform.bus.topology import Routes

passes("CM_MCU_", Control)
passes("MCU_CM_", ControlAnswered)


@handles(Control)
def on_control(site: Site, order: Control, envelope: Envelope) -> None:
    """To the unit that runs the conference."""
    mark = envelope.correlation_id or envelope.request
    commit(site, decide_control(site.load(order.e164), order, envelope.request, mark))


@handles(ControlAnswered)
def on_control_answered(site: Site, said: ControlAnswered, envelope: Envelope) -> None:
    """To whoever asked; a notice, or an answer nobody asked for, to all CMs."""
    if not said.type.endswith("_NTF"):
        request = site.control_request(said.e164, envelope.correlation_id, said.reqid or "")
        if request:
            site.send(Answer(request=request, message=said, route=Routes.STATE_TO_CM))
            return
    site.send(Send(message=said, route=Routes.STATE_TO_CM))

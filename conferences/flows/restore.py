"""A conference that has lost its media unit (CMU) is placed on another one (CSS §1.2).

RMS: resource manager. CM: conference manager.

RMS -> CSS  RMS_CSS_NODELOST_NTF                         on_node_lost
CSS -> CM   MAU_CM_CONFRESTORE_NTF
CSS -> RMS  GET_RES_REQ
RMS -> CSS  GET_RES_ACK | GET_RES_NACK                   on_restore_resources
CSS -> CMU  MAU_CMU_RESTORECONF_REQ
CMU -> CSS  CMU_MAU_RESTORECONF_ACK | CMU_MAU_RESTORECONF_NACK
CSS -> CM   MAU_CM_CONFRESTORE_NTF
"""

from __future__ import annotations

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules import outgoing
from conferences.rules.restore import decide_lost, decide_restore_resources
from conferences.rules.states import Unit
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles, resumes
from wire.resource_pool import NodeLost, ResourcesGranted, ResourcesRefused


@handles(NodeLost)
def on_node_lost(uow: ConferencesUnitOfWork, notice: NodeLost, envelope: Envelope) -> None:
    """Take all conferences off a media unit that the resource manager reports as lost, and ask for other units.

    The loss of a recorder or composer changes nothing.
    """
    if notice.restype != "mcu":
        return
    unit = Unit(notice.ip, notice.pid, envelope.via or uow.own_site)
    for conference in uow.hosted_on(unit):
        commit(uow, decide_lost(conference, unit, uow.now))


@resumes("restore", ResourcesGranted, ResourcesRefused)
def on_restore_resources(
    uow: ConferencesUnitOfWork, reply: ResourcesGranted | ResourcesRefused, envelope: Envelope
) -> None:
    """Place a conference that lost its media unit on the one that the resource manager (RMS) granted, or let it wait.

    A reply about a conference that has ended is ignored.
    """
    e164, question = outgoing.parse_rms_question(envelope.correlation_id)
    conference = uow.load(e164)
    if conference:
        decision = decide_restore_resources(
            conference, reply, question, uow.site_of_unit(reply), uow.now
        )
        commit(uow, decision)

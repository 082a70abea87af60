"""A conference that runs without its recorder gets one when one is free (CSS §1.2).

`due` requests recorders: when a resource becomes free, and every minute.

CSS -> RMS  GET_RES_REQ
RMS -> CSS  GET_RES_ACK | GET_RES_NACK                   on_recorder_granted
"""

from __future__ import annotations

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules import outgoing
from conferences.rules.recorder import decide_recorder_granted
from foundation.bus.envelope import Envelope
from foundation.bus.registry import resumes
from wire.resource_pool import ResourcesGranted, ResourcesRefused


@resumes("record", ResourcesGranted, ResourcesRefused)
def on_recorder_granted(
    uow: ConferencesUnitOfWork, reply: ResourcesGranted | ResourcesRefused, envelope: Envelope
) -> None:
    """Let the media unit record from now on, if the resource manager (RMS) has granted a recorder."""
    e164, question = outgoing.parse_rms_question(envelope.correlation_id)
    conference = uow.load(e164)
    if conference:
        commit(uow, decide_recorder_granted(conference, reply, question, uow.own_site))

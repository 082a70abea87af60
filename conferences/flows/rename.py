"""A media unit (CMU) renames its conference, if the conference manager (CM) agrees (CSS §5.1).

CMU -> CSS  MCU_MAU_MODIFYCONFNAME_REQ                   on_unit_asks_to_rename
CSS -> CM   MAU_CM_MODIFYCONFNAME_REQ
CM  -> CSS  CM_MAU_MODIFYCONFNAME_ACK | CM_MAU_MODIFYCONFNAME_NACK    on_cm_answers_rename
CSS -> CMU  MAU_MCU_MODIFYCONFNAME_ACK | MAU_MCU_MODIFYCONFNAME_NACK
CMU -> CSS  MCU_MAU_CONFSTATECHANGE_NTF
"""

from __future__ import annotations

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.outgoing import parse_rename_question
from conferences.rules.rename import decide_cm_on_rename, decide_unit_rename
from conferences.rules.sending_unit import sending_unit
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles
from wire.conference_manager import RenameDenied, RenameGranted
from wire.media_unit import UnitAsksToRename


@handles(UnitAsksToRename)
def on_unit_asks_to_rename(
    uow: ConferencesUnitOfWork, request: UnitAsksToRename, envelope: Envelope
) -> None:
    """Ask the conference manager whether a media unit may rename its conference, or refuse that at once."""
    conference = uow.load(request.e164)
    unit = sending_unit(request, envelope, uow.own_site, conference)
    decision = decide_unit_rename(
        conference, request, unit, envelope.request, uow.new_id(), uow.now
    )
    commit(uow, decision)


@handles(RenameGranted, RenameDenied)
def on_cm_answers_rename(
    uow: ConferencesUnitOfWork, reply: RenameGranted | RenameDenied, envelope: Envelope
) -> None:
    """Pass the conference manager's decision about a new name to the media unit that asked for it."""
    question = parse_rename_question(envelope.correlation_id)
    number = reply.e164 or question.e164
    if number and (conference := uow.load(number)):
        question_id = question.question_id if number == question.e164 else ""
        commit(uow, decide_cm_on_rename(conference, reply, question_id))

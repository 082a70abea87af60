"""Our own number registry (UPU) stores who has each number, and where, and answers questions about numbers (CSS §7).

CSS -> UPU  CSS_UPU_ADDCONF_NTF | CSS_UPU_MDFCONF_NTF | CSS_UPU_DELCONF_NTF    on_number_notice

GW  -> UPU  GW_UPU_GETCONF_REQ                          on_look_up_number
UPU -> GW   UPU_GW_GETCONF_ACK | UPU_GW_GETCONF_NACK

Each site has a registry. It contains the numbers of the platforms that the site serves, and of conferences that run at
the site. For other numbers of known platforms it names the site to ask.
"""

from __future__ import annotations

from conferences.data.number_site import site_to_ask
from conferences.data.registry_rows import number_of_short
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.registry import read_notice
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.outgoing import Answer
from foundation.bus.registry import handles
from foundation.cells.directory import own_platform
from foundation.clock import next_id
from wire.error_codes import MEANING, Err
from wire.number_registry import (
    LookUpNumber,
    NumberChanged,
    NumberFound,
    NumberFree,
    NumberInUse,
    NumberUnknown,
)
from wire.routes import Routes


@handles(NumberInUse, NumberChanged, NumberFree)
def on_number_notice(uow: ConferencesUnitOfWork, notice: NumberInUse, envelope: Envelope) -> None:
    """Save a scheduler's notice that a number is in use, has a new name, or is free, in the number registry."""
    uow.registry.stage(read_notice(notice, envelope, next_id()), uow.now)


@handles(LookUpNumber)
def on_look_up_number(
    uow: ConferencesUnitOfWork, request: LookUpNumber, envelope: Envelope
) -> None:
    """Answer a gateway's question about a number with the entries of the registry, or with the site that it has to ask.

    Raises NotTaken if the question names no queue for the answer.
    """
    if not envelope.reply_to:
        raise NotTaken("is missing; the answer has no other way", "reply_to")
    answer = Answer(request=envelope.request, message=_look_up(uow, request), route=Routes.TO_UPU)
    uow.send(answer)


def _look_up(uow: ConferencesUnitOfWork, request: LookUpNumber) -> NumberFound | NumberUnknown:
    """Return the answer to a question about a number or short number: its entries in the registry, or a refusal.

    The refusal says at which site the number's platform is served, or that the number is unknown.
    """
    field = "shortnum" if request.shortnum and not request.e164 else "confE164"
    number = request.e164 or (
        number_of_short(request.shortnum, request.platform or own_platform())
        if request.shortnum
        else ""
    )
    if confs := uow.registry.find(number) if number else ():
        return NumberFound(reqid=request.reqid, e164=number, confs=confs)
    if number and (address := site_to_ask(number)):
        detail = f"{field}: its platform is served at {address}"
        return NumberUnknown(reqid=request.reqid, errcode=Err.NOT_SERVED, detail=detail)
    detail = f"{field}: {MEANING[Err.NO_CONFERENCE]}"
    return NumberUnknown(reqid=request.reqid, errcode=Err.NO_CONFERENCE, detail=detail)

"""A conference manager (CM) asks for the list of a domain's conferences.

CM  -> CSS  CM_MAU_GETCONFLIST_REQ                       on_list_conferences
CSS -> CM   MAU_CM_GETCONFLIST_ACK | MAU_CM_GETCONFLIST_NACK
"""

from __future__ import annotations

from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.listing import as_many_as_fit
from foundation.bus.envelope import Envelope
from foundation.bus.outgoing import Answer
from foundation.bus.registry import handles
from wire.conference_manager import ConferencesListed, ListConferences, ListRefused
from wire.error_codes import MEANING, Err
from wire.routes import Routes


@handles(ListConferences)
def on_list_conferences(
    uow: ConferencesUnitOfWork, request: ListConferences, envelope: Envelope
) -> None:
    """Answer with one page of the conferences of a user or platform domain."""
    page = uow.list_page(request.domain, request.start, request.count)
    message: ConferencesListed | ListRefused
    if page is None:
        message = ListRefused(
            reqid=request.reqid,
            errcode=Err.UNKNOWN_DOMAIN,
            detail=f"moid: {MEANING[Err.UNKNOWN_DOMAIN]}",
        )
    else:
        confs = as_many_as_fit(page.conferences)
        message = ConferencesListed(reqid=request.reqid, total=page.total, confs=confs)
    uow.send(Answer(request=envelope.request, message=message, route=Routes.CSS_TO_CM))

"""A neighbouring system (NGI) asks our NPP client which conferences a platform holds (CSS §8).

NGI -> NPP  NGI_NPP_GETCONFLIST_REQ                      on_list_for_neighbour
NPP -> NGI  NPP_NGI_GETCONFLIST_ACK | NPP_NGI_GETCONFLIST_NACK
"""

from __future__ import annotations

from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.listing import as_many_as_fit
from foundation.bus.envelope import Envelope
from foundation.bus.outgoing import Answer
from foundation.bus.registry import handles
from wire.error_codes import MEANING, Err
from wire.neighbours import ListedForNeighbour, ListForNeighbour, ListForNeighbourRefused
from wire.routes import Routes


@handles(ListForNeighbour)
def on_list_for_neighbour(
    uow: ConferencesUnitOfWork, request: ListForNeighbour, envelope: Envelope
) -> None:
    """Answer a neighbouring system with a page of a platform's live conferences, if this site handles its requests."""
    page = uow.list_page(request.platform, request.start, request.count)
    message: ListedForNeighbour | ListForNeighbourRefused
    if page is None or request.platform not in uow.serving:
        code = Err.NOT_SERVED if page else Err.UNKNOWN_DOMAIN
        detail = f"platformmoid: {MEANING[code]}"
        message = ListForNeighbourRefused(reqid=request.reqid, errcode=code, detail=detail)
    else:
        confs = as_many_as_fit(page.conferences)
        message = ListedForNeighbour(reqid=request.reqid, total=page.total, confs=confs)
    # No route leads to a neighbouring system, so a request without `reply_to` gets no answer.
    if envelope.reply_to:
        uow.send(Answer(request=envelope.request, message=message, route=Routes.TO_NPP))

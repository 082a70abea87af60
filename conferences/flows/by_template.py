"""A conference is begun from a template or a virtual room; if one runs already, it is answered with that (CSS §6).

CM  -> CSS  CM_MAU_CREATECONFBYTEMP_REQ                  on_create_by_template
CSS -> CM   MAU_CM_CREATECONFBYTEMP_ACK | MAU_CM_CREATECONFBYTEMP_NACK

The row of the template or virtual room is locked. So of two simultaneous requests one begins the conference, and both
are answered with it. The further messages are those of `create`.
"""

from __future__ import annotations

from conferences.data.begin import begin_conference
from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.by_template import decide_join, refuse_begin
from conferences.rules.create import CameFrom, decide_refuse
from conferences.rules.states import Asker
from conferences.rules.stored_settings import merge_settings, to_create_request
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles
from wire.error_codes import Err
from wire.templates import CreateByTemplate


@handles(CreateByTemplate)
def on_create_by_template(
    uow: ConferencesUnitOfWork, request: CreateByTemplate, envelope: Envelope
) -> None:
    """Begin the conference of a template or virtual room, as a request asks.

    If it runs already, that conference is the answer; a request that is not allowed is refused.
    """
    asker = Asker(envelope.request, envelope.origin, request.reqid, by_template=True)
    stored = uow.stored.find(request.templateid)
    refusal = refuse_begin(stored, request)
    if refusal or stored is None:
        commit(uow, decide_refuse(asker, *(refusal or (Err.NOT_FOUND, ""))))
        return
    live = uow.load(stored.e164) if stored.e164 else None
    if live:
        commit(uow, decide_join(live, asker))
        return
    create = to_create_request(
        merge_settings(stored.settings, request),
        stored.user_domain,
        request.creator,
        conftype=stored.conftype,
        e164=stored.e164 or request.e164 or "",
        reqid=request.reqid,
    )
    begin_conference(uow, create, asker, CameFrom(stored.id, stored.name, stored.holder))

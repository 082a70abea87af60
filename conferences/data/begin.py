"""A conference begins here, whoever asks for it: checked, with a seat of the licence and a number, or refused (CSS §1.1)."""

from __future__ import annotations

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.create import (
    CameFrom,
    decide_create,
    decide_refuse,
    refuse_before_licence,
    refuse_served_elsewhere,
)
from conferences.rules.states import Asker
from wire.conference_manager import CreateConference
from wire.error_codes import Err


def begin_conference(
    uow: ConferencesUnitOfWork,
    request: CreateConference,
    asker: Asker,
    came_from: CameFrom | None = None,
) -> None:
    """Create a conference, or refuse it. `came_from`: the template, room or reservation that has its number."""
    tenant = uow.tenant(request.user_domain)
    refusal = refuse_before_licence(request, tenant, uow.serving)
    if tenant and refusal and refusal.code is Err.NOT_SERVED:
        refusal = refuse_served_elsewhere(tenant, uow.http_url_of(tenant.platform))
    if refusal or tenant is None:
        commit(uow, decide_refuse(asker, *(refusal or (Err.UNKNOWN_DOMAIN, ""))))
        return
    if refusal := uow.refuse_by_licence(tenant, request.places):
        commit(uow, decide_refuse(asker, *refusal))
        return
    number = uow.allocate_number(request.e164, came_from.holder if came_from else "")
    if number is None:
        commit(uow, decide_refuse(asker, Err.NUMBER_TAKEN, "confE164"))
        return
    step = decide_create(request, asker, tenant, number, uow.new_id(), uow.now, came_from)
    commit(uow, step)

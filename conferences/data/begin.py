"""Every conference is created here: its request gets a licence seat and a number, or is refused (CSS §1.1)."""

from __future__ import annotations

from conferences.data.commit import commit, commit_booking
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules import occurrence as occurrence_rules
from conferences.rules.create import (
    CameFrom,
    CreateRefusal,
    Tenant,
    decide_create,
    decide_refuse,
    refuse_before_licence,
    refuse_served_elsewhere,
)
from conferences.rules.reservation import (
    BookingDecision,
    BookingNews,
    Happened,
    Occurrence,
    Reservation,
)
from conferences.rules.states import Asker
from wire.conference_manager import CreateConference
from wire.conference_settings import ConferenceSettings
from wire.error_codes import Err


def begin_conference(
    uow: ConferencesUnitOfWork,
    request: CreateConference,
    asker: Asker,
    came_from: CameFrom | None = None,
) -> None:
    """Create the conference that a request asks for, or answer the asker with a refusal.

    `asker`: who waits for the answer. `came_from`: the template, virtual room or reservation from which it is begun;
    `None` means none.
    """
    if refusal := _create_or_refuse(uow, request, asker, came_from):
        commit(uow, decide_refuse(asker, *refusal))


def begin_occurrence(
    uow: ConferencesUnitOfWork, reservation: Reservation, occurrence: Occurrence, asker: Asker
) -> CreateRefusal | None:
    """Create the conference of one occurrence (meeting) of a reservation; or return the refusal, and change nothing.

    `asker`: who waits for the answer: the timer, or whoever opens the conference early.
    """
    request = occurrence_rules.create_request_of(reservation, occurrence)
    if refusal := _create_or_refuse(
        uow, request, asker, occurrence_rules.origin_of(reservation, occurrence)
    ):
        return refusal
    conference = uow.load(reservation.e164)
    assert conference is not None
    # Programs are told once that a booked conference begins, not at each try.
    is_first_try = occurrence.attempts == 0
    news = (BookingNews(Happened.STARTING, reservation, occurrence),) if is_first_try else ()
    starting = occurrence_rules.as_starting(occurrence, conference.confid)
    decision = BookingDecision(f"{occurrence.id} begins", None, (starting,), news=news)
    commit_booking(uow, decision)
    return None


def permitted_tenant(
    uow: ConferencesUnitOfWork, user_domain: str, settings: ConferenceSettings
) -> Tenant | CreateRefusal:
    """Return the facts of a user domain if it may have a conference with these settings, else the refusal.

    Licences are not checked here.
    """
    tenant = uow.tenant(user_domain)
    refusal = refuse_before_licence(settings, tenant, uow.serving)
    if tenant and refusal and refusal.code is Err.NOT_SERVED:
        return refuse_served_elsewhere(tenant, uow.http_url_of(tenant.platform))
    return refusal or tenant or CreateRefusal(Err.UNKNOWN_DOMAIN, "")


def _create_or_refuse(
    uow: ConferencesUnitOfWork,
    request: CreateConference,
    asker: Asker,
    came_from: CameFrom | None,
) -> CreateRefusal | None:
    """Create the conference that a request asks for, and return `None`; else return why not, and change nothing.

    It is refused if the user domain may not create conferences, the licence has no place left, or the number is
    taken.
    """
    tenant = permitted_tenant(uow, request.user_domain, request)
    if isinstance(tenant, CreateRefusal):
        return tenant
    if refusal := uow.refuse_by_licence(tenant, request.places):
        return refusal
    number = uow.allocate_number(request.e164, came_from.holder if came_from else "")
    if number is None:
        return CreateRefusal(Err.NUMBER_TAKEN, "confE164")
    decision = decide_create(request, asker, tenant, number, uow.new_id(), uow.now, came_from)
    commit(uow, decision)
    return None

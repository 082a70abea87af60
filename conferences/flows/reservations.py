"""A conference manager (CM) books conferences, and changes and cancels reservations (CSS §7, HTTP API §2).

UPU: number registry.

CM  -> CSS  CM_MAU_ADDBOOKCONF_REQ                       on_book_conference
CSS -> CM   MAU_CM_ADDBOOKCONF_ACK | MAU_CM_ADDBOOKCONF_NACK
CSS -> UPU  CSS_UPU_ADDCONF_NTF
CM  -> CSS  CM_MAU_MDFBOOKCONF_REQ                       on_change_booking
CSS -> CM   MAU_CM_MDFBOOKCONF_ACK | MAU_CM_MDFBOOKCONF_NACK
CSS -> UPU  CSS_UPU_MDFCONF_NTF
CM  -> CSS  CM_MAU_DELBOOKCONF_REQ                       on_cancel_booking
CSS -> CM   MAU_CM_DELBOOKCONF_ACK | MAU_CM_DELBOOKCONF_NACK
CSS -> UPU  CSS_UPU_DELCONF_NTF
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conferences.data.begin import permitted_tenant
from conferences.data.commit import commit_booking
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules import booking as decide
from conferences.rules import invitations
from conferences.rules.capacity import refuse_overfull
from conferences.rules.create import CreateRefusal
from conferences.rules.reservation import (
    BookingDecision,
    Happened,
    Invitation,
    Occurrence,
    OccurrenceState,
    Reservation,
    occurrence_id,
)
from foundation.bus.envelope import Envelope
from foundation.bus.outgoing import Answer
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from wire.conference_settings import ConferenceSettings
from wire.error_codes import Err
from wire.reservations import BookConference, CancelBooking, ChangeBooking


@handles(BookConference)
def on_book_conference(
    uow: ConferencesUnitOfWork, request: BookConference, envelope: Envelope
) -> None:
    """Book a conference, for which a number is then kept, or refuse the request."""
    _commit_or_refuse(uow, request, envelope, _decide_booking(uow, request, envelope.request))


@handles(ChangeBooking)
def on_change_booking(
    uow: ConferencesUnitOfWork, request: ChangeBooking, envelope: Envelope
) -> None:
    """Change a reservation, or one occurrence of it; after a refusal the reservation is as it was."""
    decide_change = _decide_occurrence_change if request.occurrence else _decide_change
    _commit_or_refuse(uow, request, envelope, decide_change(uow, request, envelope.request))


@handles(CancelBooking)
def on_cancel_booking(
    uow: ConferencesUnitOfWork, request: CancelBooking, envelope: Envelope
) -> None:
    """Cancel a reservation, or one occurrence of it, or refuse the request."""
    _commit_or_refuse(uow, request, envelope, _decide_cancellation(uow, request, envelope.request))


def cancel_now(platform: str, bookid: str) -> bool:
    """Cancel a reservation for an operator, and return True. No request is answered, as there was none.

    Returns False if it is over, cancelled or unknown, or another site handles the platform's requests.
    """
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        reservation = conferences.reservations.load(bookid) if uow.is_open else None
        if reservation is None or not reservation.live:
            return False
        request = CancelBooking(user_domain=reservation.user_domain, bookid=bookid)
        decision = _decide_cancellation(conferences, request, "")
        if isinstance(decision, CreateRefusal):
            return False
        notices = [message for message in decision.send if not isinstance(message, Answer)]
        commit_booking(conferences, replace(decision, send=notices))
    return True


def _commit_or_refuse(
    uow: ConferencesUnitOfWork,
    request: decide.Request,
    envelope: Envelope,
    decision: BookingDecision | CreateRefusal,
) -> None:
    """Stage what was decided about a reservation in the transaction.

    Or, if `decision` is a refusal, answer with that.
    """
    if isinstance(decision, CreateRefusal):
        decision = decide.decide_refuse_booking(request, envelope.request, decision)
    commit_booking(uow, decision)


def _decide_booking(
    uow: ConferencesUnitOfWork, request: BookConference, request_key: str
) -> BookingDecision | CreateRefusal:
    """Decide about a new reservation, or return why it is refused.

    The checks go from cheap to dear; the number is reserved last, so that a refusal reserves none. The caller commits
    the decision. `request_key`: the key of the request in the inbox (table of requests).
    """
    settings = decide.requested_settings(request, None)
    if isinstance(settings, CreateRefusal):
        return settings
    tenant = permitted_tenant(uow, request.user_domain, settings)
    if isinstance(tenant, CreateRefusal):
        return tenant
    bookid = request.bookid or uow.new_id()
    if request.bookid and uow.reservations.load(bookid):
        return CreateRefusal(
            Err.NAME_TAKEN, "bookid: the id is already taken; choose another or none"
        )
    limit = decide.MAX_OF_DOMAIN
    if uow.reservations.count_of_domain(tenant.moid, limit) >= limit:
        return CreateRefusal(Err.DOMAIN_LIMIT, f"moid: it has {limit} reservations; cancel some")
    reservation = decide.requested_reservation(
        request, settings, tenant.platform, bookid, uow.now, None
    )
    if isinstance(reservation, CreateRefusal):
        return reservation
    occurrences = _occurrences_that_fit(uow, reservation, ())
    if isinstance(occurrences, CreateRefusal):
        return occurrences
    reservation = _with_invited(uow, reservation, request, None)
    mails = invitations.mails_of_change(None, reservation, occurrences)
    if refusal := _refuse_by_mails(uow, reservation, mails):
        return refusal
    e164 = uow.keep_number(request.e164, reservation.holder)
    if e164 is None:
        return CreateRefusal(Err.NUMBER_TAKEN, "confE164")
    numbered = reservation.with_number(e164)
    return decide.decide_book(request, request_key, numbered, occurrences, uow.own_site)


def _with_invited(
    uow: ConferencesUnitOfWork,
    reservation: Reservation,
    request: BookConference | ChangeBooking,
    before: Reservation | None,
) -> Reservation:
    """Return the reservation with the people whom a request invites, each with the account that the name means.

    `before`: the reservation before its change; `None` for a new one.
    """
    names = invitations.names_to_look_up(reservation, request, before)
    accounts = uow.reservations.mails.accounts_of(reservation.user_domain, names)
    return invitations.with_invited(reservation, request, before, accounts)


def _refuse_by_mails(
    uow: ConferencesUnitOfWork, reservation: Reservation, mails: Sequence[Invitation]
) -> CreateRefusal | None:
    """Return why the mails about a reservation may not be sent: the booker has caused too many; else `None`."""
    if not mails:
        return None
    return invitations.refuse_too_many_mails(mails, uow.reservations.mails.left(reservation))


def _occurrences_that_fit(
    uow: ConferencesUnitOfWork,
    reservation: Reservation,
    existing: Sequence[Occurrence],
    before: Reservation | None = None,
) -> list[Occurrence] | CreateRefusal:
    """Return the occurrences (meetings) to plan of a new or changed reservation, or why it is refused.

    `existing`: its occurrences so far. `before`: the reservation before its change.
    """
    occurrences = decide.plan_occurrences(reservation, existing, uow.now, before)
    if isinstance(occurrences, CreateRefusal):
        return occurrences
    refusal = _refuse_too_many_occurrences(uow, reservation, occurrences)
    return refusal or _refuse_by_capacity(uow, reservation, occurrences) or occurrences


def _refuse_too_many_occurrences(
    uow: ConferencesUnitOfWork, reservation: Reservation, occurrences: Sequence[Occurrence]
) -> CreateRefusal | None:
    """Return why the person who books may not plan so many meetings more; `None` if the person may, or is not named."""
    creator, limit = reservation.creator_moid, decide.MAX_OCCURRENCES_OF_PERSON
    if not creator:
        return None
    others = uow.reservations.count_occurrences_of(creator, reservation.bookid, limit)
    return decide.refuse_too_many(occurrences, others)


def _refuse_by_capacity(
    uow: ConferencesUnitOfWork, reservation: Reservation, occurrences: Sequence[Occurrence]
) -> CreateRefusal | None:
    """Return why these occurrences cannot be booked: too few places of media units are free; else `None`."""
    spans = decide.spans_of(occurrences)
    booked = uow.reservations.booked(spans, except_of=reservation.bookid)
    usual, capacity = uow.reservations.usual_load(), uow.reservations.capacity()
    return refuse_overfull(spans, booked, usual, capacity)


def _find_reservation(
    uow: ConferencesUnitOfWork, request: ChangeBooking | CancelBooking
) -> Reservation | CreateRefusal:
    """Return the live reservation that a request names, if it is of the request's user domain; else the refusal."""
    reservation = uow.reservations.load(request.bookid)
    if reservation is None or not reservation.live:
        return CreateRefusal(Err.NOT_FOUND, "bookid")
    if reservation.user_domain != request.user_domain:
        return CreateRefusal(Err.NOT_PERMITTED, "moid")
    return reservation


def _permitted_settings(
    uow: ConferencesUnitOfWork, request: ChangeBooking, before: ConferenceSettings
) -> ConferenceSettings | CreateRefusal:
    """Return the settings after a requested change, or why the user domain may not have such a conference."""
    settings = decide.requested_settings(request, before)
    if isinstance(settings, CreateRefusal):
        return settings
    tenant = permitted_tenant(uow, request.user_domain, settings)
    return tenant if isinstance(tenant, CreateRefusal) else settings


def _decide_change(
    uow: ConferencesUnitOfWork, request: ChangeBooking, request_key: str
) -> BookingDecision | CreateRefusal:
    """Decide about a change of a whole reservation, or return why it is refused.

    The caller commits the decision; another number is reserved here, and the former one released. `request_key`: the
    key of the request in the inbox (table of requests).
    """
    before = _find_reservation(uow, request)
    if isinstance(before, CreateRefusal):
        return before
    settings = _permitted_settings(uow, request, before.settings)
    if isinstance(settings, CreateRefusal):
        return settings
    platform = before.source_platform
    after = decide.requested_reservation(
        request, settings, platform, before.bookid, uow.now, before
    )
    if isinstance(after, CreateRefusal):
        return after
    existing = uow.reservations.occurrences_of(before.bookid)
    occurrences = _occurrences_that_fit(uow, after, existing, before)
    if isinstance(occurrences, CreateRefusal):
        return occurrences
    after = _with_invited(uow, after, request, before)
    mails = invitations.mails_of_change(before, after, occurrences)
    if refusal := _refuse_by_mails(uow, after, mails):
        return refusal
    if after.e164 != before.e164:
        if uow.keep_number(after.e164, after.holder) is None:
            return CreateRefusal(Err.NUMBER_TAKEN, "confE164")
        uow.release_kept_number(before.e164)
    own_site = uow.own_site
    return decide.decide_change(
        request, request_key, before, after, existing, occurrences, own_site
    )


def _planned_occurrence(
    uow: ConferencesUnitOfWork, reservation: Reservation, original_start: str | None
) -> Occurrence | CreateRefusal:
    """Return the reservation's planned occurrence whose start by the rule is this ISO 8601 text; else the refusal."""
    moment = decide.parse_moment(original_start)
    if moment is None:
        return CreateRefusal(Err.MALFORMED, "occurrence: must be the start of a date, in ISO 8601")
    key = occurrence_id(reservation.bookid, moment)
    for occurrence in uow.reservations.occurrences_of(reservation.bookid):
        if occurrence.id == key and occurrence.state is OccurrenceState.PLANNED:
            return occurrence
    return CreateRefusal(Err.NOT_FOUND, "occurrence")


def _decide_occurrence_change(
    uow: ConferencesUnitOfWork, request: ChangeBooking, request_key: str
) -> BookingDecision | CreateRefusal:
    """Decide about a change of one occurrence of a reservation, or return why it is refused; the caller commits it.

    `request_key`: the key of the request in the inbox (table of requests).
    """
    reservation = _find_reservation(uow, request)
    if isinstance(reservation, CreateRefusal):
        return reservation
    before = _planned_occurrence(uow, reservation, request.occurrence)
    if isinstance(before, CreateRefusal):
        return before
    settings = _permitted_settings(uow, request, before.settings or reservation.settings)
    if isinstance(settings, CreateRefusal):
        return settings
    after = decide.requested_occurrence(request, before, reservation, settings, uow.now)
    if isinstance(after, CreateRefusal):
        return after
    others = [
        other
        for other in uow.reservations.occurrences_of(reservation.bookid)
        if other.id != after.id
    ]
    mails = invitations.mails_of_occurrence(Happened.CHANGED, reservation, after)
    refusal = decide.refuse_overlap([*others, after])
    refusal = refusal or _refuse_by_capacity(uow, reservation, [after])
    refusal = refusal or _refuse_by_mails(uow, reservation, mails)
    return refusal or decide.decide_change_occurrence(request, request_key, reservation, after)


def _decide_cancellation(
    uow: ConferencesUnitOfWork, request: CancelBooking, request_key: str
) -> BookingDecision | CreateRefusal:
    """Decide about the cancellation of a reservation, or of one occurrence; or return why it is refused.

    If the reservation ends with it, its number is released here; the caller commits the decision. `request_key`: the
    key of the request in the inbox (table of requests); "" if there is none.
    """
    reservation = _find_reservation(uow, request)
    if isinstance(reservation, CreateRefusal):
        return reservation
    occurrence = None
    if request.occurrence is not None:
        occurrence_or_refusal = _planned_occurrence(uow, reservation, request.occurrence)
        if isinstance(occurrence_or_refusal, CreateRefusal):
            return occurrence_or_refusal
        occurrence = occurrence_or_refusal
    existing = uow.reservations.occurrences_of(reservation.bookid)
    decision = decide.decide_cancel(
        request, request_key, reservation, existing, occurrence, uow.own_site
    )
    if decision.reservation is not None and not decision.reservation.live:
        uow.release_kept_number(reservation.e164)
    return decision

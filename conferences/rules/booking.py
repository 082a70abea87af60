"""Define the rules for booking a conference, and for changing and cancelling a reservation or one occurrence of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec

from conferences.rules import invitations, registry_entries
from conferences.rules.capacity import Span
from conferences.rules.create import CreateRefusal
from conferences.rules.recurrence import (
    FOLLOWED_FOR,
    InvalidRule,
    move_first_start,
    start_before_change,
    zone_of,
)
from conferences.rules.reservation import (
    FARTHEST_START,
    OPEN_STATES,
    BookingDecision,
    BookingNews,
    Happened,
    Occurrence,
    OccurrenceState,
    Reservation,
    ReservationState,
    planned_occurrence,
    starts_to_plan,
)
from conferences.rules.stored_settings import merge_settings
from foundation.bus.outgoing import Answer, Outgoing
from wire.conference_settings import ConferenceSettings
from wire.error_codes import MEANING, Err
from wire.fields import MAX_MINUTES
from wire.reservations import (
    BookConference,
    BookingCancelled,
    BookingChanged,
    BookingFields,
    BookingRefused,
    CancelBooking,
    CancelRefused,
    ChangeBooking,
    ChangeRefused,
    ConferenceBooked,
)
from wire.routes import Routes

GRACE = timedelta(minutes=1)
"""A start that lies no more than this in the past is accepted, because the clocks of askers differ."""
MAX_OF_DOMAIN = 10_000
"""A user domain may have so many live reservations."""
MAX_OCCURRENCES_OF_PERSON = 20_000
"""An account may have so many planned occurrences: fifty daily series."""
_MUST_BE_TIME = "must be a time such as 2027-01-31T09:00:00+01:00"
_State = OccurrenceState

Request = BookConference | ChangeBooking | CancelBooking


def parse_moment(text: str | None) -> datetime | None:
    """Return the time that an ISO 8601 text with an offset names, in UTC and whole seconds; `None` for other texts."""
    try:
        moment = datetime.fromisoformat(text or "")
        # The first and the last day there is lie outside of UTC's range in other zones: OverflowError.
        return moment.astimezone(UTC).replace(microsecond=0) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def requested_settings(
    request: BookingFields, before: ConferenceSettings | None
) -> ConferenceSettings | CreateRefusal:
    """Return the settings of a reservation after a request, or why it is refused.

    Settings that the request leaves out stay as they were `before`; for a new reservation (`None`) they have their
    defaults.
    """
    if before is None:
        if request.name is None:
            return _malformed("confname: is missing")
        before = ConferenceSettings(name=request.name)
    after = merge_settings(before, request)
    if not 1 <= after.duration <= MAX_MINUTES:
        words = f"duration: a reservation lasts 1 to {MAX_MINUTES} minutes"
        return CreateRefusal(Err.DURATION, words)
    return after


def requested_reservation(
    request: BookingFields,
    settings: ConferenceSettings,
    platform: str,
    bookid: str,
    now: datetime,
    before: Reservation | None,
) -> Reservation | CreateRefusal:
    """Return the reservation as it is after a request, or why it is refused.

    `before`: the reservation that the request changes; `None` for a new one, which is returned without a number if the
    request names none.
    """
    start = _requested_start(request, now, before)
    if isinstance(start, CreateRefusal):
        return start
    timezone = request.timezone or (before.timezone if before else "UTC")
    if zone_of(timezone) is None:
        return _malformed("timezone: must be a name of the IANA database, such as Europe/Berlin")
    repeat = before.repeat if before else ""
    if request.repeat is not None:
        repeat = request.repeat.removeprefix("RRULE:").strip().upper()
    creator = request.creator
    values = {
        "e164": request.e164 or (before.e164 if before else ""),
        "settings": settings,
        "starts_at": start,
        "timezone": timezone,
        "repeat": repeat,
    }
    if before is not None:
        return msgspec.structs.replace(before, **values, revision=before.revision + 1)
    return Reservation(
        bookid=bookid,
        source_platform=platform,
        user_domain=request.user_domain,
        created_at=now,
        creator_moid=(creator and creator.moid) or "",
        creator_name=(creator and creator.name) or "",
        **values,  # type: ignore[arg-type]  # each value has the type of its field
    )


def _requested_start(
    request: BookingFields, now: datetime, before: Reservation | None
) -> datetime | CreateRefusal:
    """Return the first start of a reservation after a request, or why it is refused.

    The first start of a series that has begun lies in the past, and stays if the request names no other.
    """
    if request.starttime is None and before is not None:
        return before.starts_at
    start = parse_moment(request.starttime)
    if start is None:
        return _malformed(f"starttime: {_MUST_BE_TIME}")
    if start < (now - GRACE if before is None else now - FOLLOWED_FOR):
        return _malformed("starttime: lies in the past")
    if start > now + FARTHEST_START:
        return _malformed(f"starttime: lies more than {FARTHEST_START.days} days ahead")
    return start


def _malformed(detail: str) -> CreateRefusal:
    """Return the refusal of a request with a malformed field; `detail`: the field, and what is wrong."""
    return CreateRefusal(Err.MALFORMED, detail)


def plan_occurrences(
    reservation: Reservation,
    existing: Sequence[Occurrence],
    now: datetime,
    before: Reservation | None = None,
) -> list[Occurrence] | CreateRefusal:
    """Return the coming occurrences (single meetings) of a new or changed reservation, or why it is refused.

    `existing`: its occurrences so far. `before`: the reservation before its change. Single occurrences that were
    moved, changed or cancelled stay as they are if the rule still has them, also if the time of the others changes;
    occurrences that have begun are not planned again. Refused are a bad rule, no date in the future, and dates that
    overlap.
    """
    try:
        reservation.check_rule()
        starts = starts_to_plan(reservation, now - GRACE, now)
        after, former = reservation.recurrence(), (before or reservation).recurrence()
    except InvalidRule as error:
        return _malformed(f"repeat: {error}")
    by_original = {occurrence.original: occurrence for occurrence in existing}
    planned = []
    for start in starts:
        earlier = by_original.get(start) or by_original.get(
            start_before_change(start, after, former)
        )
        if earlier is None or (earlier.state is _State.PLANNED and not earlier.is_exception):
            planned.append(planned_occurrence(reservation, start))
        elif earlier.state is _State.PLANNED:
            planned.append(_adapt_exception(earlier, reservation, start))
        elif earlier.state is _State.CANCELLED:
            planned.append(earlier.change(original=start))
        else:
            planned.append(earlier)
    if not any(occurrence.state is _State.PLANNED for occurrence in planned):
        return _malformed("starttime: no date of the reservation lies in the future")
    return refuse_overlap(planned) or planned


def _adapt_exception(
    exception: Occurrence, reservation: Reservation, original: datetime
) -> Occurrence:
    """Return an occurrence that was changed by itself (`exception`), after its whole series was changed.

    `original`: its start by the new rule. A time or settings that it has of its own stay.
    """
    is_moved = exception.starts_at != exception.original
    start = exception.starts_at if is_moved else original
    settings = exception.settings or reservation.settings
    moved = exception.change(original=original, starts_at=start, due_at=start)
    return moved.with_settings(settings)


def moved_start(reservation: Reservation, original: datetime, start: datetime) -> datetime:
    """Return the new first start (UTC) of a series that moves as its one meeting from `original` to `start` does."""
    return move_first_start(reservation.recurrence(), original, start)


def refuse_overlap(occurrences: Sequence[Occurrence]) -> CreateRefusal | None:
    """Return why occurrences of one reservation are refused: they share a number but overlap; else `None`."""
    planned = sorted(
        (occurrence for occurrence in occurrences if occurrence.state in OPEN_STATES),
        key=lambda occurrence: occurrence.starts_at,
    )
    for earlier, later in pairwise(planned):
        if later.starts_at < earlier.ends_at:
            day = later.starts_at.isoformat(timespec="minutes")
            return CreateRefusal(
                Err.DURATION, f"duration: the date of {day} would begin before the last one ends"
            )
    return None


def refuse_too_many(planned: Sequence[Occurrence], other_count: int) -> CreateRefusal | None:
    """Return why an account may not plan these occurrences; `None` if it may.

    `other_count`: how many occurrences its other reservations have planned.
    """
    if len(planned) + other_count <= MAX_OCCURRENCES_OF_PERSON:
        return None
    words = f"repeat: you have {other_count} dates planned, and at most {MAX_OCCURRENCES_OF_PERSON} may be"
    return CreateRefusal(Err.DOMAIN_LIMIT, f"{words}; cancel some")


def spans_of(occurrences: Sequence[Occurrence]) -> list[Span]:
    """Return when, and for how many places, the planned ones of these meetings need media units, in order of time."""
    planned = (occurrence for occurrence in occurrences if occurrence.state is _State.PLANNED)
    return sorted(
        Span(occurrence.starts_at, occurrence.ends_at, occurrence.places) for occurrence in planned
    )


# ---- decisions -----------------------------------------------------------------------------------


def decide_book(
    request: BookConference,
    request_key: str,
    reservation: Reservation,
    occurrences: Sequence[Occurrence],
    own_site: str,
) -> BookingDecision:
    """Decide to save a new reservation with its first occurrences, and notify the number registries (UPU).

    The request is answered. `request_key`: the key of the request in the inbox (table of received requests).
    """
    ack = ConferenceBooked(reqid=request.reqid, bookid=reservation.bookid, e164=reservation.e164)
    sites = (reservation.source_platform, own_site)
    notices = registry_entries.added_notices(reservation.registry_entry, *sites)
    messages: tuple[Outgoing, ...] = (_answer(request_key, ack), *notices)
    reason = f"booked from {reservation.starts_at}"
    news = (BookingNews(Happened.CREATED, reservation),)
    mails = invitations.mails_of_change(None, reservation, occurrences)
    return BookingDecision(reason, reservation, occurrences, (), messages, news, mails)


def decide_change(
    request: ChangeBooking,
    request_key: str,
    before: Reservation,
    after: Reservation,
    existing: Sequence[Occurrence],
    planned: Sequence[Occurrence],
    own_site: str,
) -> BookingDecision:
    """Decide to save a changed reservation, answer the request, and notify the number registries (UPU).

    `request_key`: the key of the request in the inbox (table of received requests). `existing`: the occurrences so far.
    `planned`: the coming occurrences from now on; other occurrences that have not begun are removed.
    """
    ack = BookingChanged(reqid=request.reqid, bookid=after.bookid, e164=after.e164)
    planned_ids = {occurrence.id for occurrence in planned}
    removed = [
        occurrence.id
        for occurrence in existing
        if occurrence.state is _State.PLANNED and occurrence.id not in planned_ids
    ]
    messages: list[Outgoing] = [_answer(request_key, ack)]
    old, new, sites = before.registry_entry, after.registry_entry, (after.source_platform, own_site)
    if old.e164 != new.e164:
        messages += registry_entries.removed_notices(old, *sites) + registry_entries.added_notices(
            new, *sites
        )
    elif old != new:
        messages += registry_entries.changed_notices(new, *sites)
    news = (BookingNews(Happened.CHANGED, after),)
    mails = invitations.mails_of_change(before, after, planned)
    return BookingDecision("changed", after, planned, removed, messages, news, mails)


def requested_occurrence(
    request: ChangeBooking,
    occurrence: Occurrence,
    reservation: Reservation,
    settings: ConferenceSettings,
    now: datetime,
) -> Occurrence | CreateRefusal:
    """Return `occurrence` of a reservation after a request to change it, with these settings; or why it is refused."""
    start = parse_moment(request.starttime) if request.starttime else occurrence.starts_at
    if start is None:
        return _malformed(f"starttime: {_MUST_BE_TIME}")
    if not now - GRACE <= start <= now + FARTHEST_START:
        return _malformed("starttime: lies in the past, or years ahead")
    if request.e164 not in (None, reservation.e164):
        return CreateRefusal(Err.NOT_PERMITTED, "confE164: all dates share one number")
    own_settings = None if settings == reservation.settings else settings
    moved = occurrence.change(
        starts_at=start, due_at=start, is_exception=True, settings=own_settings
    )
    return moved.with_settings(settings)


def decide_change_occurrence(
    request: ChangeBooking, request_key: str, reservation: Reservation, occurrence: Occurrence
) -> BookingDecision:
    """Decide to save one changed occurrence of a reservation, and answer the request.

    `request_key`: the key of the request in the inbox (table of received requests).
    """
    ack = BookingChanged(reqid=request.reqid, bookid=reservation.bookid, e164=reservation.e164)
    after = reservation.next_revision()
    answer, news = _answer(request_key, ack), BookingNews(Happened.CHANGED, after, occurrence)
    mails = invitations.mails_of_occurrence(Happened.CHANGED, after, occurrence)
    reason = f"{occurrence.original} is changed"
    return BookingDecision(reason, after, (occurrence,), (), (answer,), (news,), mails)


def decide_cancel(
    request: CancelBooking,
    request_key: str,
    reservation: Reservation,
    existing: Sequence[Occurrence],
    occurrence: Occurrence | None,
    own_site: str,
) -> BookingDecision:
    """Decide to cancel a reservation, or only `occurrence`; answer the request.

    `existing`: all occurrences of the reservation. Its running conference goes on. If no occurrence is left, the
    reservation ends, and the number registries (UPU) are notified. `request_key`: the key of the request in the inbox
    (table of received requests).
    """
    ack = BookingCancelled(reqid=request.reqid, bookid=reservation.bookid, e164=reservation.e164)
    answer = _answer(request_key, ack)
    planned = [other for other in existing if other.state is _State.PLANNED]
    to_cancel = [occurrence] if occurrence else planned
    cancelled = [date.change(is_exception=True).close(_State.CANCELLED) for date in to_cancel]
    open_ids = {other.id for other in existing if other.state in OPEN_STATES}
    open_ids -= {closed.id for closed in cancelled}
    if occurrence and open_ids:
        reason, after = f"{occurrence.original} is cancelled", reservation.next_revision()
        news = (BookingNews(Happened.CANCELLED, after, occurrence),)
        mails = invitations.mails_of_occurrence(Happened.CANCELLED, after, *cancelled)
        return BookingDecision(reason, after, cancelled, (), (answer,), news, mails)
    after = reservation.end(ReservationState.CANCELLED)
    notices = registry_entries.removed_notices(
        after.registry_entry, after.source_platform, own_site
    )
    news = (BookingNews(Happened.CANCELLED, after),)
    mails = invitations.mails_of_cancellation(after)
    return BookingDecision("cancelled", after, cancelled, (), (answer, *notices), news, mails)


def decide_refuse_booking(
    request: Request, request_key: str, refusal: CreateRefusal
) -> BookingDecision:
    """Decide to refuse a request about a reservation with a NACK that names the field and what to do.

    `request_key`: the key of the request in the inbox (table of received requests).
    """
    code, detail = refusal
    text = f"{detail}: {MEANING[code]}" if detail and ":" not in detail else detail or MEANING[code]
    nack_class = {BookConference: BookingRefused, ChangeBooking: ChangeRefused}.get(
        type(request), CancelRefused
    )
    nack = nack_class(reqid=request.reqid, bookid=request.bookid, errcode=code, detail=text)
    return BookingDecision(f"refused {code}: {text}", send=(_answer(request_key, nack),))


def _answer(request_key: str, message: ConferenceBooked | BookingRefused) -> Answer:
    """Return the answer to the conference manager whose request has this key in the inbox (table of requests)."""
    return Answer(request=request_key, message=message, route=Routes.CSS_TO_CM)

"""The rules for one date of a reservation: its conference is created at the start, tried again, and given up.

A date has one conference at most that ran. Its row changes in the same transaction as the conference, so a timer that
fires twice, or a takeover in the very second of the start, creates no second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from conferences.rules import outgoing, registry_entries
from conferences.rules.create import CameFrom, CreateRefusal
from conferences.rules.registry_entries import ConfType
from conferences.rules.reservation import (
    OPEN_STATES,
    OPENED_AT_MOST,
    BookingStep,
    Occurrence,
    OccurrenceState,
    Reservation,
    ReservationState,
    dates_to_plan,
    planned_occurrence,
)
from conferences.rules.states import BY_TIMER, Asker, Conference, ConferenceState
from conferences.rules.stored_settings import to_create_request
from foundation.bus.outgoing import Outgoing
from wire.conference_manager import CreateConference
from wire.error_codes import MEANING, Err

TRY_AGAIN_AFTER = timedelta(seconds=10)
_S = OccurrenceState


def create_request_of(reservation: Reservation, occurrence: Occurrence) -> CreateConference:
    """Return the request that creates the conference of a date, as if a conference manager had sent it."""
    return to_create_request(
        occurrence.settings or reservation.settings,
        reservation.user_domain,
        reservation.creator,
        conftype=ConfType.RESERVE,
        e164=reservation.e164,
        reqid=f"{occurrence.id}:{occurrence.attempts + 1}",
    )


def timer_as_asker(occurrence: Occurrence) -> Asker:
    """Return who asks when the timer creates the conference of a date; the key of the request is that of the try."""
    key = f"{occurrence.id}:{occurrence.attempts + 1}"
    return Asker(key, BY_TIMER, key)


def came_from(reservation: Reservation, occurrence: Occurrence) -> CameFrom:
    """Return where the conference of a date comes from; it ends when the date does, also if it begins late or early."""
    name = reservation.settings.name
    return CameFrom(reservation.bookid, name, reservation.holder, occurrence.id, occurrence.ends_at)


def is_to_be_closed(occurrence: Occurrence, now: datetime) -> bool:
    """Tell whether a date that is due is over, or is not tried any more."""
    return occurrence.state is _S.BEGUN or now >= occurrence.gives_up_at


def creating(occurrence: Occurrence, confid: str) -> Occurrence:
    """Return the date while its conference is being created; the conference's own timer sees to an outcome."""
    return occurrence.change(
        state=_S.STARTING, due_at=None, confid=confid, attempts=occurrence.attempts + 1
    )


def try_again(occurrence: Occurrence, code: str, detail: str, now: datetime) -> Occurrence:
    """Return a date whose conference could not be created: it waits for the next try, or for its start."""
    if now < occurrence.starts_at:
        return occurrence.change(state=_S.PLANNED, due_at=occurrence.starts_at)
    return occurrence.change(
        state=_S.STARTING,
        due_at=min(now + TRY_AGAIN_AFTER, occurrence.gives_up_at),
        last_code=code,
        last_detail=detail,
    )


def refused(occurrence: Occurrence, refusal: CreateRefusal, now: datetime) -> Occurrence:
    """Return a date whose conference was refused at once; the refusal counts as a try."""
    counted = occurrence.change(attempts=occurrence.attempts + 1)
    return try_again(counted, refusal.code, refusal.detail, now)


def after_outcome(occurrence: Occurrence, c: Conference, now: datetime) -> Occurrence:
    """Return a date after its conference has begun to run, or has failed to."""
    if occurrence.confid != c.confid or occurrence.state is not _S.STARTING:
        return occurrence
    if c.state is ConferenceState.ENDED:
        return try_again(occurrence, c.end_code, "", now)
    return occurrence.change(state=_S.BEGUN, due_at=max(occurrence.ends_at, now))


def has_outcome(before: Conference | None, after: Conference) -> bool:
    """Tell whether a change of a conference is the outcome that a date of a reservation waits for."""
    was_creating = before is not None and before.state is ConferenceState.CREATING
    return bool(after.occurrence) and was_creating and after.state is not ConferenceState.CREATING


def refuse_opening(occurrence: Occurrence | None, now: datetime) -> CreateRefusal | None:
    """Return why a booked conference cannot be opened early; `None`: it can. `occurrence`: its next planned date."""
    if occurrence is None:
        return CreateRefusal(Err.NOT_FOUND, "bookid")
    if now < occurrence.starts_at - OPENED_AT_MOST:
        hours = OPENED_AT_MOST // timedelta(hours=1)
        detail = f"bookid: it can be opened from {hours} hours before its start on"
        return CreateRefusal(Err.WRONG_STATE, detail)
    return None


def decide_close(
    reservation: Reservation,
    occurrence: Occurrence,
    others: Sequence[Occurrence],
    now: datetime,
    own_site: str,
) -> BookingStep:
    """Close a date that is over or could not be started, plan further ones, and end the reservation after the last.

    `others`: all dates of the reservation but this one. The creator is told why a date could not be started.
    """
    has_failed = occurrence.state is not _S.BEGUN
    closed = occurrence.close(_S.FAILED if has_failed else _S.OVER)
    sent: list[Outgoing] = []
    if has_failed:
        code = occurrence.last_code or Err.SERVICE_STOPPED
        detail = occurrence.last_detail or MEANING.get(code, "")
        sent.append(outgoing.booking_failed(reservation.bookid, reservation.e164, code, detail))
    is_open = [other for other in others if other.state in OPEN_STATES]
    if not reservation.live:
        return BookingStep(f"{occurrence.original} is {closed.state}", None, (closed,), (), sent)
    last = max((other.original for other in (occurrence, *others)), default=now)
    starts = dates_to_plan(reservation, max(last, now), now, len(is_open))
    following = [planned_occurrence(reservation, start) for start in starts]
    after = None
    if not is_open and not following:
        after = reservation.end(ReservationState.OVER)
        sent += registry_entries.removed(after.registry_entry, after.source_platform, own_site)
    reason = f"{occurrence.original} is {closed.state}"
    return BookingStep(reason, after, (closed, *following), (), sent)

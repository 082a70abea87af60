"""The rules by which the conference of one occurrence is created at its start, retried, and given up. Pure functions.

At most one conference of an occurrence runs. The row of the occurrence changes in the same transaction as the
conference, so a timer that fires twice, or a takeover in the second of the start, creates no second conference.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from conferences.rules import outgoing, registry_entries
from conferences.rules.create import CameFrom, CreateRefusal
from conferences.rules.registry_entries import ConfType
from conferences.rules.reservation import (
    MAX_EARLY_OPENING,
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
from conferences.rules.states import BY_TIMER, Asker, Conference, ConferenceState
from conferences.rules.stored_settings import to_create_request
from foundation.bus.outgoing import Outgoing
from wire.conference_manager import CreateConference
from wire.error_codes import MEANING, Err

TRY_AGAIN_AFTER = timedelta(seconds=10)
_State = OccurrenceState


def create_request_of(reservation: Reservation, occurrence: Occurrence) -> CreateConference:
    """Return the request that creates the conference of an occurrence, as if a conference manager had sent it."""
    return to_create_request(
        occurrence.settings or reservation.settings,
        reservation.user_domain,
        reservation.creator,
        conftype=ConfType.RESERVE,
        e164=reservation.e164,
        reqid=f"{occurrence.id}:{occurrence.attempts + 1}",
    )


def timer_as_asker(occurrence: Occurrence) -> Asker:
    """Return the asker (who waits for an answer) of a conference that the timer creates: the timer itself.

    Each attempt to start the occurrence has another request key, so that it is a request of its own.
    """
    key = f"{occurrence.id}:{occurrence.attempts + 1}"
    return Asker(key, BY_TIMER, key)


def origin_of(reservation: Reservation, occurrence: Occurrence) -> CameFrom:
    """Return what an occurrence's conference stores of its reservation, and its end, that of the occurrence."""
    name = reservation.settings.name
    return CameFrom(reservation.bookid, name, reservation.holder, occurrence.id, occurrence.ends_at)


def is_to_be_closed(occurrence: Occurrence, now: datetime) -> bool:
    """Return whether a due meeting must be closed, because it is over or its conference was not started in time."""
    return occurrence.state is _State.BEGUN or now >= occurrence.gives_up_at


def as_starting(occurrence: Occurrence, confid: str) -> Occurrence:
    """Return a meeting (occurrence) in the state STARTING: its conference `confid` is being created.

    One more attempt is counted. No timer is set, since the conference reports the outcome.
    """
    return occurrence.change(
        state=_State.STARTING, due_at=None, confid=confid, attempts=occurrence.attempts + 1
    )


def wait_for_retry(occurrence: Occurrence, code: str, detail: str, now: datetime) -> Occurrence:
    """Return a meeting (occurrence) whose conference could not be created, as it waits for the next attempt.

    If it was opened before its time, it waits for its start instead. `code`, `detail`: why the attempt failed.
    """
    if now < occurrence.starts_at:
        return occurrence.change(state=_State.PLANNED, due_at=occurrence.starts_at)
    return occurrence.change(
        state=_State.STARTING,
        due_at=min(now + TRY_AGAIN_AFTER, occurrence.gives_up_at),
        last_code=code,
        last_detail=detail,
    )


def after_refusal(occurrence: Occurrence, refusal: CreateRefusal, now: datetime) -> Occurrence:
    """Return an occurrence after its conference was refused at once; the refusal counts as an attempt."""
    attempted = occurrence.change(attempts=occurrence.attempts + 1)
    return wait_for_retry(attempted, refusal.code, refusal.detail, now)


def after_outcome(occurrence: Occurrence, conference: Conference, now: datetime) -> Occurrence:
    """Return a meeting (occurrence) after its conference has begun to run, or could not be created.

    It has then begun, or waits for the next attempt. The outcome of another attempt's conference changes nothing.
    """
    if occurrence.confid != conference.confid or occurrence.state is not _State.STARTING:
        return occurrence
    if conference.state is ConferenceState.ENDED:
        return wait_for_retry(occurrence, conference.end_code, "", now)
    return occurrence.change(state=_State.BEGUN, due_at=max(occurrence.ends_at, now))


def has_outcome(before: Conference | None, after: Conference) -> bool:
    """Return whether a conference of a reservation was being created, and now runs or could not be created."""
    was_creating = before is not None and before.state is ConferenceState.CREATING
    return bool(after.occurrence) and was_creating and after.state is not ConferenceState.CREATING


def refuse_opening(occurrence: Occurrence | None, now: datetime) -> CreateRefusal | None:
    """Return why a booked conference cannot be opened early; `None` if it can.

    `occurrence`: the next planned occurrence of the reservation; `None` means that there is none.
    """
    if occurrence is None:
        return CreateRefusal(Err.NOT_FOUND, "bookid")
    if now < occurrence.starts_at - MAX_EARLY_OPENING:
        hours = MAX_EARLY_OPENING // timedelta(hours=1)
        detail = f"bookid: it can be opened from {hours} hours before its start on"
        return CreateRefusal(Err.WRONG_STATE, detail)
    return None


def decide_close(
    reservation: Reservation,
    occurrence: Occurrence,
    others: Sequence[Occurrence],
    now: datetime,
    own_site: str,
) -> BookingDecision:
    """Decide to close a meeting (occurrence) that is over or could not be started, and plan further ones.

    A reservation without any ends. `others`: its other meetings. If the meeting could not be started, the conference
    managers are told why.
    """
    has_failed = occurrence.state is not _State.BEGUN
    closed = occurrence.close(_State.FAILED if has_failed else _State.OVER)
    reason = f"{occurrence.original} is {closed.state}"
    messages: list[Outgoing] = []
    news = [BookingNews(Happened.FAILED, reservation, closed)] if has_failed else []
    if has_failed:
        code = occurrence.last_code or Err.SERVICE_STOPPED
        detail = occurrence.last_detail or MEANING.get(code, "")
        messages.append(outgoing.booking_failed(reservation.bookid, reservation.e164, code, detail))
    open_occurrences = [other for other in others if other.state in OPEN_STATES]
    if not reservation.live:
        return BookingDecision(reason, None, (closed,), (), messages, news)
    last = max((other.original for other in (occurrence, *others)), default=now)
    starts = starts_to_plan(reservation, max(last, now), now, len(open_occurrences))
    following = [planned_occurrence(reservation, start) for start in starts]
    after = None
    if not open_occurrences and not following:
        after = reservation.end(ReservationState.OVER)
        messages += registry_entries.removed_notices(
            after.registry_entry, after.source_platform, own_site
        )
        news.append(BookingNews(Happened.OVER, after))
    return BookingDecision(reason, after, (closed, *following), (), messages, news)

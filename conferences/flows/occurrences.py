"""A timer starts the conferences of reservations, retries, gives up, and closes occurrences that are over.

CSS -> RMS  GET_RES_REQ                                  start_due
CSS -> CM   MAU_CM_CONFSTART_NTF (once the conference runs, see create.py)
CSS -> CM   MAU_CM_RELEASECONF_NTF (the conference could not be started until 10 minutes after its start)
CSS -> UPU  CSS_UPU_DELCONF_NTF (the last occurrence is over)

Occurrences are found by the indexed column `due_at`, so the cost grows with the number of occurrences that are due.
Their rows are locked with SKIP LOCKED, and change in the transaction that creates their conference. So two workers, a
timer that fires twice, or a takeover in the second of the start create one conference only.
"""

from __future__ import annotations

from conferences.data.begin import begin_occurrence
from conferences.data.commit import commit_booking
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.data.queries import has_due_row
from conferences.data.reservations import OCCURRENCES
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.occurrence import (
    after_refusal,
    create_request_of,
    decide_close,
    is_to_be_closed,
    timer_as_asker,
)
from conferences.rules.reservation import (
    BookingDecision,
    Occurrence,
    Reservation,
)
from foundation.bus.unit_of_work import begin
from foundation.cells.serving import read_recent

BATCH = 200
MAX_ROUNDS = 50


def start_due(platform: str) -> int:
    """Handle the occurrences (single meetings) of a platform's reservations that are due, and return how many.

    Each is started, tried again, or closed. At most MAX_ROUNDS times BATCH are handled in one call.
    """
    if not has_due_row(read_recent(platform), OCCURRENCES):
        return 0
    total = 0
    for _ in range(MAX_ROUNDS):
        count = _handle_batch(platform)
        total += count
        if count < BATCH:
            break
    return total


def _handle_batch(platform: str) -> int:
    """Start or close at most BATCH occurrences (meetings of reservations) that are due, in one transaction.

    Returns how many; 0 if another site may write the platform's data.
    """
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        if not uow.is_open:
            return 0
        due = conferences.reservations.claim_due(BATCH)
        to_close = [book for book, occurrence in due if is_to_be_closed(occurrence, uow.now)]
        # Rows that the loop below needs are read at once, not one query for each.
        if to_close:
            conferences.reservations.load_occurrences({book.bookid for book in to_close})
            conferences.prepare_numbers({book.e164 for book in to_close})
        conferences.prepare(
            [
                create_request_of(*entry)
                for entry in due
                if not is_to_be_closed(entry.occurrence, uow.now)
            ]
        )
        for reservation, occurrence in due:
            handle_due(conferences, reservation, occurrence)
    return len(due)


def handle_due(
    uow: ConferencesUnitOfWork, reservation: Reservation, occurrence: Occurrence
) -> None:
    """Create the conference of an occurrence that is due; close one that is over, or that is too late to start.

    If the conference is refused, the occurrence is tried again later.
    """
    if is_to_be_closed(occurrence, uow.now):
        others = [
            other
            for other in uow.reservations.occurrences_of(reservation.bookid)
            if other.id != occurrence.id
        ]
        decision = decide_close(reservation, occurrence, others, uow.now, uow.own_site)
        if decision.reservation is not None and not decision.reservation.live:
            uow.release_kept_number(reservation.e164)
        commit_booking(uow, decision)
    elif refusal := begin_occurrence(uow, reservation, occurrence, timer_as_asker(occurrence)):
        later = after_refusal(occurrence, refusal, uow.now)
        commit_booking(
            uow, BookingDecision(f"{occurrence.id}: {refusal.code}, again later", None, (later,))
        )

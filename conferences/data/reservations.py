"""The reservations and occurrences that one transaction reads, locks and changes; `flush` writes them at its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
import orjson

from conferences.data import metrics
from conferences.data.invitation_mails import InvitationMails
from conferences.rules.capacity import FOR_EVER, Capacity, Span, capacity_of
from conferences.rules.occurrence import after_outcome
from conferences.rules.reservation import (
    LONG_OCCURRENCE,
    OPEN_STATES,
    BookingDecision,
    Occurrence,
    OccurrenceState,
    Reservation,
)
from conferences.rules.states import Conference
from domains.data import hooks
from domains.rules.personal_notices import PersonalNotice
from foundation.bus.outbox import to_db_datetime
from foundation.bus.typed_json import encode, read_own
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of
from wire.fields import MAX_MINUTES

BOOKS, OCCURRENCES = "conferences_reservation", "conferences_occurrence"
_BOOK_COLUMNS = (
    "bookid",
    "e164",
    "live_e164",
    "name",
    "state",
    "source_platform",
    "user_domain",
    "creator_moid",
    "starts_at",
    "timezone",
    "repeat",
    "detail",
)
_OCCURRENCE_COLUMNS = (
    "id",
    "bookid",
    "user_domain",
    "creator_moid",
    "starts_at",
    "ends_at",
    "places",
    "is_long",
    "state",
    "due_at",
    "detail",
)
_OPEN = tuple(state.value for state in OPEN_STATES)
_LONGEST = timedelta(minutes=MAX_MINUTES)
_WINDOWS = 100
"""One SQL statement searches for occurrences in at most so many windows (spans of time)."""

_decode_reservation = msgspec.json.Decoder(Reservation).decode
_decode_occurrence = msgspec.json.Decoder(Occurrence).decode


def decode_reservation(detail: bytes) -> Reservation:
    """Return the reservation in the column `detail` of a row; its terminals may have fields that are not declared."""
    try:
        return _decode_reservation(detail)
    except msgspec.ValidationError:
        # An earlier release has written it, or a terminal has a field that is not declared.
        return read_own(Reservation, orjson.loads(detail))


def decode_occurrence(detail: bytes) -> Occurrence:
    """Return the occurrence that a row's column `detail` holds, also one that an earlier release has written."""
    try:
        return _decode_occurrence(detail)
    except msgspec.ValidationError:
        return read_own(Occurrence, orjson.loads(detail))


class DueOccurrence(NamedTuple):
    """Represent an occurrence that the timer has to handle now, with its reservation."""

    reservation: Reservation
    occurrence: Occurrence


class Reservations:
    """The reservations of one platform, within one transaction.

    `_books`: id -> reservation, `None` if there is none. `_occurrences`: id -> occurrence. `_changed_books` and
    `_changed_occurrences` are those to write, `_removed` the ids of occurrences to delete. `_with_all_occurrences`: the
    reservations whose occurrences are read. `_outcomes`: see `stage_outcome`. `_occurrence_changes`: the changes of
    occurrences as pairs (before, after), for the metrics.
    """

    def __init__(self, database: str, now: datetime) -> None:
        """Keep database and time of the transaction; no row is read yet."""
        self._database, self._now = database, now
        self._books: dict[str, Reservation | None] = {}
        self._occurrences: dict[str, Occurrence] = {}
        self._with_all_occurrences: set[str] = set()
        self._changed_books: dict[str, Reservation] = {}
        self._changed_occurrences: dict[str, Occurrence] = {}
        self._removed: set[str] = set()
        self._outcomes: list[Conference] = []
        self.notices: list[PersonalNotice] = []
        self.mails = InvitationMails(database, now)
        self._occurrence_changes: list[tuple[Occurrence | None, Occurrence]] = []

    # ---- reading ----------------------------------------------------------------------------

    def load(self, bookid: str) -> Reservation | None:
        """Lock and return the reservation with this id, even if it is over or cancelled; `None` means there is none."""
        if bookid not in self._books:
            self._lock_reservations("bookid", [bookid])
        return self._books.setdefault(bookid, None)

    def load_by_number(self, e164: str) -> Reservation | None:
        """Lock and return the live reservation with this number; `None` means there is none."""
        rows = self._lock_reservations("live_e164", [e164])
        return rows[0] if rows else None

    def _lock_reservations(self, column: str, values: Sequence[str]) -> list[Reservation]:
        """Lock and return the reservations whose column has one of these values."""
        query = (
            f"SELECT detail FROM {BOOKS} WHERE {column} IN ({sql.marks(values)})"
            " ORDER BY bookid FOR UPDATE"
        )
        rows = sql.select(self._database, query, values)
        return [self._remember_reservation(decode_reservation(row[0])) for row in rows]

    def _remember_reservation(self, reservation: Reservation) -> Reservation:
        """Remember a reservation that was read, and return it with the changes that this transaction has staged."""
        current = self._books.get(reservation.bookid) or reservation
        self._books[reservation.bookid] = current
        return current

    def occurrences_of(self, bookid: str) -> list[Occurrence]:
        """Lock and return a reservation's occurrences by their start, without closed ones that ended over a day ago."""
        self.load_occurrences([bookid])
        occurrences = [
            occurrence
            for occurrence in self._occurrences.values()
            if occurrence.bookid == bookid and occurrence.id not in self._removed
        ]
        return sorted(occurrences, key=lambda occurrence: occurrence.starts_at)

    def load_occurrences(self, bookids: Collection[str]) -> None:
        """Lock and read the occurrences of many reservations at once, for `occurrences_of`."""
        missing = sorted(set(bookids) - self._with_all_occurrences)
        if not missing:
            return
        self._with_all_occurrences.update(missing)
        query = (
            f"SELECT detail FROM {OCCURRENCES} WHERE bookid IN ({sql.marks(missing)})"
            f" AND (ends_at > %s OR state IN ({sql.marks(_OPEN)})) ORDER BY id FOR UPDATE"
        )
        values = [*missing, to_db_datetime(self._now - timedelta(days=1)), *_OPEN]
        for (detail,) in sql.select(self._database, query, values):
            occurrence = decode_occurrence(detail)
            self._occurrences.setdefault(occurrence.id, occurrence)

    def claim_due(self, limit: int) -> list[DueOccurrence]:
        """Lock and return occurrences that are due for the timer; skip those that another worker has locked."""
        rows = sql.select(
            self._database,
            f"SELECT r.detail, o.detail FROM {OCCURRENCES} o JOIN {BOOKS} r ON r.bookid = o.bookid"
            " WHERE o.due_at <= %s ORDER BY o.due_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [to_db_datetime(self._now), limit],
        )
        due = []
        for book, detail in rows:
            reservation = self._remember_reservation(decode_reservation(book))
            occurrence = decode_occurrence(detail)
            self._occurrences[occurrence.id] = occurrence
            due.append(DueOccurrence(reservation, occurrence))
        return due

    def count_of_domain(self, user_domain: str, limit: int) -> int:
        """Return how many live reservations a user domain has, counted up to `limit`."""
        query = (
            f"SELECT COUNT(*) FROM (SELECT 1 FROM {BOOKS} WHERE user_domain=%s"
            " AND live_e164 IS NOT NULL LIMIT %s) AS live"
        )
        return int(sql.select(self._database, query, [user_domain, limit])[0][0])

    def count_occurrences_of(self, creator: str, except_bookid: str, limit: int) -> int:
        """Return how many planned occurrences an account has, at most `limit`, without those of `except_bookid`."""
        query = (
            f"SELECT COUNT(*) FROM (SELECT 1 FROM {OCCURRENCES} WHERE creator_moid=%s"
            " AND state='planned' AND bookid <> %s LIMIT %s) AS planned"
        )
        return int(sql.select(self._database, query, [creator, except_bookid, limit])[0][0])

    # ---- booked places, and capacity --------------------------------------------------------

    def booked(
        self,
        windows: Sequence[Span],
        except_of: str = "",
        states: Sequence[OccurrenceState] = OPEN_STATES,
    ) -> list[Span]:
        """Return the spans (time and places) of all occurrences in these states that overlap with any of the windows.

        The occurrences of the reservation `except_of` are left out.
        """
        spans: dict[str, Span] = {}
        for first in range(0, len(windows), _WINDOWS):
            spans |= self._stored_spans(windows[first : first + _WINDOWS], except_of, states)
        for occurrence in self._changed_occurrences.values():
            spans.pop(occurrence.id, None)
            if occurrence.bookid != except_of and occurrence.state in states:
                span = Span(occurrence.starts_at, occurrence.ends_at, occurrence.places)
                if any(_overlap(span, window) for window in windows):
                    spans[occurrence.id] = span
        return [span for key, span in spans.items() if key not in self._removed]

    def _stored_spans(
        self, windows: Sequence[Span], except_of: str, states: Sequence[OccurrenceState]
    ) -> dict[str, Span]:
        """Return id -> span (time and places) of the stored occurrences that overlap with any of the windows.

        Such an occurrence began at most LONG_OCCURRENCE before the window, or is one of the few long occurrences, so
        few rows are read.
        """
        conditions, values = list[str](), list[object]()
        for is_long, longest in ((False, LONG_OCCURRENCE), (True, _LONGEST)):
            for window in windows:
                conditions.append(
                    "(is_long=%s AND starts_at > %s AND starts_at < %s AND ends_at > %s)"
                )
                earliest = to_db_datetime(window.starts_at - longest - timedelta(seconds=1))
                start, end = to_db_datetime(window.starts_at), to_db_datetime(window.ends_at)
                values += [is_long, earliest, end, start]
        query = (
            f"SELECT id, bookid, starts_at, ends_at, places FROM {OCCURRENCES} WHERE ({' OR '.join(conditions)})"
            f" AND state IN ({sql.marks(states)})"
        )
        values += [state.value for state in states]
        rows = sql.select(self._database, query, values)
        return {
            key: Span(_utc(start), _utc(end), places)
            for key, bookid, start, end, places in rows
            if bookid != except_of
        }

    def running_after(self, moment: datetime, except_confid: str) -> list[Span]:
        """Return from a moment on the spans of live conferences that end later, except of the one with this id."""
        query = (
            "SELECT ends_at, places FROM conferences_conference WHERE live_e164 IS NOT NULL"
            " AND (ends_at IS NULL OR ends_at > %s) AND confid <> %s"
        )
        rows = sql.select(self._database, query, [to_db_datetime(moment), except_confid])
        return [Span(moment, _utc(end) if end else FOR_EVER, places) for end, places in rows]

    def usual_load(self) -> dict[int, float]:
        """Return hour of the week (0 to 167) -> places that conferences without a reservation usually use then."""
        # In the first week `usual` is 0 yet, and the peak so far stands for it.
        query = "SELECT hour, GREATEST(usual, IF(usual = 0, peak, 0)) FROM conferences_usualload"
        return {hour: float(places) for hour, places in sql.select(self._database, query)}

    def capacity(self) -> Capacity | None:
        """Return the capacity of the media units of this site; `None` means that no unit is known."""
        query = (
            "SELECT CAST(JSON_VALUE(capacity, '$.ports') AS SIGNED) FROM conferences_resourceunit"
            " WHERE restype='mcu' AND online=1 AND draining=0"
        )
        rows = sql.select(store_of(own_platform()).database, query)
        return capacity_of([ports for (ports,) in rows if ports])

    # ---- writing ----------------------------------------------------------------------------

    def save(self, decision: BookingDecision) -> None:
        """Stage a reservation and occurrences that a decision changes or removes; `flush` writes them."""
        if (book := decision.reservation) is not None:
            self._books[book.bookid] = self._changed_books[book.bookid] = book
        for occurrence in decision.occurrences:
            self._stage_occurrence(occurrence)
            self._removed.discard(occurrence.id)
        for key in decision.removed:
            self._changed_occurrences.pop(key, None)
            self._removed.add(key)

    def _stage_occurrence(self, after: Occurrence) -> None:
        """Keep the new state of an occurrence, to be saved at the end, and note the change for the metrics."""
        self._occurrence_changes.append((self._occurrences.get(after.id), after))
        self._occurrences[after.id] = self._changed_occurrences[after.id] = after

    def after_commit(self) -> None:
        """Count the changes of occurrences for Prometheus."""
        for before, after in self._occurrence_changes:
            metrics.observe_occurrence(before, after, self._now)

    def notify(self, notice: PersonalNotice) -> None:
        """Stage a notice to a person, who gets it once the transaction has committed."""
        self.notices.append(notice)

    def stage_outcome(self, conference: Conference) -> None:
        """Remember that a booked conference runs now or could not be created; `flush` then changes its occurrence."""
        self._outcomes.append(conference)

    def flush(self, platform: str) -> None:
        """Write what the transaction has staged, a statement or two for each table, and hand over people's notices."""
        if self.notices:
            hooks.PERSONAL_NOTICES.call(platform, self.notices)
        self._apply_outcomes()
        changed_books = [book for _, book in sorted(self._changed_books.items())]
        self.mails.flush(changed_books)
        books = [_book_row(book) for book in changed_books]
        sql.insert(self._database, BOOKS, _BOOK_COLUMNS, books, _BOOK_COLUMNS[1:])
        changed = [occurrence for _, occurrence in sorted(self._changed_occurrences.items())]
        self._load_reservations({occurrence.bookid for occurrence in changed})
        occurrences = [
            _occurrence_row(occurrence, book)
            for occurrence in changed
            if (book := self._books[occurrence.bookid])
        ]
        sql.insert(
            self._database, OCCURRENCES, _OCCURRENCE_COLUMNS, occurrences, _OCCURRENCE_COLUMNS[1:]
        )
        if keys := sorted(self._removed):
            sql.execute(
                self._database, f"DELETE FROM {OCCURRENCES} WHERE id IN ({sql.marks(keys)})", keys
            )

    def _apply_outcomes(self) -> None:
        """Change the occurrences (meetings) whose conferences run now or could not be created; skip deleted ones."""
        missing = sorted(
            {conference.occurrence for conference in self._outcomes} - self._occurrences.keys()
        )
        if missing:
            query = f"SELECT detail FROM {OCCURRENCES} WHERE id IN ({sql.marks(missing)}) ORDER BY id FOR UPDATE"
            for (detail,) in sql.select(self._database, query, missing):
                occurrence = decode_occurrence(detail)
                self._occurrences[occurrence.id] = occurrence
        for conference in self._outcomes:
            before = self._occurrences.get(conference.occurrence)
            if before is not None:
                self._stage_occurrence(after_outcome(before, conference, self._now))
        self._outcomes = []

    def _load_reservations(self, bookids: Collection[str]) -> None:
        """Read those of the reservations that are not read yet, as rows of occurrences repeat some of their columns."""
        missing = sorted(bookid for bookid in bookids if not self._books.get(bookid))
        if missing:
            query = f"SELECT detail FROM {BOOKS} WHERE bookid IN ({sql.marks(missing)})"
            for (detail,) in sql.select(self._database, query, missing):
                self._remember_reservation(decode_reservation(detail))


def _overlap(first: Span, second: Span) -> bool:
    """Return whether two spans of time have a moment in common."""
    return first.starts_at < second.ends_at and second.starts_at < first.ends_at


def _utc(moment: datetime) -> datetime:
    """Return a time from the database, where none has a zone, as a time in UTC."""
    return moment.replace(tzinfo=UTC)


def _book_row(book: Reservation) -> tuple[object, ...]:
    """Return the row of a reservation: the values of _BOOK_COLUMNS, in their order."""
    return (
        book.bookid,
        book.e164,
        book.e164 if book.live else None,
        book.settings.name,
        book.state.value,
        book.source_platform,
        book.user_domain,
        book.creator_moid,
        to_db_datetime(book.starts_at),
        book.timezone,
        book.repeat,
        encode(book),
    )


def _occurrence_row(occurrence: Occurrence, book: Reservation) -> tuple[object, ...]:
    """Return the row of an occurrence: the values of _OCCURRENCE_COLUMNS, in their order."""
    return (
        occurrence.id,
        occurrence.bookid,
        book.user_domain,
        book.creator_moid,
        to_db_datetime(occurrence.starts_at),
        to_db_datetime(occurrence.ends_at),
        occurrence.places,
        occurrence.ends_at - occurrence.starts_at > LONG_OCCURRENCE,
        occurrence.state.value,
        to_db_datetime(occurrence.due_at) if occurrence.due_at else None,
        encode(occurrence),
    )

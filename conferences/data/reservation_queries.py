"""Define queries on reservations and their occurrences for the HTTP API and the pages. Read-only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from conferences.data.invitation_mails import INVITED
from conferences.data.reservations import BOOKS, OCCURRENCES, decode_occurrence, decode_reservation
from conferences.rules.capacity import Span
from conferences.rules.reservation import LONG_OCCURRENCE, OPEN_STATES, Occurrence, Reservation
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms
from wire.fields import MAX_MINUTES

FOR_EVER = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


class BookedOccurrence(NamedTuple):
    """Represent a planned occurrence, and its reservation."""

    reservation: Reservation
    occurrence: Occurrence


class BookedPage(NamedTuple):
    """Some planned occurrences of a list, and the length of the whole list."""

    total: int
    occurrences: list[BookedOccurrence]


def planned_page(
    database: str,
    column: str,
    owner: str,
    since: datetime,
    until: datetime = FOR_EVER,
    *,
    start: int = 0,
    count: int = 100,
    latest_first: bool = False,
) -> BookedPage:
    """Return one page of an owner's planned occurrences (single meetings of reservations), in the order of their start.

    `column` is `user_domain` or `creator_moid`, and `owner` its value. Those count that begin from `since` on and
    before `until`. An index has owner, state and start, so only the rows of the page are read in full. It is read
    from its nearer end, since each row before the page takes time.
    """
    of_owner = f"FROM {OCCURRENCES} WHERE {column}=%s AND state='planned'"
    from_where = f"{of_owner} AND starts_at >= %s AND starts_at < %s"
    values = (owner, to_db_datetime(since), to_db_datetime(until))
    total = _count_planned(database, of_owner, values, is_open_ended=until == FOR_EVER)
    order, reverse = ("DESC", "ASC") if latest_first else ("ASC", "DESC")
    near, skipped = order, start
    if start > total // 2:
        count = max(0, min(count, total - start))
        near, skipped = reverse, max(0, total - start - count)
    rows = sql.select(
        database,
        f"SELECT r.detail, o.detail FROM (SELECT id AS chosen {from_where}"
        f" ORDER BY starts_at {near}, id {near} LIMIT %s OFFSET %s) AS page"
        f" JOIN {OCCURRENCES} o ON o.id = page.chosen JOIN {BOOKS} r ON r.bookid = o.bookid"
        f" ORDER BY o.starts_at {order}, o.id {order}",
        [*values, count, skipped],
    )
    return BookedPage(total, [_booked_occurrence(row) for row in rows])


def _count_planned(
    database: str, of_owner: str, values: tuple[str, datetime, datetime], *, is_open_ended: bool
) -> int:
    """Return how many planned occurrences of an owner begin from one moment on and before another.

    `of_owner`: the query's tables and first conditions. `values`: the owner and both moments. Without an end nearly all
    of the owner's rows count: all, less the few before the beginning, take two thirds of the time of a range.
    """
    owner, since, until = values
    if is_open_ended:
        query = (
            f"SELECT (SELECT COUNT(*) {of_owner}) - (SELECT COUNT(*) {of_owner} AND starts_at < %s)"
        )
        return int(sql.select(database, query, [owner, owner, since])[0][0])
    query = f"SELECT COUNT(*) {of_owner} AND starts_at >= %s AND starts_at < %s"
    return int(sql.select(database, query, [owner, since, until])[0][0])


def coming_of_account(
    database: str, account: str, since: datetime, until: datetime, count: int
) -> list[BookedOccurrence]:
    """Return the planned occurrences between two moments that an account has booked or is invited to, by start."""
    which = "o.state='planned' AND o.starts_at >= %s AND o.starts_at < %s"
    values = [account, to_db_datetime(since), to_db_datetime(until)]
    rows = sql.select(
        database,
        f"SELECT r.detail, o.detail FROM ("
        f"(SELECT o.id FROM {OCCURRENCES} o WHERE o.creator_moid=%s AND {which} ORDER BY o.starts_at LIMIT %s)"
        f" UNION (SELECT o.id FROM {INVITED} i JOIN {OCCURRENCES} o ON o.bookid=i.bookid"
        f" WHERE i.account=%s AND {which} ORDER BY o.starts_at LIMIT %s)) AS page"
        f" JOIN {OCCURRENCES} o ON o.id=page.id JOIN {BOOKS} r ON r.bookid=o.bookid"
        " ORDER BY o.starts_at, o.id LIMIT %s",
        [*values, count, *values, count, count],
    )
    return [_booked_occurrence(row) for row in rows]


def _booked_occurrence(row: tuple[bytes, bytes]) -> BookedOccurrence:
    """Return the occurrence and the reservation of a row `(reservation, occurrence)` of JSON texts."""
    return BookedOccurrence(decode_reservation(row[0]), decode_occurrence(row[1]))


def find_live_reservation(database: str, number_or_id: str) -> Reservation | None:
    """Return the live reservation with this number or id; `None` means there is none."""
    if len(number_or_id) > 40:
        return None
    query = (
        f"SELECT detail FROM {BOOKS} WHERE live_e164 IS NOT NULL AND (live_e164=%s OR bookid=%s)"
    )
    rows = sql.select(database, query, [number_or_id[:16], number_or_id])
    reservations = [decode_reservation(row[0]) for row in rows]
    return next(
        (
            reservation
            for reservation in reservations
            if number_or_id in (reservation.e164, reservation.bookid)
        ),
        None,
    )


def live_reservation_by_number(e164: str) -> Reservation | None:
    """Return the reservation that has this conference number and is not over or cancelled; `None` if there is none.

    All platforms whose data this site has are searched.
    """
    query = f"SELECT detail FROM {BOOKS} WHERE live_e164=%s"
    for platform in possible_platforms():
        for (detail,) in look_up(platform, query, [e164]):
            return decode_reservation(detail)
    return None


def planned_occurrences(database: str, bookid: str, limit: int) -> list[Occurrence]:
    """Return the first planned occurrences of a reservation in the order of start, at most `limit`."""
    query = f"SELECT detail FROM {OCCURRENCES} WHERE bookid=%s AND state='planned' ORDER BY starts_at LIMIT %s"
    return [decode_occurrence(row[0]) for row in sql.select(database, query, [bookid, limit])]


def booked_places(
    database: str, user_domain: str, since: datetime, until: datetime
) -> tuple[list[Span], list[Span]]:
    """Return when occurrences of reservations need how many places of media units, between two points in time.

    The first list is of the reservations of a user domain, the second of all others. The few long occurrences are read
    apart, because they may have begun long before; so an index of `starts_at` finds both.
    """
    query = (
        f"SELECT starts_at, ends_at, places, user_domain=%s FROM {OCCURRENCES} WHERE ends_at > %s"
        f" AND is_long=%s AND starts_at > %s AND starts_at < %s AND state IN ({sql.marks(OPEN_STATES)})"
    )
    own: list[Span] = []
    others: list[Span] = []
    for is_long, longest in ((False, LONG_OCCURRENCE), (True, timedelta(minutes=MAX_MINUTES))):
        earliest = to_db_datetime(since - longest - timedelta(seconds=1))
        values = [user_domain, to_db_datetime(since), is_long, earliest, to_db_datetime(until)]
        for start, end, places, is_own in sql.select(
            database, query, [*values, *(state.value for state in OPEN_STATES)]
        ):
            span = Span(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC), places)
            (own if is_own else others).append(span)
    return own, others

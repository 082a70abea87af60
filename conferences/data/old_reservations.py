"""The functions delete reservations and occurrences which ended long ago, so that the tables stay small."""

from __future__ import annotations

from datetime import datetime

from conferences.data.invitation_mails import INVITED
from conferences.data.reservations import BOOKS, OCCURRENCES
from conferences.rules.reservation import OPEN_STATES, OccurrenceState
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql

DELETED_AT_ONCE = 1000
_CLOSED = tuple(state.value for state in OccurrenceState if state not in OPEN_STATES)

_OLD = (
    f"SELECT id, bookid FROM {OCCURRENCES} WHERE state IN ({sql.marks(_CLOSED)})"
    " AND starts_at < %s AND ends_at < %s LIMIT %s FOR UPDATE SKIP LOCKED"
)


def delete_batch(database: str, before: datetime) -> int:
    """Delete single meetings (occurrences) that were over before this time, at most DELETED_AT_ONCE; return how many.

    A reservation that is over or cancelled is deleted with its last one. Runs in the caller's transaction.
    """
    moment = to_db_datetime(before)
    rows = sql.select(database, _OLD, [*_CLOSED, moment, moment, DELETED_AT_ONCE])
    if not rows:
        return 0
    ids = [occurrence for occurrence, _ in rows]
    bookids = sorted({bookid for _, bookid in rows})
    sql.execute(database, f"DELETE FROM {OCCURRENCES} WHERE id IN ({sql.marks(ids)})", ids)
    sql.execute(
        database,
        f"DELETE FROM {BOOKS} WHERE bookid IN ({sql.marks(bookids)}) AND live_e164 IS NULL"
        f" AND NOT EXISTS (SELECT 1 FROM {OCCURRENCES} o WHERE o.bookid = {BOOKS}.bookid)",
        bookids,
    )
    sql.execute(
        database,
        f"DELETE FROM {INVITED} WHERE bookid IN ({sql.marks(bookids)})"
        f" AND NOT EXISTS (SELECT 1 FROM {BOOKS} r WHERE r.bookid = {INVITED}.bookid)",
        bookids,
    )
    return len(rows)

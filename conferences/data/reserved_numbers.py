"""Queries for the conference numbers that are reported to a number registry (UPU): reserved or in use (CSS §7.1).

They are read in chunks, in the order of the numbers. `lock`: the rows are locked until the caller's transaction ends,
so that later notices about them are newer than the report.
"""

from __future__ import annotations

from conferences.data import row_mapper
from conferences.data.stored_rows import TABLES
from conferences.rules.registry_entries import RegistryEntry
from conferences.rules.states import Conference
from conferences.rules.stored import CONFTYPE, Kind
from foundation.cells import sql

CHUNK = 500

_BOOKED = (
    "SELECT e164, 2, name, user_domain, 'booked' FROM conferences_reservation"
    " WHERE live_e164 > %s ORDER BY live_e164 LIMIT %s"
)
_KEPT = (
    f"SELECT e164, {int(CONFTYPE[kind])}, name, user_domain, 'idle' FROM {TABLES[kind]}"
    " WHERE e164 > %s ORDER BY e164 LIMIT %s"
    for kind in Kind
)
SOURCES = (*_KEPT, _BOOKED)
"""A query for each table whose rows have numbers; it selects number, kind, name, user domain and state.

Its parameters are the number after which to begin, and the maximum of rows."""

_RUNNING = (
    f"SELECT {row_mapper.DETAIL_COLUMN} FROM conferences_conference"
    " WHERE live_e164 > %s AND state='running' ORDER BY live_e164 LIMIT %s"
)
_LOCK = " LOCK IN SHARE MODE"


def next_kept_numbers(
    database: str, platform: str, source: str, after: str, *, lock: bool
) -> list[RegistryEntry]:
    """Return the next registry entries of a platform's reserved conference numbers, after `after`; [] means no more.

    `source`: one of SOURCES. `lock`: the rows stay locked until the transaction ends.
    """
    query = source + _LOCK if lock else source
    rows = sql.select(database, query, [after, CHUNK])
    return [
        RegistryEntry(e164, conftype, name, user_domain, platform, state)
        for e164, conftype, name, user_domain, state in rows
    ]


def next_running_conferences(database: str, after: str) -> list[Conference]:
    """Lock and return the next running conferences, after the number `after`; [] means that there are no more."""
    return [
        row_mapper.from_row(row) for row in sql.select(database, _RUNNING + _LOCK, [after, CHUNK])
    ]


def mark_reported(database: str, platform: str) -> None:
    """Store, in the data of this site's own platform, that its number registry has numbers of another platform."""
    sql.insert(
        database, "conferences_numberreport", ("platform",), [(platform,)], update=("platform",)
    )


def is_reported(database: str, platform: str) -> bool:
    """Return whether this site's number registry has numbers of another platform (see `mark_reported`)."""
    query = "SELECT 1 FROM conferences_numberreport WHERE platform=%s"
    return bool(sql.select(database, query, [platform]))


def mark_withdrawn(database: str, platform: str) -> None:
    """Store that this site's number registry has no numbers of another platform any more."""
    sql.execute(database, "DELETE FROM conferences_numberreport WHERE platform=%s", [platform])

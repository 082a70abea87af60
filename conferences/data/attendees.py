"""The table of attendees keeps which accounts have entered conferences, or were called into them."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db import DatabaseError, InterfaceError

from conferences.data import row_mapper
from conferences.data.invitation_mails import INVITED
from conferences.rules.attendance import called_names
from conferences.rules.states import Conference
from domains.data.lookups import accounts_by_name
from foundation.cells import sql
from foundation.cells.directory import store_of

log = logging.getLogger("conferences.attendees")

ATTENDEES = "conferences_attendee"
_CONFERENCES = "conferences_conference"
_COLUMNS = ("moid", "confid", "visitor")
_VISITOR = re.compile("[0-9a-f]{16}")
MAX_BROWSERS = 20
"""With at most so many browsers one account is known in one conference, so that nobody fills the table."""


def record_entry(platform: str, confid: str, account: str, visitor: str) -> None:
    """Record that an account (MOID) enters a conference with the browser that has the id `visitor`.

    Another text than such an id, and more browsers than MAX_BROWSERS, are ignored. An error of the database is logged
    and keeps nobody out: the account then appears as a guest.
    """
    if not _VISITOR.fullmatch(visitor):
        return
    query = (
        f"INSERT IGNORE INTO {ATTENDEES} (moid, confid, visitor) SELECT %s, %s, %s FROM DUAL"
        f" WHERE (SELECT COUNT(*) FROM {ATTENDEES} WHERE moid=%s AND confid=%s) < %s"
    )
    values = [account, confid, visitor, account, confid, MAX_BROWSERS]
    try:
        sql.execute(store_of(platform).database, query, values)
    except (DatabaseError, InterfaceError) as error:
        log.warning("who enters %s is not recorded: %s", confid, error)


def add_called(
    database: str, platform: str, transitions: Sequence[tuple[Conference | None, Conference]]
) -> None:
    """Store which accounts were called or invited into conferences that end.

    `transitions`: the changes of this transaction, as pairs (before, after); those that end no conference are
    ignored.
    """
    ended = [after for before, after in transitions if before and not after.live]
    rows = _accounts_called(platform, ended) | _accounts_invited(database, ended)
    sql.insert(database, ATTENDEES, _COLUMNS, sorted(rows), update=_COLUMNS[:1])


def _accounts_called(platform: str, ended: Sequence[Conference]) -> set[tuple[str, str, str]]:
    """Return the rows to store for the accounts that were called into these ended conferences: (MOID, id, "").

    Conferences name whom they call; a name means the account of that name in the conference's user domain.
    """
    called = [
        (conference.confid, conference.user_domain, names)
        for conference in ended
        if (names := called_names(conference))
    ]
    names_in = defaultdict[str, set[str]](set)
    for _, domain, names in called:
        names_in[domain] |= names
    accounts = {domain: accounts_by_name(platform, domain, names_in[domain]) for domain in names_in}
    return {
        (moid, confid, "")
        for confid, domain, names in called
        for name, moid in accounts[domain].items()
        if name in names
    }


def _accounts_invited(database: str, ended: Sequence[Conference]) -> set[tuple[str, str, str]]:
    """Return the rows to store for the accounts invited to these ended conferences: (MOID, conference's id, "").

    Only conferences that were booked (an occurrence of a reservation) have invited people.
    """
    confids = {
        conference.stored_id: conference.confid for conference in ended if conference.occurrence
    }
    if not confids:
        return set()
    query = f"SELECT account, bookid FROM {INVITED} WHERE bookid IN ({sql.marks([*confids])})"
    return {(moid, confids[bookid], "") for moid, bookid in sql.select(database, query, [*confids])}


def past_page(
    database: str, tenant: str, person: str, count: int, before: str = "", search: str = ""
) -> list[Conference]:
    """Return ended conferences of a user domain that an account created, was called into or entered, the latest first.

    At most `count`; `before`: only those older than the one with this id. `search`: a part of the name, or a number.
    Ids grow with time, so both indexes give a page without reading older conferences.
    """
    which = "c.user_domain=%s AND c.ended_at IS NOT NULL"
    values: list[object] = [tenant]
    if before:
        which += " AND c.confid < %s"
        values.append(before)
    if search:
        which += " AND (c.name LIKE %s OR c.e164=%s)"
        values += ["%" + re.sub(r"([\\%_])", r"\\\1", search) + "%", search]
    rows = sql.select(
        database,
        f"SELECT c.{row_mapper.DETAIL_COLUMN} FROM ("
        f"(SELECT c.confid FROM {_CONFERENCES} c WHERE c.creator_moid=%s AND {which}"
        " ORDER BY c.confid DESC LIMIT %s) UNION"
        f" (SELECT DISTINCT c.confid FROM {ATTENDEES} a JOIN {_CONFERENCES} c ON c.confid=a.confid"
        f" WHERE a.moid=%s AND {which} ORDER BY c.confid DESC LIMIT %s)"
        f") AS page JOIN {_CONFERENCES} c ON c.confid=page.confid ORDER BY c.confid DESC LIMIT %s",
        [person, *values, count, person, *values, count, count],
    )
    return [row_mapper.from_row(row) for row in rows]


def past_conference(database: str, tenant: str, person: str, confid: str) -> Conference | None:
    """Return the ended conference with this id, if the person (MOID) created, entered or was called into it.

    Else `None`. It must belong to the user domain `tenant`.
    """
    query = (
        f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_CONFERENCES} c WHERE c.confid=%s AND c.user_domain=%s"
        " AND c.ended_at IS NOT NULL AND (c.creator_moid=%s OR EXISTS"
        f" (SELECT 1 FROM {ATTENDEES} a WHERE a.moid=%s AND a.confid=c.confid))"
    )
    rows = sql.select(database, query, [confid, tenant, person, person])
    return row_mapper.from_row(rows[0]) if rows else None


def accounts_of_browsers(database: str, confid: str) -> Mapping[str, str]:
    """Return from which browsers accounts have entered a conference: id of the browser -> MOID.

    A browser from which two accounts have entered is left out: it would give one of them the other's time.
    """
    query = f"SELECT visitor, moid FROM {ATTENDEES} WHERE confid=%s AND visitor<>''"
    owners = defaultdict[str, set[str]](set)
    for visitor, moid in sql.select(database, query, [confid]):
        owners[visitor].add(moid)
    return {visitor: min(moids) for visitor, moids in owners.items() if len(moids) == 1}


def browsers_of(database: str, confid: str, account: str) -> list[str]:
    """Return the ids of the visitors as whom an account (MOID) has entered a conference by the join page.

    A browser in which another account has entered, too, is left out: nobody knows who uses it now.
    """
    owners = accounts_of_browsers(database, confid)
    return sorted(visitor for visitor, owner in owners.items() if owner == account)


def accounts_called(platform: str, conference: Conference) -> Mapping[str, str]:
    """Return which account each name that an ended conference has called means now: name -> MOID.

    Unknown ones are left out.
    """
    return accounts_by_name(platform, conference.user_domain, called_names(conference))

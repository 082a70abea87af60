"""Queries on conferences for the HTTP API, the pages and the hooks. Read-only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from conferences.data import row_mapper
from conferences.rules.outgoing import wire_time
from conferences.rules.states import Conference, Unit
from domains.data.hooks import RunningConference
from domains.data.lookups import TENANTS_BELOW, level_of
from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms, store_of
from wire.conference_manager import ListedConference
from wire.fields import Join

_TABLE = "conferences_conference"


def list_item(c: Conference) -> ListedConference:
    """Return a conference as lists on the wire show it."""
    return ListedConference(
        e164=c.e164,
        confid=c.confid,
        name=c.name,
        conftype=c.conftype,
        state=c.state.value,
        user_domain=c.user_domain,
        platform=c.hosting_platform or c.source_platform,
        starttime=wire_time(c.started_at or c.created_at),
        places=c.places,
        online=sum(1 for terminal in c.mts if terminal.online),
        shortnum=c.shortnum,
        endtime=wire_time(c.ends_at),
        mcu=c.unit.wire if c.unit else None,
        join=c.join,
    )


def list_page(
    database: str, domain: str, start: int, count: int
) -> tuple[int, list[ListedConference]] | None:
    """Return the count and one page of the live conferences of a domain, oldest first.

    `None` means that it is no user or platform domain.
    """
    level = level_of(database, domain)
    if level not in (0, 1):
        return None
    column = "user_domain" if level == 0 else "source_platform"
    total, conferences = page_of(database, column, domain, start, count)
    return total, [list_item(c) for c in conferences]


def page_of(
    database: str, column: str, value: str, start: int, count: int
) -> tuple[int, list[Conference]]:
    """Return the count and one page of live conferences by user domain or source platform."""
    where = f"FROM {_TABLE} WHERE {column}=%s AND live_e164 IS NOT NULL"
    total = sql.select(database, f"SELECT COUNT(*) {where}", [value])[0][0]
    rows = sql.select(
        database,
        f"SELECT {row_mapper.READ} {where} ORDER BY confid LIMIT %s OFFSET %s",
        [value, count, start],
    )
    return total, [row_mapper.from_row(row) for row in rows]


def page_of_person(tenant: str, person: str, most: int) -> tuple[int, list[Conference]]:
    """Return how many live conferences a tenant has, and the first `most` of them.

    The person's own ones come first, the newest before older ones. One query is made for each platform whose
    data this site has.
    """
    total, conferences = 0, list[Conference]()
    for platform in possible_platforms():
        rows = look_up(
            platform,
            f"SELECT {row_mapper.READ}, COUNT(*) OVER () FROM {_TABLE}"
            " WHERE user_domain=%s AND live_e164 IS NOT NULL"
            " ORDER BY creator_moid=%s DESC, created_at DESC LIMIT %s",
            [tenant, person, most],
        )
        total += rows[0][1] if rows else 0
        conferences += [row_mapper.from_row(row) for row in rows]
    return total, conferences[:most]


def room_of_unit(database: str, unit: Unit) -> str:
    """Return the MOID of the machine room in which a media unit stands; "" for the default room."""
    rows = sql.select(
        database,
        "SELECT room FROM conferences_resourceunit WHERE restype='mcu' AND ip=%s AND pid=%s",
        [unit.ip, unit.pid],
    )
    return str(rows[0][0]) if rows else ""


def is_hosting(database: str, ip: str, pid: str, site: str) -> bool:
    """Tell whether any live conference of this data is assigned to this unit of this site."""
    query = (
        "SELECT 1 FROM conferences_conference WHERE live_e164 IS NOT NULL"
        " AND unit_ip=%s AND unit_pid=%s AND hosting_platform=%s LIMIT 1"
    )
    return bool(sql.select(database, query, [ip, pid, site]))


def hosted_near_end(database: str, site: str) -> list[Conference]:
    """Return the conferences that run on units of this site and end within 10 minutes, or should have."""
    query = (
        f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_e164 IS NOT NULL AND hosting_platform=%s"
        " AND state='running' AND ends_at <= UTC_TIMESTAMP(6) + INTERVAL 10 MINUTE"
    )
    return [row_mapper.from_row(row) for row in sql.select(database, query, [site])]


def live_by_number(e164: str) -> Conference | None:
    """Return the live conference with this number, of any platform whose data this site has."""
    query = f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_e164=%s"
    for platform in possible_platforms():
        rows = look_up(platform, query, [e164])
        if rows:
            return row_mapper.from_row(rows[0])
    return None


@dataclass(frozen=True, slots=True)
class JoinInfo:
    """The facts of a conference that the join page needs."""

    confid: str
    e164: str
    name: str
    state: str
    password: str
    user_domain: str
    join: Join | None
    platform: str
    """The platform whose data it is part of."""


def join_info(e164: str) -> JoinInfo | None:
    """Return the live conference with this number as the join page needs it; `None` if there is none."""
    c = live_by_number(e164)
    if c is None:
        return None
    join = c.join if c.state.value == "running" else None
    names = (c.confid, c.e164, c.name, c.state.value, c.password, c.user_domain)
    return JoinInfo(*names, join, c.source_platform)


def simulated_units(platform: str) -> frozenset[tuple[str, Unit]]:
    """Return the resources that the simulator plays, and that pages have to show as such."""
    rows = sql.select(
        store_of(platform).database,
        "SELECT restype, ip, pid FROM conferences_resourceunit"
        " WHERE JSON_VALUE(labels, '$.simulated') IN ('1', 'true')",
    )
    return frozenset((kind, Unit(ip, pid, platform)) for kind, ip, pid in rows)


# ---- who is together in a conference, for the conversation of its people ---------------------------

MOST_RUNNING = 500


def running_conferences(
    database: str, known: Mapping[str, int]
) -> tuple[Collection[str], Sequence[RunningConference]]:
    """Return the ids of all live conferences, and those running whose revision is not the known one."""
    query = f"SELECT confid, revision, state FROM {_TABLE} WHERE live_e164 IS NOT NULL"
    live = sql.select(database, query)
    new = [
        confid
        for confid, revision, state in live
        if state == "running" and known.get(confid) != revision
    ][:MOST_RUNNING]
    if not new:
        return [row[0] for row in live], []
    query = f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE confid IN ({sql.marks(new)})"
    conferences = map(row_mapper.from_row, sql.select(database, query, new))
    return [row[0] for row in live], [_running_conference(c) for c in conferences if c.live]


def _running_conference(c: Conference) -> RunningConference:
    """Return a conference as the hook gives it, with the people who are or were in it."""
    people = {terminal.account for terminal in c.mts if terminal.account}
    people |= {stay.account for stay in c.members if stay.account}
    return RunningConference(
        c.confid, c.revision, c.name, c.user_domain, c.creator_moid, frozenset(people)
    )


# ---- what uses a domain or a room, for the rules of the tree -------------------------------------


def uses_of_domain(database: str, moid: str) -> dict[str, int]:
    """Count the conferences that live in a domain, and the media units of a platform."""
    live = (
        "SELECT COUNT(*) FROM conferences_conference WHERE live_e164 IS NOT NULL"
        " AND (user_domain = %s OR source_platform = %s OR hosting_platform = %s)"
    )
    units = "SELECT COUNT(*) FROM conferences_resourceunit WHERE platform = %s"
    counts = sql.select(database, f"SELECT ({live}), ({units})", [moid] * 4)[0]
    return {"conferences": counts[0], "media units": counts[1]}


def uses_of_room(database: str, moid: str) -> dict[str, int]:
    """Count the media units that stand in a machine room."""
    query = "SELECT COUNT(*) FROM conferences_resourceunit WHERE room = %s"
    return {"media units": sql.select(database, query, [moid])[0][0]}


_LIVE_BELOW = (
    " FROM conferences_conference c JOIN tenants t ON t.moid = c.user_domain"
    " WHERE c.live_e164 IS NOT NULL"
)


def count_running_below(database: str, moid: str) -> dict[str, int]:
    """Count the conferences that live in a domain and below it."""
    rows = sql.select(database, f"{TENANTS_BELOW} SELECT COUNT(*){_LIVE_BELOW}", [moid, moid])
    return {"conferences": rows[0][0]}


def numbers_below(database: str, moid: str) -> list[str]:
    """Return the numbers of the conferences that live in a domain and below it."""
    rows = sql.select(database, f"{TENANTS_BELOW} SELECT c.live_e164{_LIVE_BELOW}", [moid, moid])
    return [row[0] for row in rows]


def media_units_by_room(database: str, default_room: str) -> dict[str, list[tuple[str, str, bool]]]:
    """Return `(ip, pid, online)` of the media units in each machine room."""
    units: dict[str, list[tuple[str, str, bool]]] = {}
    query = "SELECT room, ip, pid, online FROM conferences_resourceunit WHERE restype='mcu'"
    for room, ip, pid, online in sql.select(database, query):
        units.setdefault(room or default_room, []).append((ip, pid, bool(online)))
    return units

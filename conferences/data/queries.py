"""What is known of conferences: read-only, for doors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conferences.data import row_mapper
from conferences.rules.outgoing import wire_time
from conferences.rules.states import Conference, Unit
from domains.data.hooks import RunningConference
from domains.data.lookups import TENANTS_BELOW, level_of
from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms, store_of

_TABLE = "conferences_conference"


def list_item(c: Conference) -> dict[str, Any]:
    """A conference as lists on the wire show it."""
    item: dict[str, Any] = {
        "confE164": c.e164,
        "confid": c.confid,
        "confname": c.name,
        "conftype": c.conftype,
        "state": c.state.value,
        "moid": c.user_domain,
        "platformmoid": c.hosting_platform or c.source_platform,
        "starttime": wire_time(c.started_at or c.created_at),
        "maxjoinedmt": c.places,
        "mtnum": sum(1 for m in c.mts if m.get("online")),
        "shortnum": c.shortnum,
    }
    if c.ends_at:
        item["endtime"] = wire_time(c.ends_at)
    if c.unit:
        item["mcu"] = c.unit.wire
    if c.join:
        item["join"] = c.join
    return item


def listed(
    database: str, domain: str, start: int, count: int
) -> tuple[int, list[dict[str, Any]]] | None:
    """One page of the live conferences of a user or platform domain, oldest first."""
    level = level_of(database, domain)
    if level not in (0, 1):
        return None
    column = "user_domain" if level == 0 else "source_platform"
    total, found = page(database, column, domain, start, count)
    return total, [list_item(c) for c in found]


def page(
    database: str, column: str, value: str, start: int, count: int
) -> tuple[int, list[Conference]]:
    """One page of live conferences by tenant or source platform, and how many there are."""
    where = f"FROM {_TABLE} WHERE {column}=%s AND live_e164 IS NOT NULL"
    total = sql.select(database, f"SELECT COUNT(*) {where}", [value])[0][0]
    found = sql.select(
        database,
        f"SELECT {row_mapper.READ} {where} ORDER BY confid LIMIT %s OFFSET %s",
        [value, count, start],
    )
    return total, [row_mapper.from_row(row) for row in found]


def of_person(tenant: str, person: str, most: int) -> tuple[int, list[Conference]]:
    """A tenant's live conferences, the person's own ones first, the newest before older ones.

    How many there are in all comes along: one query for each platform whose data we have.
    """
    total, found = 0, list[Conference]()
    for platform in possible_platforms():
        listed = look_up(
            platform,
            f"SELECT {row_mapper.READ}, COUNT(*) OVER () FROM {_TABLE}"  # noqa: S608
            " WHERE user_domain=%s AND live_e164 IS NOT NULL"
            " ORDER BY creator_moid=%s DESC, created_at DESC LIMIT %s",
            [tenant, person, most],
        )
        total += listed[0][2] if listed else 0
        found += [row_mapper.from_row(row[:2]) for row in listed]
    return total, found[:most]


def room_of_unit(database: str, unit: Unit) -> str:
    """The MOID of the room in which a media unit stands; "" for the default room."""
    found = sql.select(
        database,
        "SELECT room FROM conferences_resourceunit WHERE restype='mcu' AND ip=%s AND pid=%s",
        [unit.ip, unit.pid],
    )
    return str(found[0][0]) if found else ""


def hosts(database: str, ip: str, pid: str, at: str) -> bool:
    """Is any live conference of this data assigned to this unit of the site `at`?"""
    query = (
        "SELECT 1 FROM conferences_conference WHERE live_e164 IS NOT NULL"
        " AND unit_ip=%s AND unit_pid=%s AND hosting_platform=%s LIMIT 1"
    )
    return bool(sql.select(database, query, [ip, pid, at]))


def hosted_near_end(database: str, at: str) -> list[Conference]:
    """Conferences that run on units of the site `at` and end within 10 minutes, or should have."""
    query = (
        f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_e164 IS NOT NULL AND hosting_platform=%s"  # noqa: S608
        " AND state='running' AND ends_at <= UTC_TIMESTAMP(6) + INTERVAL 10 MINUTE"
    )
    return [row_mapper.from_row(row) for row in sql.select(database, query, [at])]


def live_by_number(e164: str) -> Conference | None:
    """The live conference with this number, on whichever platform's data we have."""
    query = f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE live_e164=%s"  # noqa: S608
    for platform in possible_platforms():
        found = look_up(platform, query, [e164])
        if found:
            return row_mapper.from_row(found[0])
    return None


@dataclass(frozen=True, slots=True)
class JoinInfo:
    """What the join page needs to know of a conference."""

    confid: str
    e164: str
    name: str
    state: str
    password: str
    user_domain: str
    join: dict[str, Any] | None
    platform: str
    """Whose data it is part of."""


def joinable(e164: str) -> JoinInfo | None:
    """The live conference with this number, as the join page needs it."""
    c = live_by_number(e164)
    if c is None:
        return None
    join = c.join if c.state.value == "running" else None
    names = (c.confid, c.e164, c.name, c.state.value, c.password, c.user_domain)
    return JoinInfo(*names, join, c.source_platform)


def simulated_units(platform: str) -> frozenset[tuple[str, Unit]]:
    """The resources that are played by the simulator, and have to be shown as such."""
    found = sql.select(
        store_of(platform).database,
        "SELECT restype, ip, pid FROM conferences_resourceunit"
        " WHERE JSON_VALUE(labels, '$.simulated') IN ('1', 'true')",
    )
    return frozenset((kind, Unit(ip, pid, platform)) for kind, ip, pid in found)


# ---- who is together, for their conversation ----------------------------------------------------

MOST_GATHERED = 500


def running_conferences(
    database: str, known: Mapping[str, int]
) -> tuple[Collection[str], Sequence[RunningConference]]:
    """The conferences that live, and those that run and are of another revision than is known."""
    query = f"SELECT confid, revision, state FROM {_TABLE} WHERE live_e164 IS NOT NULL"  # noqa: S608
    live = sql.select(database, query)
    new = [
        confid
        for confid, revision, state in live
        if state == "running" and known.get(confid) != revision
    ][:MOST_GATHERED]
    if not new:
        return [row[0] for row in live], []
    query = f"SELECT {row_mapper.READ} FROM {_TABLE} WHERE confid IN ({sql.marks(new)})"  # noqa: S608
    found = map(row_mapper.from_row, sql.select(database, query, new))
    return [row[0] for row in live], [_running_conference(c) for c in found if c.live]


def _running_conference(c: Conference) -> RunningConference:
    people = {str(m["account"]) for m in (*c.mts, *c.members) if m.get("account")}
    return RunningConference(
        c.confid, c.revision, c.name, c.user_domain, c.creator_moid, frozenset(people)
    )


# ---- what uses a domain or a room, for the rules of the tree -------------------------------------


def uses_of_domain(database: str, moid: str) -> dict[str, int]:
    """Conferences that live in a domain, and media units of a platform."""
    live = (
        "SELECT COUNT(*) FROM conferences_conference WHERE live_e164 IS NOT NULL"
        " AND (user_domain = %s OR source_platform = %s OR hosting_platform = %s)"
    )
    units = "SELECT COUNT(*) FROM conferences_resourceunit WHERE platform = %s"
    found = sql.select(database, f"SELECT ({live}), ({units})", [moid] * 4)[0]
    return {"conferences": found[0], "media units": found[1]}


def uses_of_room(database: str, moid: str) -> dict[str, int]:
    """Media units that stand in a room."""
    query = "SELECT COUNT(*) FROM conferences_resourceunit WHERE room = %s"
    return {"media units": sql.select(database, query, [moid])[0][0]}


_LIVE_BELOW = (
    " FROM conferences_conference c JOIN tenants t ON t.moid = c.user_domain"
    " WHERE c.live_e164 IS NOT NULL"
)


def running_below(database: str, moid: str) -> dict[str, int]:
    """How many conferences live in a domain and below it."""
    found = sql.select(database, f"{TENANTS_BELOW} SELECT COUNT(*){_LIVE_BELOW}", [moid, moid])
    return {"conferences": found[0][0]}


def numbers_below(database: str, moid: str) -> list[str]:
    """The numbers of the conferences that live in a domain and below it."""
    found = sql.select(database, f"{TENANTS_BELOW} SELECT c.live_e164{_LIVE_BELOW}", [moid, moid])
    return [row[0] for row in found]


def media_units_by_room(database: str, default_room: str) -> dict[str, list[tuple[str, str, bool]]]:
    """Return `(ip, pid, online)` of the media units in each machine room."""
    units: dict[str, list[tuple[str, str, bool]]] = {}
    query = "SELECT room, ip, pid, online FROM conferences_resourceunit WHERE restype='mcu'"
    for room, ip, pid, online in sql.select(database, query):
        units.setdefault(room or default_room, []).append((ip, pid, bool(online)))
    return units

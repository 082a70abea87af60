"""Define queries on conferences for the HTTP API, the pages and the hooks. Read-only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from conferences.data import row_mapper
from conferences.data.stored_rows import rooms_closed_to
from conferences.rules.attendance import called_names
from conferences.rules.listing import ListPage
from conferences.rules.outgoing import wire_time
from conferences.rules.registry_entries import ConfType
from conferences.rules.states import Conference, Unit
from domains.data.hooks import RunningConference
from domains.data.lookups import TENANTS_BELOW, level_of
from domains.data.queries import abnormal_rooms
from domains.models import Level
from foundation import clock
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms, store_of
from foundation.cells.serving import Serving
from wire.arrangement import arrangement_of
from wire.conference_manager import ListedConference

_TABLE = "conferences_conference"


def list_item(conference: Conference) -> ListedConference:
    """Return a conference as an entry of a list of conferences, as messages have it."""
    return ListedConference(
        e164=conference.e164,
        confid=conference.confid,
        name=conference.name,
        conftype=conference.conftype,
        state=conference.state.value,
        user_domain=conference.user_domain,
        platform=conference.hosting_platform or conference.source_platform,
        starttime=wire_time(conference.started_at or conference.created_at),
        places=conference.places,
        online=sum(1 for terminal in conference.mts if terminal.online),
        shortnum=conference.shortnum,
        endtime=wire_time(conference.ends_at),
        mcu=conference.unit.as_message_field if conference.unit else None,
        join=conference.join,
    )


class ConferencePage(NamedTuple):
    """Some conferences of a list, and the length of the whole list."""

    total: int
    conferences: list[Conference]


def list_page(database: str, domain: str, start: int, count: int) -> ListPage | None:
    """Return one page of the live conferences of a user or platform domain, oldest first.

    `None` means that there is no such domain, or that it is of another kind.
    """
    level = level_of(database, domain)
    if level not in (Level.USER, Level.PLATFORM):
        return None
    column = "user_domain" if level == Level.USER else "source_platform"
    page = live_conferences_page(database, column, domain, start, count)
    return ListPage(page.total, [list_item(conference) for conference in page.conferences])


def live_conferences_page(
    database: str, column: str, domain: str, start: int, count: int, after: str = ""
) -> ConferencePage:
    """Return one page of a domain's live conferences. `column`: `user_domain` or `source_platform`.

    The page begins at row `start` (from 0) of the conferences whose `confid` is greater than `after`, in that order.
    """
    from_where = f"FROM {_TABLE} WHERE {column}=%s AND live_e164 IS NOT NULL"
    total = sql.select(database, f"SELECT COUNT(*) {from_where}", [domain])[0][0]
    after_id, values = (" AND confid > %s", [domain, after]) if after else ("", [domain])
    rows = sql.select(
        database,
        f"SELECT {row_mapper.DETAIL_COLUMN} {from_where}{after_id}"
        " ORDER BY confid LIMIT %s OFFSET %s",
        [*values, count, start],
    )
    return ConferencePage(total, [row_mapper.from_row(row) for row in rows])


def live_names(database: str, numbers: Collection[str]) -> dict[str, str]:
    """Return the names of the live conferences that have one of these numbers: number -> name."""
    if not numbers:
        return {}
    query = f"SELECT live_e164, name FROM {_TABLE} WHERE live_e164 IN ({sql.marks([*numbers])})"
    return dict(sql.select(database, query, [*numbers]))


def live_conferences_of_tenant(tenant: str, first_creator: str, limit: int) -> ConferencePage:
    """Return the number of live conferences of a user domain (tenant), and at most `limit` of them.

    Those that the account `first_creator` created come first, newer before older ones. One query is made for
    each platform whose data this site has. Breakout rooms are left out: they are part of the conference that was split.
    """
    total, conferences = 0, list[Conference]()
    for platform in possible_platforms():
        rows = look_up(
            platform,
            f"SELECT {row_mapper.DETAIL_COLUMN}, COUNT(*) OVER () FROM {_TABLE}"
            " WHERE user_domain=%s AND live_e164 IS NOT NULL"
            " ORDER BY creator_moid=%s DESC, created_at DESC LIMIT %s",
            [tenant, first_creator, limit],
        )
        live = [row_mapper.from_row(row) for row in rows]
        shown = [conference for conference in live if not conference.parent]
        total += rows[0][1] - len(live) + len(shown) if rows else 0
        conferences += shown
    return ConferencePage(total, conferences[:limit])


def units_in_abnormal_rooms(site: str) -> frozenset[tuple[str, str]]:
    """Return `(ip, pid)` of a site's media units in abnormal machine rooms (taken for out of order).

    Nothing is returned if we have no copy of the data of that site's platform.
    """
    rooms = abnormal_rooms(site) if site in possible_platforms() else frozenset()
    if not rooms:
        return frozenset()
    query = "SELECT ip, pid, room FROM conferences_resourceunit WHERE restype='mcu'"
    return frozenset((ip, pid) for ip, pid, room in look_up(site, query, []) if room in rooms)


def is_hosting(database: str, ip: str, pid: str, site: str) -> bool:
    """Return whether a live conference in this database runs on the media unit at `ip` and `pid` of a site."""
    query = (
        "SELECT 1 FROM conferences_conference WHERE live_e164 IS NOT NULL"
        " AND unit_ip=%s AND unit_pid=%s AND hosting_platform=%s LIMIT 1"
    )
    return bool(sql.select(database, query, [ip, pid, site]))


def has_due_row(serving: Serving | None, table: str) -> bool:
    """Return whether a table of a platform has a row that a timer has to handle now, by its column `due_at`.

    It is one statement that locks nothing, so that a timer with nothing to do saves a transaction. `serving`: which
    site serves the platform, with the platform's time; `None`, for a platform without data, gives False.
    """
    if serving is None:
        return False
    database = store_of(serving.platform).database
    query = f"SELECT 1 FROM {table} WHERE due_at <= %s LIMIT 1"
    return bool(sql.select(database, query, [to_db_datetime(serving.now)]))


def hosted_near_end(database: str, site: str) -> list[Conference]:
    """Return the running conferences on units of a site that end within 10 minutes, or whose time is over."""
    query = (
        f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE live_e164 IS NOT NULL AND hosting_platform=%s"
        " AND state='running'"
        " AND ends_at <= UTC_TIMESTAMP(6) + INTERVAL 10 MINUTE - INTERVAL %s MICROSECOND"
    )
    return [
        row_mapper.from_row(row)
        for row in sql.select(database, query, [site, clock.step_microseconds(database)])
    ]


def count_running_and_pending(database: str) -> tuple[int, int]:
    """Return how many conferences run, and how many wait for a media unit or are being placed on one again."""
    query = (
        "SELECT COALESCE(SUM(state = 'running'), 0), COALESCE(SUM(state IN ('pending', 'restoring')), 0)"
        f" FROM {_TABLE} WHERE live_e164 IS NOT NULL"
    )
    running, pending = sql.select(database, query)[0]
    return int(running), int(pending)


def count_media_units_online(database: str) -> int:
    """Return how many media units are online, recorders and mixers aside."""
    query = "SELECT COUNT(*) FROM conferences_resourceunit WHERE restype='mcu' AND online=1"
    return int(sql.select(database, query)[0][0])


def live_by_number(e164: str) -> Conference | None:
    """Return the live conference with this number, of any platform whose data this site has.

    `None` if there is none.
    """
    query = f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE live_e164=%s"
    for platform in possible_platforms():
        rows = look_up(platform, query, [e164])
        if rows:
            return row_mapper.from_row(rows[0])
    return None


def breakout_rooms_of(conference: Conference) -> list[Conference | None]:
    """Return the live conferences of the breakout rooms of a conference, in order; `None` for one that has ended."""
    rooms = conference.breakout.rooms if conference.breakout else ()
    if not rooms:
        return []
    query = (
        f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE live_e164 IN ({sql.marks(rooms)})"
    )
    database = store_of(conference.source_platform).database
    rows = sql.select(database, query, [room.e164 for room in rooms])
    live = {held.confid: held for held in map(row_mapper.from_row, rows)}
    return [live.get(room.confid) for room in rooms]


def room_id_of(conference: Conference) -> str:
    """Return the id of the virtual room in which a conference is held; "" if it is held in none."""
    return conference.stored_id if conference.conftype == ConfType.VIRTUAL else ""


def confids_closed_to(person: str, conferences: Collection[Conference]) -> frozenset[str]:
    """Return the ids of those conferences whose virtual rooms do not admit the account with this MOID (`person`)."""
    closed: frozenset[str] = frozenset()
    for platform in {conference.source_platform for conference in conferences}:
        confids = {
            room_id_of(conference): conference.confid
            for conference in conferences
            if conference.source_platform == platform
        }
        rooms = confids.keys() - {""}
        closed_rooms = rooms_closed_to(person, store_of(platform).database, rooms)
        closed |= {confids[room] for room in closed_rooms}
    return closed


def simulated_units(platform: str) -> frozenset[tuple[str, Unit]]:
    """Return kind and unit of the simulated resources, which pages have to mark as simulated."""
    rows = sql.select(
        store_of(platform).database,
        "SELECT restype, ip, pid FROM conferences_resourceunit"
        " WHERE JSON_VALUE(labels, '$.simulated') IN ('1', 'true')",
    )
    return frozenset((kind, Unit(ip, pid, platform)) for kind, ip, pid in rows)


# ---- the people in conferences, for whom there is a chat conversation ------------------------------

MAX_CHANGED = 500
"""One call reads at most so many changed conferences; the next call reads the others."""


def running_conferences(
    database: str, known_revisions: Mapping[str, int]
) -> tuple[Collection[str], Sequence[RunningConference]]:
    """Return the ids of all live conferences, and the running conferences that have changed, at most MAX_CHANGED.

    `known_revisions`: id of a conference -> the revision of it that the caller has read before. Conferences that carry
    a call of people are left out of the second list, as these people have a conversation of their own already.
    """
    query = f"SELECT confid, revision, state FROM {_TABLE} WHERE live_e164 IS NOT NULL"
    live = sql.select(database, query)
    changed = [
        confid
        for confid, revision, state in live
        if state == "running" and known_revisions.get(confid) != revision
    ][:MAX_CHANGED]
    if not changed:
        return [row[0] for row in live], []
    query = (
        f"SELECT {row_mapper.DETAIL_COLUMN} FROM {_TABLE} WHERE confid IN ({sql.marks(changed)})"
    )
    conferences = map(row_mapper.from_row, sql.select(database, query, changed))
    return [row[0] for row in live], [
        _running_conference(conference)
        for conference in conferences
        if conference.live and not carries_call(conference) and not conference.parent
    ]


CALL_REQUEST = "call-"
"""So begins the id of the request for a conference that carries a call of people."""


def carries_call(conference: Conference) -> bool:
    """Return whether a conference carries a call of people, who have a conversation of their own already."""
    return (conference.reqid or "").startswith(CALL_REQUEST)


def _running_conference(conference: Conference) -> RunningConference:
    """Return what the chat needs to know of a conference, such as its name and whom it has called."""
    return RunningConference(
        conference.confid,
        conference.revision,
        conference.name,
        conference.user_domain,
        conference.creator_moid,
        called_names(conference),
        "chat" in arrangement_of(conference.settings).chairsonly,
    )


# ---- uses of domains and machine rooms: one that is in use cannot be deleted or moved --------------


def uses_of_domain(database: str, moid: str) -> dict[str, int]:
    """Return how many live conferences, reservations and media units belong to a domain: plural noun -> count."""
    live = (
        "SELECT COUNT(*) FROM conferences_conference WHERE live_e164 IS NOT NULL"
        " AND (user_domain = %s OR source_platform = %s OR hosting_platform = %s)"
    )
    units = "SELECT COUNT(*) FROM conferences_resourceunit WHERE platform = %s"
    booked = (
        "SELECT COUNT(*) FROM conferences_reservation WHERE live_e164 IS NOT NULL"
        " AND (user_domain = %s OR source_platform = %s)"
    )
    query = f"SELECT ({live}), ({units}), ({booked})"  # six parameters, all of them the domain
    counts = sql.select(database, query, [moid] * 6)[0]
    return {"conferences": counts[0], "media units": counts[1], "reservations": counts[2]}


def uses_of_room(database: str, moid: str) -> dict[str, int]:
    """Return how many media units stand in a machine room, as `{"media units": count}`."""
    query = "SELECT COUNT(*) FROM conferences_resourceunit WHERE room = %s"
    return {"media units": sql.select(database, query, [moid])[0][0]}


_LIVE_BELOW = (
    " FROM conferences_conference c JOIN tenants t ON t.moid = c.user_domain"
    " WHERE c.live_e164 IS NOT NULL"
)


def count_running_below(database: str, moid: str) -> dict[str, int]:
    """Return how many live conferences a domain and those below it have, as `{"conferences": count}`."""
    rows = sql.select(database, f"{TENANTS_BELOW} SELECT COUNT(*){_LIVE_BELOW}", [moid, moid])
    return {"conferences": rows[0][0]}


def numbers_below(database: str, moid: str) -> list[str]:
    """Return the numbers of the live conferences of a domain and of the domains below it."""
    rows = sql.select(database, f"{TENANTS_BELOW} SELECT c.live_e164{_LIVE_BELOW}", [moid, moid])
    return [row[0] for row in rows]


def live_conferences_below(database: str, moid: str, limit: int) -> list[Conference]:
    """Return the newest live conferences of a domain and of those below it, at most `limit`."""
    query = f"{TENANTS_BELOW} SELECT c.detail{_LIVE_BELOW} ORDER BY c.created_at DESC LIMIT %s"
    return [row_mapper.from_row(row) for row in sql.select(database, query, [moid, moid, limit])]


def media_units_by_room(database: str, default_room: str) -> dict[str, list[tuple[str, str, bool]]]:
    """Return machine room -> `(ip, pid, is online)` of its media units.

    `default_room`: the room of those units that named none when they registered.
    """
    units: dict[str, list[tuple[str, str, bool]]] = {}
    query = "SELECT room, ip, pid, online FROM conferences_resourceunit WHERE restype='mcu'"
    for room, ip, pid, online in sql.select(database, query):
        units.setdefault(room or default_room, []).append((ip, pid, bool(online)))
    return units

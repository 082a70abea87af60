"""Media units, recorders and mixers (resources) register, are lost, and are taken out of service.

Each has a row in the database, which outlives the pool in Redis. The scheduler (CSS) is notified of lost resources.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

import orjson
import redis

from conferences.data import row_mapper
from conferences.data.pool import Pool, PoolCall, name_of, unit_here
from conferences.rules.outgoing import to_unit
from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.bus.outbox import to_db_datetime
from foundation.bus.outgoing import Send
from foundation.bus.typed_json import to_json
from foundation.bus.unit_of_work import begin
from foundation.cells import sql
from foundation.cells.directory import possible_platforms, store_of
from wire.fields import ResourceType
from wire.media_unit import AskUnitForList
from wire.resource_pool import NodeLost, NodeRegistered
from wire.routes import Routes

log = logging.getLogger("conferences.pool")

_COLUMNS = (
    "restype",
    "ip",
    "pid",
    "room",
    "platform",
    "capacity",
    "labels",
    "draining",
    "online",
    "registered_at",
)
_LIST_REQUEST_EXPIRES_MS = 15_000
_DRAINING_CACHE_SECONDS = 2.0
_draining: dict[str, tuple[float, frozenset[tuple[str, str, str]]]] = {}
"""Cache: platform -> the time of reading (monotonic clock), and `(kind, ip, pid)` of the resources out of service."""


def save_registered(platform: str, message: NodeRegistered) -> None:
    """Write the database row of a resource that has registered, for the first time or again.

    Nothing is written while another site may write the platform's data.
    """
    log.info("%s %s registered", message.restype, unit_here(message.ip, message.pid))
    with begin(platform) as uow:
        if not uow.is_open:
            return
        row = (
            message.restype,
            message.ip,
            message.pid,
            message.room or "",
            message.platform,
            orjson.dumps(to_json(message.capacity)),
            orjson.dumps(message.labels),
            False,
            True,
            to_db_datetime(uow.now),
        )
        update = ("room", "platform", "capacity", "labels", "online")
        sql.insert(uow.database, "conferences_resourceunit", _COLUMNS, [row], update)


def report_lost_resources(
    platform: str, lost: Iterable[tuple[ResourceType, Unit]], reason: str
) -> None:
    """Report lost media units to the scheduler (CSS), and then remove them from the pool (table of units in Redis).

    After a crash in between the scheduler is notified twice. `lost`: kind and name of each. `reason` goes to the log.
    Nothing is done while another site may write the platform's data.
    """
    for kind, unit in lost:
        log.warning("%s %s is lost: %s", kind, unit, reason)
        with begin(platform) as uow:
            if not uow.is_open:
                continue
            sql.execute(
                uow.database,
                "UPDATE conferences_resourceunit SET online=0 WHERE restype=%s AND ip=%s AND pid=%s",
                [kind, unit.ip, unit.pid],
            )
            notice = NodeLost(restype=kind, ip=unit.ip, pid=unit.pid)
            uow.send(Send(message=notice, route=Routes.UNIT_TO_CSS))
        try:
            Pool(platform).run_one("gone", kind, name_of(unit), reason)
        except redis.RedisError as error:
            log.warning("the pool is away: %s", error)


def recount_places(platform: str, kind: str, unit: Unit) -> bool:
    """Correct how many places Redis counts as used on a resource, by the live conferences in the database.

    This is needed when a resource reports less usage than the pool counts for some time, because a message was lost
    with the data of the broker or of Redis. Returns whether a conference waits for places.
    """
    pool, name = Pool(platform), name_of(unit)
    entries = (entry.partition("|") for entry in pool.run_one("in_use", kind, name))
    counted_places = {number: places for number, _, places in entries}
    live = {
        conference.e164: conference
        for conference in _live_conferences(list(counted_places))
        if _resource_of(conference, kind) == unit
    }
    calls: list[PoolCall] = [
        ("free", kind, name, e164) for e164 in counted_places if e164 not in live
    ]
    for e164, conference in live.items():
        places = (
            (str(conference.places), str(int(conference.resolution == "1080p")))
            if kind == "mcu"
            else ("0", "0")
        )
        if counted_places[e164] != "|".join(places):
            calls.append(("placed", kind, name, e164, *places, "used"))
    log.warning("%s %s: %d of %d places counted again", kind, unit, len(calls), len(counted_places))
    return "hungry" in pool.run(calls)


def _resource_of(conference: Conference, kind: str) -> Unit | None:
    """Return the resource of this kind that a conference uses; `None` if it has none, or waits for a unit.

    `kind`: `mcu` (media unit), `vrs` (recorder) or `mps` (mixer).
    """
    if conference.state is ConferenceState.PENDING_RESTORE:
        return None
    return {"mcu": conference.unit, "vrs": conference.vrs, "mps": conference.mps}[kind]


def _live_conferences(numbers: list[str]) -> list[Conference]:
    """Return the live conferences with these numbers, of all platforms whose data this site has."""
    if not numbers:
        return []
    query = f"SELECT {row_mapper.DETAIL_COLUMN} FROM conferences_conference WHERE live_e164 IN ({sql.marks(numbers)})"
    rows_by_platform = [
        sql.select(store_of(platform).database, query, numbers) for platform in possible_platforms()
    ]
    return [row_mapper.from_row(row) for rows in rows_by_platform for row in rows]


def report_silent_resources(platform: str) -> None:
    """Report the media units, recorders and mixers of a platform as lost that have sent no heartbeat for 12 s."""
    try:
        silent = Pool(platform).silent_resources()
    except redis.RedisError as error:
        log.warning("the pool is away, nobody is watched: %s", error)
        return
    report_lost_resources(platform, silent, "silent")


def is_draining(platform: str, kind: str, unit: Unit) -> bool:
    """Return whether an operator took a resource out of service for new conferences.

    `kind`: `mcu`, `vrs` (recorder) or `mps` (mixer). The rows are read at most every two seconds.
    """
    read_at, draining_units = _draining.get(platform, (0.0, frozenset()))
    if time.monotonic() - read_at > _DRAINING_CACHE_SECONDS:
        rows = sql.select(
            store_of(platform).database,
            "SELECT restype, ip, pid FROM conferences_resourceunit WHERE draining=1",
        )
        draining_units = frozenset((row[0], row[1], row[2]) for row in rows)
        _draining[platform] = (time.monotonic(), draining_units)
    return (kind, unit.ip, unit.pid) in draining_units


def set_draining(platform: str, kind: str, unit: Unit, is_draining: bool) -> None:
    """Take a media unit or other resource out of service for new conferences (`is_draining`), or put it back.

    `kind`: `mcu`, `vrs` (recorder) or `mps` (mixer).
    """
    sql.execute(
        store_of(platform).database,
        "UPDATE conferences_resourceunit SET draining=%s WHERE restype=%s AND ip=%s AND pid=%s",
        [is_draining, kind, unit.ip, unit.pid],
    )
    _draining.clear()
    Pool(platform).run_one("drain", kind, name_of(unit), str(int(is_draining)))


def ask_for_lists(platform: str) -> None:
    """Ask all media units that are online, or host a conference by our data, for the list of their conferences.

    Nothing is asked while another site may write the platform's data.
    """
    with begin(platform) as uow:
        if not uow.is_open:
            return
        rows = sql.select(
            uow.database,
            "SELECT ip, pid FROM conferences_resourceunit WHERE restype='mcu' AND online=1"
            " UNION SELECT DISTINCT unit_ip, unit_pid FROM conferences_conference"
            " WHERE live_unit IS NOT NULL",
        )
        for ip, pid in rows:
            uow.send(
                to_unit(unit_here(ip, pid), AskUnitForList(), expires_ms=_LIST_REQUEST_EXPIRES_MS)
            )

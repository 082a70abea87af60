"""`domain/<MOID>/info` in Redis, and of a user domain with limits of its own `domain/<MOID>/license`
(CSS §3.2): for the platform's other modules; never the truth.

A change notes its domain in `domains_unprojected`, in its own transaction. After the commit the row
is read, written to Redis, and the note removed, under the note's lock: two changes of one domain
cannot overtake each other, and a process that dies in between, or a Redis that is away, leaves the
mark to `repair`. Each platform's Redis shows what that platform's own database holds.
`domain/projected` marks a Redis that has been filled: one that was emptied has lost it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import Any

import redis
from django.db import transaction

from foundation.cells import sql
from foundation.cells.directory import possible_platforms, redis_of, store_of

log = logging.getLogger("domains.projection")

FILLED_MARK = "domain/projected"
_CHUNK = 1000
_MARKS_TABLE = "domains_unprojected"
_READ = (
    "SELECT d.moid, d.level, d.parent_id, d.name, d.used, d.enable_h265, d.enable_hd,"
    " u.small_limit, u.large_limit"
    " FROM domains_domain d LEFT JOIN domains_userdomain u ON u.domain_ptr_id = d.moid"
)
_USER = 0

Hashes = dict[str, dict[str, str]]


def info_key(moid: str) -> str:
    """The hash of a domain."""
    return f"domain/{moid}/info"


def limits_key(moid: str) -> str:
    """The hash of a user domain's limits; of a platform domain it is its licence (`licensing`)."""
    return f"domain/{moid}/license"


def hashes(row: tuple[Any, ...]) -> Hashes:
    """What a domain's hashes hold; an empty one is not there."""
    found = {info_key(row[0]): _info_hash(*row[:7])}
    if row[1] == _USER:
        found[limits_key(row[0])] = _limits_hash(*row[7:])
    return found


def _limits_hash(small: int | None, large: int | None) -> dict[str, str]:
    """No limit of its own: the platform's is in the platform's hash."""
    given = {"smallconfnum": small, "largeconfnum": large}
    return {name: str(value) for name, value in given.items() if value is not None}


def _info_hash(
    moid: str, level: int, parent: str | None, name: str, used: bool, h265: bool, hd: bool
) -> dict[str, str]:
    return {
        "moid": moid,
        "level": str(level),
        "uplevelmoid": parent or "",
        "name": name,
        "used": str(int(used)),
        "enableh265": str(int(h265)),
        "enablehdmeeting": str(int(hd)),
    }


# ---- one change after the other -----------------------------------------------------------------


def mark_changed(database: str, *moids: str) -> None:
    """In the transaction of a change: these domains are to be written once it has committed."""
    sql.insert(database, _MARKS_TABLE, ("moid",), [(moid,) for moid in moids], update=("moid",))
    transaction.on_commit(lambda: write_marked(database, moids), using=database, robust=True)


def write_marked(database: str, moids: Collection[str] = ()) -> bool:
    """Write what is noted, all of it or these; False when Redis is away (the notes stay)."""
    which = f" WHERE moid IN ({sql.marks(list(moids))})" if moids else ""
    query = f"SELECT moid FROM {_MARKS_TABLE}{which} ORDER BY moid LIMIT {_CHUNK} FOR UPDATE"
    while True:
        with transaction.atomic(using=database):
            noted = [row[0] for row in sql.select(database, query, list(moids))]
            if not noted:
                return True
            if not _write_domains(database, noted):
                return False
            gone = f"DELETE FROM {_MARKS_TABLE} WHERE moid IN ({sql.marks(noted)})"
            sql.execute(database, gone, noted)


def _write_domains(database: str, moids: list[str]) -> bool:
    query = f"{_READ} WHERE d.moid IN ({sql.marks(moids)})"
    found = {row[0]: hashes(row) for row in sql.select(database, query, moids)}
    wanted: Hashes = {}
    for moid in moids:
        wanted |= found.get(moid) or {info_key(moid): {}, limits_key(moid): {}}
    try:
        for platform in possible_platforms():
            if store_of(platform).database == database:
                _write_hashes(platform, wanted)
    except redis.RedisError as wrong:
        log.warning("projection waits: %s", wrong)
        return False
    return True


def _write_hashes(platform: str, wanted: Hashes) -> None:
    """Each hash whole, or not there."""
    with redis_of(platform).pipeline(transaction=True) as pipe:
        for name, fields in wanted.items():
            pipe.delete(name)
            if fields:
                pipe.hset(name, mapping=fields)  # type: ignore[arg-type]
        pipe.execute()


# ---- all of it ----------------------------------------------------------------------------------


def _all_rows(database: str) -> Iterator[list[tuple[Any, ...]]]:
    """All domains, in chunks by MOID."""
    last = ""
    while found := sql.select(
        database, f"{_READ} WHERE d.moid > %s ORDER BY d.moid LIMIT {_CHUNK}", [last]
    ):
        yield found
        last = found[-1][0]


def find_differing(platform: str) -> Iterator[list[str]]:
    """MOIDs whose hash is not what the database says, chunk by chunk; then hashes of no domain."""
    client: Any = redis_of(platform)
    seen: set[str] = set()
    for rows in _all_rows(store_of(platform).database):
        wanted = [(row[0], name, held) for row in rows for name, held in hashes(row).items()]
        with client.pipeline(transaction=False) as pipe:
            for _, name, _held in wanted:
                pipe.hgetall(name)
            answers = pipe.execute()
        seen |= {row[0] for row in rows}
        pairs = zip(wanted, answers, strict=True)
        yield list(dict.fromkeys(moid for (moid, _, held), found in pairs if found != held))
    there = {name.split("/")[1] for name in client.scan_iter("domain/*/*", _CHUNK)}
    stale = sorted(there - seen - {*possible_platforms()})
    for start in range(0, len(stale), _CHUNK):
        yield stale[start : start + _CHUNK]


def rebuild(platform: str) -> int:
    """Write again what differs, by way of notes, so that a change meanwhile is not overtaken; how many."""
    count, database = 0, store_of(platform).database
    try:
        for moids in find_differing(platform):
            sql.insert(
                database, _MARKS_TABLE, ("moid",), [(moid,) for moid in moids], update=("moid",)
            )
            count += len(moids)
            if moids and not write_marked(database, moids):
                return count
        redis_of(platform).set(FILLED_MARK, "1")
    except redis.RedisError as wrong:
        log.warning("projection waits: %s", wrong)
    return count


def repair(platform: str) -> None:
    """Write what was left; an emptied Redis is filled. Cheap when there is nothing to do."""
    try:
        if not redis_of(platform).exists(FILLED_MARK):
            log.info("%d domains are written to Redis", rebuild(platform))
    except redis.RedisError as wrong:
        log.warning("projection waits: %s", wrong)
        return
    write_marked(store_of(platform).database)

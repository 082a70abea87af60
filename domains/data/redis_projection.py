"""The projection shows domains in Redis for the platform's other modules. The database is the truth.

The hash `domain/<MOID>/info` shows a domain, and `domain/<MOID>/license` the limits of a user domain that
has limits of its own (CSS §3.2).

A change marks its domain in the table `domains_unprojected`, in its own transaction. After the commit the
domain is read, written to Redis, and the mark removed, all under the mark's lock. So two changes of one domain
cannot overtake each other. If a process dies in between, or Redis is away, the mark stays for `repair`. Each
platform's Redis shows what that platform's own database holds. The key `domain/projected` marks a Redis that has
been filled, so an emptied Redis is recognised.
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
    """Return the key of the hash that shows a domain."""
    return f"domain/{moid}/info"


def limits_key(moid: str) -> str:
    """Return the key of the limits of a user domain. For a platform domain it shows the licence (`licensing`)."""
    return f"domain/{moid}/license"


def hashes(row: tuple[Any, ...]) -> Hashes:
    """Return the hashes that show a domain, by key. An empty hash has to be absent from Redis."""
    hashes_of_domain = {info_key(row[0]): _info_hash(*row[:7])}
    if row[1] == _USER:
        hashes_of_domain[limits_key(row[0])] = _limits_hash(*row[7:])
    return hashes_of_domain


def _limits_hash(small: int | None, large: int | None) -> dict[str, str]:
    """Return the limits that a user domain has of its own. The platform's limits are in the platform's hash."""
    limits = {"smallconfnum": small, "largeconfnum": large}
    return {name: str(value) for name, value in limits.items() if value is not None}


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
    """Mark domains as changed, within the transaction of a change, and write them to Redis after the commit."""
    sql.insert(database, _MARKS_TABLE, ("moid",), [(moid,) for moid in moids], update=("moid",))
    transaction.on_commit(lambda: write_marked(database, moids), using=database, robust=True)


def write_marked(database: str, moids: Collection[str] = ()) -> bool:
    """Write the marked domains, or those of `moids` that are marked, to Redis and remove the marks.

    It returns `False` if Redis is away. Then the marks stay.
    """
    condition = f" WHERE moid IN ({sql.marks(list(moids))})" if moids else ""
    query = f"SELECT moid FROM {_MARKS_TABLE}{condition} ORDER BY moid LIMIT {_CHUNK} FOR UPDATE"
    while True:
        with transaction.atomic(using=database):
            marked = [row[0] for row in sql.select(database, query, list(moids))]
            if not marked:
                return True
            if not _write_domains(database, marked):
                return False
            delete = f"DELETE FROM {_MARKS_TABLE} WHERE moid IN ({sql.marks(marked)})"
            sql.execute(database, delete, marked)


def _write_domains(database: str, moids: list[str]) -> bool:
    """Write these domains to the Redis of each platform whose data lies in this database."""
    query = f"{_READ} WHERE d.moid IN ({sql.marks(moids)})"
    known = {row[0]: hashes(row) for row in sql.select(database, query, moids)}
    wanted: Hashes = {}
    for moid in moids:
        wanted |= known.get(moid) or {info_key(moid): {}, limits_key(moid): {}}
    try:
        for platform in possible_platforms():
            if store_of(platform).database == database:
                _write_hashes(platform, wanted)
    except redis.RedisError as error:
        log.warning("projection waits: %s", error)
        return False
    return True


def _write_hashes(platform: str, wanted: Hashes) -> None:
    """Replace these hashes in one transaction. An empty hash is deleted."""
    with redis_of(platform).pipeline(transaction=True) as pipe:
        for name, fields in wanted.items():
            pipe.delete(name)
            if fields:
                pipe.hset(name, mapping=fields)  # type: ignore[arg-type]  # the stub wants a mapping that may change
        pipe.execute()


# ---- all of it ----------------------------------------------------------------------------------


def _all_rows(database: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all domains in chunks, ordered by MOID."""
    last = ""
    while rows := sql.select(
        database, f"{_READ} WHERE d.moid > %s ORDER BY d.moid LIMIT {_CHUNK}", [last]
    ):
        yield rows
        last = rows[-1][0]


def find_differing(platform: str) -> Iterator[list[str]]:
    """Yield, in chunks, the MOIDs whose hashes differ from the database, then those of hashes without a domain."""
    client: Any = redis_of(platform)
    known: set[str] = set()
    for rows in _all_rows(store_of(platform).database):
        wanted = [(row[0], name, fields) for row in rows for name, fields in hashes(row).items()]
        with client.pipeline(transaction=False) as pipe:
            for _, name, _fields in wanted:
                pipe.hgetall(name)
            answers = pipe.execute()
        known |= {row[0] for row in rows}
        pairs = zip(wanted, answers, strict=True)
        yield list(dict.fromkeys(moid for (moid, _, fields), answer in pairs if answer != fields))
    projected = {name.split("/")[1] for name in client.scan_iter("domain/*/*", _CHUNK)}
    stale = sorted(projected - known - {*possible_platforms()})
    for start in range(0, len(stale), _CHUNK):
        yield stale[start : start + _CHUNK]


def rebuild(platform: str) -> int:
    """Write the domains whose hashes differ, and return how many they were.

    They are marked first, so that a change that is made meanwhile is not overtaken.
    """
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
    except redis.RedisError as error:
        log.warning("projection waits: %s", error)
    return count


def repair(platform: str) -> None:
    """Write what is still marked, and fill a Redis that was emptied. It is cheap when nothing is to be done."""
    try:
        if not redis_of(platform).exists(FILLED_MARK):
            log.info("%d domains are written to Redis", rebuild(platform))
    except redis.RedisError as error:
        log.warning("projection waits: %s", error)
        return
    write_marked(store_of(platform).database)

"""The projection copies domains to Redis for the platform's other modules. The database is authoritative.

The hash `domain/<MOID>/info` shows a domain, and `domain/<MOID>/license` the limits of a user domain that
has limits of its own (CSS §3.2).

A change marks its domain by a row in the table `domains_unprojected`, in its own transaction. After the commit
the domain is read, written to Redis, and the mark removed, all under the lock of that row. So two changes of one
domain cannot overtake each other. If a process dies in between, or Redis cannot be reached, the mark stays for
`repair`. Each platform's Redis shows what that platform's own database holds. The key `domain/projected` marks a
Redis that has been filled, so an emptied Redis is recognised.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import Any

import redis
from django.db import transaction

from domains.rules.tree import USER
from foundation.cells import sql
from foundation.cells.directory import possible_platforms, redis_of, store_of

log = logging.getLogger("domains.projection")

FILLED_MARK = "domain/projected"
_CHUNK = 1000
_MARKS_TABLE = "domains_unprojected"
_SELECT_DOMAINS = (
    "SELECT d.moid, d.level, d.parent_id, d.name, d.used, d.enable_h265, d.enable_hd,"
    " u.small_limit, u.large_limit"
    " FROM domains_domain d LEFT JOIN domains_userdomain u ON u.domain_ptr_id = d.moid"
)

Hashes = dict[str, dict[str, str]]
"""Redis key -> fields of the hash. A hash without fields stands for a key that must not exist."""


def info_key(moid: str) -> str:
    """Return the Redis key of the hash that shows a domain."""
    return f"domain/{moid}/info"


def limits_key(moid: str) -> str:
    """Return the Redis key of the hash with a user domain's limits. A platform's hash has its licence (`licensing`)."""
    return f"domain/{moid}/license"


def hashes(row: tuple[Any, ...]) -> Hashes:
    """Return the hashes that show a domain: Redis key -> fields. `row` is a row of `_SELECT_DOMAINS`."""
    moid, level, parent, name, used, h265, hd, small_limit, large_limit = row
    hashes_of_domain = {info_key(moid): _info_hash(moid, level, parent, name, used, h265, hd)}
    if level == USER:
        hashes_of_domain[limits_key(moid)] = _limits_hash(small_limit, large_limit)
    return hashes_of_domain


def _limits_hash(small: int | None, large: int | None) -> dict[str, str]:
    """Return the fields of the Redis hash with a user domain's own limits of small and large conferences."""
    limits = {"smallconfnum": small, "largeconfnum": large}
    return {name: str(value) for name, value in limits.items() if value is not None}


def _info_hash(
    moid: str, level: int, parent: str | None, name: str, used: bool, h265: bool, hd: bool
) -> dict[str, str]:
    """Return the fields of the Redis hash that shows a domain to the platform's other modules."""
    return {
        "moid": moid,
        "level": str(level),
        "uplevelmoid": parent or "",
        "name": name,
        "used": str(int(used)),
        "enableh265": str(int(h265)),
        "enablehdmeeting": str(int(hd)),
    }


# ---- changed domains ----------------------------------------------------------------------------


def mark_changed(database: str, *moids: str) -> None:
    """Mark domains as changed, within the transaction of a change, and write them to Redis after the commit."""
    sql.insert(database, _MARKS_TABLE, ("moid",), [(moid,) for moid in moids], update=("moid",))
    transaction.on_commit(lambda: write_marked(database, moids), using=database, robust=True)


def write_marked(database: str, moids: Collection[str] = ()) -> bool:
    """Write all domains that are marked as changed, or those of `moids` that are, to Redis, and remove the marks.

    Returns `False` if Redis cannot be reached. Then the marks stay.
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
    """Write these domains to the Redis of each platform whose data lies in this database.

    Domains that were deleted lose their hashes. Returns `False` if a Redis cannot be reached.
    """
    query = f"{_SELECT_DOMAINS} WHERE d.moid IN ({sql.marks(moids)})"
    hashes_of = {row[0]: hashes(row) for row in sql.select(database, query, moids)}
    to_write: Hashes = {}
    for moid in moids:
        to_write |= hashes_of.get(moid) or {info_key(moid): {}, limits_key(moid): {}}
    try:
        for platform in possible_platforms():
            if store_of(platform).database == database:
                _write_hashes(platform, to_write)
    except redis.RedisError as error:
        log.warning("projection waits: %s", error)
        return False
    return True


def _write_hashes(platform: str, hashes_to_write: Hashes) -> None:
    """Replace these hashes in a platform's Redis, in one Redis transaction. A hash without fields is deleted."""
    with redis_of(platform).pipeline(transaction=True) as pipe:
        for key, fields in hashes_to_write.items():
            pipe.delete(key)
            if fields:
                pipe.hset(key, mapping=fields)  # type: ignore[arg-type]  # the stub wants a mapping that may change
        pipe.execute()


# ---- all domains --------------------------------------------------------------------------------


def _all_rows(database: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of all domains (see `_SELECT_DOMAINS`) in chunks, ordered by MOID."""
    last = ""
    while rows := sql.select(
        database, f"{_SELECT_DOMAINS} WHERE d.moid > %s ORDER BY d.moid LIMIT {_CHUNK}", [last]
    ):
        yield rows
        last = rows[-1][0]


def find_differing(platform: str) -> Iterator[list[str]]:
    """Yield, in chunks, the ids of domains whose hashes in Redis differ from the database.

    At the end come the ids of domains that have hashes, but no row in the database.
    """
    client = redis_of(platform)
    stored: set[str] = set()
    for rows in _all_rows(store_of(platform).database):
        expected = [(row[0], key, fields) for row in rows for key, fields in hashes(row).items()]
        with client.pipeline(transaction=False) as pipe:
            for _, key, _fields in expected:
                pipe.hgetall(key)
            answers = pipe.execute()
        stored |= {row[0] for row in rows}
        pairs = zip(expected, answers, strict=True)
        yield list(dict.fromkeys(moid for (moid, _, fields), answer in pairs if answer != fields))
    projected = {key.split("/")[1] for key in client.scan_iter("domain/*/*", _CHUNK)}
    stale = sorted(projected - stored - {*possible_platforms()})
    for start in range(0, len(stale), _CHUNK):
        yield stale[start : start + _CHUNK]


def rebuild(platform: str) -> int:
    """Write the domains to Redis whose hashes differ from the database, and return how many they were.

    They are marked as changed first, so that an older state never overwrites a change that is made meanwhile. While
    Redis is away they stay marked, for the next run.
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
    """Write the domains that are still marked as changed to a platform's Redis; fill a Redis that was emptied.

    A timer calls it often: it is cheap when nothing is to be done.
    """
    try:
        if not redis_of(platform).exists(FILLED_MARK):
            log.info("%d domains are written to Redis", rebuild(platform))
    except redis.RedisError as error:
        log.warning("projection waits: %s", error)
        return
    write_marked(store_of(platform).database)

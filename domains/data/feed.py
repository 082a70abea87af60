"""The feed sends the platforms that follow this core its change log, or a full snapshot (ARCH §3.5).

The log goes out in batches. `sent` of a follower rises with the broker's confirms, in the transaction that
locks the follower's row. A full snapshot is read from one database snapshot, which begins while no change can
commit. So a change that the snapshot does not show is in the log, under a higher version.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

import orjson
from django.conf import settings
from django.db import connections, transaction

from domains.data import serializers
from domains.data.change_log import lock_counter
from domains.data.tree_rows import LINE_UP
from foundation import clock
from foundation.bus import outbox
from foundation.bus.link import Publish
from foundation.bus.message import dumps
from foundation.bus.outbox import Row
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of
from wire.routes import Routes

log = logging.getLogger("domains.feed")

BATCH = 500
_TYPES = {
    "domain": ("BMC_CSS_DOMAIN_NTF", Routes.DOMAIN_NOTICE),
    "account": ("AMC_CSS_ACCOUNT_NTF", Routes.ACCOUNT_NOTICE),
}
_READ = (
    "SELECT c.version, c.kind, c.op, c.content FROM domains_changefor f"
    " JOIN domains_change c ON c.version = f.version"
    " WHERE f.platform = %s AND f.version > %s ORDER BY f.version LIMIT %s"
)
_GROUPS = (
    "WITH RECURSIVE below (moid, steps) AS ("
    " SELECT moid, 0 FROM domains_domain WHERE moid = %s UNION ALL"
    " SELECT d.moid, below.steps + 1 FROM below JOIN domains_domain d"
    " ON d.parent_id = below.moid AND d.level = 2 WHERE below.steps < 99)"
    " SELECT moid FROM below ORDER BY steps"
)
_snapshots: dict[str, FullSnapshot] = {}


def feed(platform: str, publish: Publish) -> int:
    """Send the next batch to a platform, and return its size. 0 means that nothing is to be done now."""
    if "bmc" not in settings.ROLES:
        return 0
    database = store_of(own_platform()).database
    query = "SELECT base FROM domains_follower WHERE platform = %s"
    rows = sql.select(database, query, [platform])
    if not rows:
        return add_follower(database, platform)
    if rows[0][0] is None:
        return _send_snapshot_batch(database, platform, publish)
    return _send_log_batch(database, platform, publish)


def add_follower(database: str, platform: str) -> int:
    """Let a platform of the tree follow, beginning with a full snapshot. Return 0 if it is no platform domain."""
    query = (
        "INSERT IGNORE INTO domains_follower (platform, sent, first)"
        " SELECT moid, 0, 0 FROM domains_domain WHERE moid = %s AND level = 1"
    )
    return sql.execute(database, query, [platform])


def _outbox_row(platform: str, kind: str, body: dict[str, Any]) -> Row:
    wire_type, route = _TYPES[kind]
    full = dumps({"type": wire_type, **body, "platformmoid": platform})
    way, sender = route.value, f"bmc@{own_platform()}"
    return outbox.row(full, way.exchange, way.key, clock.now(), sender, platform)


# ---- the log ------------------------------------------------------------------------------------


def _send_log_batch(database: str, platform: str, publish: Publish) -> int:
    """Send the next changes of the log to a follower, and return how many they were."""
    with transaction.atomic(using=database):
        query = "SELECT sent FROM domains_follower WHERE platform = %s AND base IS NOT NULL"
        followers = sql.select(database, f"{query} FOR UPDATE SKIP LOCKED", [platform])
        changes = (
            sql.select(database, _READ, [platform, followers[0][0], BATCH]) if followers else []
        )
        if not changes:
            return 0
        rows, previous = [], followers[0][0]
        for version, kind, op, content in changes:
            body = {"op": op, "version": version, kind: orjson.Fragment(content)}
            rows.append(_outbox_row(platform, kind, {**body, "previous": previous}))
            previous = version
        publish(rows)
        query = "UPDATE domains_follower SET sent = %s WHERE platform = %s"
        sql.execute(database, query, [previous, platform])
    return len(rows)


# ---- the whole ----------------------------------------------------------------------------------


def _send_snapshot_batch(database: str, platform: str, publish: Publish) -> int:
    """Send the next batch of a full snapshot, and return its size.

    One process sends a snapshot from beginning to end, and keeps it in `_snapshots`.
    """
    try:
        if platform not in _snapshots:
            _snapshots[platform] = FullSnapshot(database, platform)
        count = _snapshots[platform].send(publish)
    except BaseException:
        _close_snapshot(platform)
        raise
    if count < BATCH:
        _close_snapshot(platform)
    return count


def _close_snapshot(platform: str) -> None:
    if whole := _snapshots.pop(platform, None):
        whole.close()


class FullSnapshot:
    """A full snapshot is everything that a platform holds of the tree, with versions of its own."""

    def __init__(self, database: str, platform: str) -> None:
        self._database, self._platform = database, platform
        self._snapshot: Any = connections[database].copy()
        self._items: Iterator[tuple[str, dict[str, Any]]] = iter(())
        self.first = self._next = self._previous = 0
        name = f"{connections[database].settings_dict['NAME']} {platform}"
        lock = "whole:" + hashlib.sha256(name.encode()).hexdigest()[:40]
        self.has_lock = self._ask("SELECT GET_LOCK(%s, 0)", [lock])[0][0] == 1
        if self.has_lock:
            self._begin()

    def _ask(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._snapshot.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall()) if cursor.description else []

    def _begin(self) -> None:
        """Reserve versions and open the snapshot while the counter's lock keeps changes from committing."""
        self._ask("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        count = "SELECT (SELECT 2 * COUNT(*) FROM domains_domain) + COUNT(*) FROM domains_account"
        with transaction.atomic(using=self._database):
            newest = lock_counter(self._database)
            self._ask("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            reserved = self._ask(count)[0][0] + 1
            self.first = self._next = newest + 1
            query = "UPDATE domains_counter SET version = %s WHERE id = 1"
            sql.execute(self._database, query, [newest + reserved])
            query = "UPDATE domains_follower SET first = %s WHERE platform = %s AND base IS NULL"
            sql.execute(self._database, query, [self.first, self._platform])
        self._items = self._all_items()
        log.info("%s is told the whole, from version %d on", self._platform, self.first)

    def send(self, publish: Publish) -> int:
        """Send the next batch, and return its size.

        `BATCH` means that there may be more. A smaller number means that the snapshot is finished, was given up, or is
        sent by another process.
        """
        if not self.has_lock or not self._is_wanted():
            return 0
        rows = self._rows(list(islice(self._items, BATCH)))
        publish(rows)
        if len(rows) < BATCH:
            self._finish()
        return len(rows)

    def _is_wanted(self) -> bool:
        """Return whether this snapshot is still wanted. It is not after another one was requested."""
        query = "SELECT first FROM domains_follower WHERE platform = %s AND base IS NULL"
        return sql.select(self._database, query, [self._platform]) == [(self.first,)]

    def _rows(self, items: list[tuple[str, dict[str, Any]]]) -> list[Row]:
        rows, following = [], next(self._items, None)
        if following:
            self._items = chain([following], self._items)
        for position, (kind, content) in enumerate(items, 1):
            body = {"op": "mod", "version": self._next, kind: content, "previous": self._previous}
            if following is None and position == len(items):
                body["whole"] = self.first
            rows.append(_outbox_row(self._platform, kind, body))
            self._previous, self._next = self._next, self._next + 1
        return rows

    def _finish(self) -> None:
        """Record that the snapshot was sent, so that the feed goes on with the log."""
        last = max(self._previous, self.first - 1)
        query = (
            "UPDATE domains_follower SET base = %s, sent = %s, first = 0"
            " WHERE platform = %s AND first = %s AND base IS NULL"
        )
        sql.execute(self._database, query, [last, last, self._platform, self.first])
        log.info("%s has been told the whole, up to version %d", self._platform, last)

    def close(self) -> None:
        """Release the database snapshot and the lock."""
        self._snapshot.close()

    # ---- what it holds --------------------------------------------------------------------------

    def _all_items(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield kind and content of all objects from the root down, so that each refers to earlier ones only."""
        moids = self._domains_in_order()
        for chunk in serializers.chunks(moids, BATCH):
            for content in serializers.serialize_domains(self._ask, chunk):
                yield "domain", content
        for chunk in serializers.chunks(dict.fromkeys(moids), BATCH):
            yield from self._accounts_of(chunk)

    def _accounts_of(self, domains: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        last, condition = 0, f"WHERE a.domain_id IN ({sql.marks(domains)}) AND a.id > %s"
        while batch := serializers.serialize_accounts(
            self._ask, f"{condition} ORDER BY a.id LIMIT {BATCH}", [*domains, last]
        ):
            yield from (("account", content) for _, content in batch)
            last = batch[-1][0]

    def _domains_in_order(self) -> list[str]:
        """Return the MOIDs of the domains that the platform holds, each after those that it refers to.

        A platform with backups comes twice, because a backup may come after it.
        """
        line = [row[0] for row in self._ask(LINE_UP, [self._platform])]
        if len(line) < 2:
            return []
        groups = [row[0] for row in self._ask(_GROUPS, [line[1]])]
        platforms = self._children(groups, 1)
        query = "SELECT DISTINCT platform_id FROM domains_backupplatform"
        with_backups = {row[0] for row in self._ask(query)}.intersection(platforms)
        users = self._children(groups, 0)
        return [*reversed(line[2:]), *groups, *platforms, *sorted(with_backups), *users]

    def _children(self, groups: list[str], level: int) -> list[str]:
        query = "SELECT moid FROM domains_domain WHERE level = {} AND parent_id IN ({})"
        moids: list[str] = []
        for chunk in serializers.chunks(groups, BATCH):
            rows = self._ask(query.format(level, sql.marks(chunk)), chunk)
            moids += [row[0] for row in rows]
        return moids

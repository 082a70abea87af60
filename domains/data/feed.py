"""What the platforms that follow are sent: the log, or the whole (ARCH §3.5).

The log goes in batches; `sent` rises with the broker's confirms, in the transaction that holds the
follower's row. The whole is read from one snapshot, begun while no change can commit: what it does
not show is in the log, under a higher version.
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
    """Send the next batch to a platform; how many (0: nothing to do now)."""
    if "bmc" not in settings.ROLES:
        return 0
    database = store_of(own_platform()).database
    query = "SELECT base FROM domains_follower WHERE platform = %s"
    found = sql.select(database, query, [platform])
    if not found:
        return add_follower(database, platform)
    if found[0][0] is None:
        return _send_snapshot_batch(database, platform, publish)
    return _send_log_batch(database, platform, publish)


def add_follower(database: str, platform: str) -> int:
    """A platform domain of the tree begins to follow: it is told the whole; 0: there is no such one."""
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
    with transaction.atomic(using=database):
        query = "SELECT sent FROM domains_follower WHERE platform = %s AND base IS NOT NULL"
        found = sql.select(database, f"{query} FOR UPDATE SKIP LOCKED", [platform])
        changes = sql.select(database, _READ, [platform, found[0][0], BATCH]) if found else []
        if not changes:
            return 0
        rows, previous = [], found[0][0]
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
    """The next batch of a whole, which one process sends from beginning to end."""
    try:
        if platform not in _snapshots:
            _snapshots[platform] = FullSnapshot(database, platform)
        sent = _snapshots[platform].send(publish)
    except BaseException:
        _close_snapshot(platform)
        raise
    if sent < BATCH:
        _close_snapshot(platform)
    return sent


def _close_snapshot(platform: str) -> None:
    if whole := _snapshots.pop(platform, None):
        whole.close()


class FullSnapshot:
    """All that a platform holds, from one snapshot, with versions of its own."""

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
        """Reserve versions and open the snapshot, while the counter's lock keeps changes from committing."""
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
        """The next batch. BATCH: there may be more; less: it is over, given up, or somebody else's."""
        if not self.has_lock or not self._is_wanted():
            return 0
        rows = self._rows(list(islice(self._items, BATCH)))
        publish(rows)
        if len(rows) < BATCH:
            self._finish()
        return len(rows)

    def _is_wanted(self) -> bool:
        """Not after it was asked for anew."""
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
        """From here on the log is read."""
        last = max(self._previous, self.first - 1)
        query = (
            "UPDATE domains_follower SET base = %s, sent = %s, first = 0"
            " WHERE platform = %s AND first = %s AND base IS NULL"
        )
        sql.execute(self._database, query, [last, last, self._platform, self.first])
        log.info("%s has been told the whole, up to version %d", self._platform, last)

    def close(self) -> None:
        """Give up snapshot and lock."""
        self._snapshot.close()

    # ---- what it holds --------------------------------------------------------------------------

    def _all_items(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Top-down, so that everything refers to what was named before."""
        moids = self._domains_in_order()
        for some in serializers.chunks(moids, BATCH):
            for content in serializers.serialize_domains(self._ask, some):
                yield "domain", content
        for some in serializers.chunks(dict.fromkeys(moids), BATCH):
            yield from self._accounts_of(some)

    def _accounts_of(self, domains: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        last, where = 0, f"WHERE a.domain_id IN ({sql.marks(domains)}) AND a.id > %s"
        while found := serializers.serialize_accounts(
            self._ask, f"{where} ORDER BY a.id LIMIT {BATCH}", [*domains, last]
        ):
            yield from (("account", content) for _, content in found)
            last = found[-1][0]

    def _domains_in_order(self) -> list[str]:
        """Domains in order; platforms that have backups come twice, since these may follow them."""
        line = [row[0] for row in self._ask(LINE_UP, [self._platform])]
        if len(line) < 2:
            return []
        groups = [row[0] for row in self._ask(_GROUPS, [line[1]])]
        platforms = self._children(groups, 1)
        backed = "SELECT DISTINCT platform_id FROM domains_backupplatform"
        again = {row[0] for row in self._ask(backed)}.intersection(platforms)
        users = self._children(groups, 0)
        return [*reversed(line[2:]), *groups, *platforms, *sorted(again), *users]

    def _children(self, groups: list[str], level: int) -> list[str]:
        query = "SELECT moid FROM domains_domain WHERE level = {} AND parent_id IN ({})"
        found: list[str] = []
        for some in serializers.chunks(groups, BATCH):
            rows = self._ask(query.format(level, sql.marks(some)), some)
            found += [row[0] for row in rows]
        return found

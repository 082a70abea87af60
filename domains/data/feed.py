"""The feed sends the core's change log, or a full snapshot of its tree, to its followers (ARCH §3.5).

The core is the deployment where the tree of domains is edited; a follower is a platform that copies the tree.
The log goes out in batches. A follower's column `sent`, the last version sent to it, rises with the broker's
confirms, in the transaction that locks the follower's row. A full snapshot is read from one database snapshot,
which begins while no change can commit. So a change that the snapshot does not show is in the log, under a higher
version.
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
from domains.rules.sync_decisions import RESENDING_UP_TO_BASE
from domains.rules.tree import PLATFORM, USER
from foundation import clock
from foundation.bus import outbox
from foundation.bus.link import Publish
from foundation.bus.message import dumps
from foundation.bus.outbox import OutboxRow
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of
from wire.routes import Routes

log = logging.getLogger("domains.feed")

BATCH = 500
_TYPES_AND_ROUTES = {
    "domain": ("BMC_CSS_DOMAIN_NTF", Routes.DOMAIN_NOTICE),
    "account": ("AMC_CSS_ACCOUNT_NTF", Routes.ACCOUNT_NOTICE),
}
_READ_CHANGES = (
    "SELECT c.version, c.kind, c.op, c.content FROM domains_changefor f"
    " JOIN domains_change c ON c.version = f.version"
    " WHERE f.platform = %s AND f.version > %s ORDER BY f.version LIMIT %s"
)
_SERVICE_DOMAINS_BELOW = (
    "WITH RECURSIVE below (moid, steps) AS ("
    " SELECT moid, 0 FROM domains_domain WHERE moid = %s UNION ALL"
    " SELECT d.moid, below.steps + 1 FROM below JOIN domains_domain d"
    " ON d.parent_id = below.moid AND d.level = 2 WHERE below.steps < 99)"
    " SELECT moid FROM below ORDER BY steps"
)
_snapshots: dict[str, FullSnapshot] = {}
"""Follower -> the full snapshot that this process is sending to it."""


def feed(platform: str, publish: Publish) -> int:
    """Send the next batch of changes to a follower, and return its size. 0 means that nothing is to be done now.

    A platform of the tree that is no follower yet becomes one. A follower is a platform that copies the domain tree.
    `publish` sends rows to its broker, and returns once that has confirmed them.
    """
    if "bmc" not in settings.ROLES:
        return 0
    database = store_of(own_platform()).database
    query = "SELECT base, first FROM domains_follower WHERE platform = %s"
    rows = sql.select(database, query, [platform])
    if not rows:
        return add_follower(database, platform)
    base, first = rows[0]
    if base is None:
        return _send_snapshot_batch(FullSnapshot, database, platform, publish)
    if first == RESENDING_UP_TO_BASE:
        return _send_snapshot_batch(ResentTree, database, platform, publish)
    return _send_log_batch(database, platform, publish)


def add_follower(database: str, platform: str) -> int:
    """Make a platform a follower, which receives a full snapshot first. Return 0 if it is no platform domain.

    A follower is a platform that copies the domain tree.
    """
    query = (
        "INSERT IGNORE INTO domains_follower (platform, sent, first)"
        " SELECT moid, 0, 0 FROM domains_domain WHERE moid = %s AND level = 1"
    )
    return sql.execute(database, query, [platform])


def _outbox_row(platform: str, kind: str, body: dict[str, object]) -> OutboxRow:
    """Return the message to a follower about a domain or an account, as a row of the outbox.

    A follower is a platform that copies the domain tree. The outbox is the table of messages to send.
    """
    wire_type, route = _TYPES_AND_ROUTES[kind]
    content = dumps({"type": wire_type, **body, "platformmoid": platform})
    exchange, key, sender = route.value.exchange, route.value.key, f"bmc@{own_platform()}"
    return outbox.new_row(content, exchange, key, clock.now(), sender, platform)


# ---- the log ------------------------------------------------------------------------------------


def _send_log_batch(database: str, platform: str, publish: Publish) -> int:
    """Send the next changes of the log to a follower, and return how many they were.

    It is 0 if nothing is new, if another process is sending to the follower, or if that is to get a full snapshot.
    Each message names the version before it, so that the follower notices a gap. A follower is a platform that copies
    the domain tree.
    """
    with transaction.atomic(using=database):
        query = "SELECT sent FROM domains_follower WHERE platform = %s AND base IS NOT NULL"
        followers = sql.select(database, f"{query} FOR UPDATE SKIP LOCKED", [platform])
        if not followers:
            return 0
        previous = followers[0][0]
        changes = sql.select(database, _READ_CHANGES, [platform, previous, BATCH])
        if not changes:
            return 0
        rows = []
        for version, kind, op, content in changes:
            body = {"op": op, "version": version, kind: orjson.Fragment(content)}
            rows.append(_outbox_row(platform, kind, {**body, "previous": previous}))
            previous = version
        publish(rows)
        query = "UPDATE domains_follower SET sent = %s WHERE platform = %s"
        sql.execute(database, query, [previous, platform])
    return len(rows)


# ---- full snapshots -----------------------------------------------------------------------------


def _send_snapshot_batch(
    kind: type[FullSnapshot], database: str, platform: str, publish: Publish
) -> int:
    """Send the next batch of a full snapshot of the domain tree, and return its size.

    The process that sends a snapshot keeps it in `_snapshots` until the end, or until an error.
    """
    try:
        if platform not in _snapshots:
            _snapshots[platform] = kind(database, platform)
        count = _snapshots[platform].send(publish)
    except BaseException:
        _close_snapshot(platform)
        raise
    if count < BATCH:
        _close_snapshot(platform)
    return count


def _close_snapshot(platform: str) -> None:
    """Close the snapshot that this process has begun to send to a platform, if there is one."""
    if snapshot := _snapshots.pop(platform, None):
        snapshot.close()


class FullSnapshot:
    """A full snapshot is all domains and accounts that a follower holds, sent with versions of its own.

    One process at a time sends the snapshot of a follower: the one whose `has_lock` is true. A follower is a platform
    that copies the domain tree.
    """

    def __init__(self, database: str, platform: str) -> None:
        """Begin to send the domain tree to this platform, unless another process does it (`has_lock` is then false)."""
        self._database, self._platform = database, platform
        self._connection = connections[database].copy()
        self._items: Iterator[tuple[str, dict[str, object]]] = iter(())
        """("domain" or "account", its content) for all objects that are still to be sent."""
        self.first = self._next = self._previous = 0
        """The versions of the snapshot's first message, of its next one, and of the last one sent."""
        name = f"{connections[database].settings_dict['NAME']} {platform}"
        # MariaDB's named lock, which takes names of up to 64 characters, is held by this connection.
        lock = "whole:" + hashlib.sha256(name.encode()).hexdigest()[:40]
        self.has_lock = self._run_query("SELECT GET_LOCK(%s, 0)", [lock])[0][0] == 1
        if self.has_lock:
            self._begin()

    def _run_query(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query on the connection that has the database snapshot.

        Return its rows, [] for a statement without any.
        """
        with self._connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall()) if cursor.description else []

    def _begin(self) -> None:
        """Open the database snapshot, and reserve versions for the messages that send it.

        Both are done under the lock of the counter, so that no change commits meanwhile. Domains are counted twice,
        because a platform with backups is sent twice.
        """
        self._run_query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        count = "SELECT (SELECT 2 * COUNT(*) FROM domains_domain) + COUNT(*) FROM domains_account"
        with transaction.atomic(using=self._database):
            newest = lock_counter(self._database)
            self._run_query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            reserved = self._run_query(count)[0][0] + 1
            self.first = self._next = newest + 1
            query = "UPDATE domains_counter SET version = %s WHERE id = 1"
            sql.execute(self._database, query, [newest + reserved])
            query = "UPDATE domains_follower SET first = %s WHERE platform = %s AND base IS NULL"
            sql.execute(self._database, query, [self.first, self._platform])
        self._items = self._all_items()
        log.info("%s is told the whole, from version %d on", self._platform, self.first)

    def send(self, publish: Publish) -> int:
        """Send the next batch of the snapshot by `publish`, and return its size.

        `BATCH` means that there may be more. A smaller number means that the snapshot is finished, was given up, or is
        sent by another process.
        """
        if not self.has_lock or not self._is_wanted():
            return 0
        rows = self._outbox_rows(list(islice(self._items, BATCH)))
        publish(rows)
        if len(rows) < BATCH:
            self._end_resending()
        return len(rows)

    def _is_wanted(self) -> bool:
        """Return whether the follower is still to receive this snapshot: it is not after another one was requested."""
        query = "SELECT first FROM domains_follower WHERE platform = %s AND base IS NULL"
        return sql.select(self._database, query, [self._platform]) == [(self.first,)]

    def _outbox_rows(self, items: list[tuple[str, dict[str, object]]]) -> list[OutboxRow]:
        """Return the messages about these objects. The field `whole` in the snapshot's last one ends it."""
        rows, next_item = [], next(self._items, None)
        if next_item:
            self._items = chain([next_item], self._items)
        for position, (kind, content) in enumerate(items, 1):
            body = {"op": "mod", "version": self._next, kind: content, "previous": self._previous}
            if next_item is None and position == len(items):
                body["whole"] = self.first
            rows.append(_outbox_row(self._platform, kind, body))
            self._previous, self._next = self._next, self._next + 1
        return rows

    def _end_resending(self) -> None:
        """Record that the whole tree was sent, so that the platform gets the changes after it from the change log.

        Nothing is recorded if another snapshot was requested meanwhile: `first` or `base` is another one then.
        """
        last = max(self._previous, self.first - 1)
        query = (
            "UPDATE domains_follower SET base = %s, sent = %s, first = 0"
            " WHERE platform = %s AND first = %s AND base IS NULL"
        )
        sql.execute(self._database, query, [last, last, self._platform, self.first])
        log.info("%s has been told the whole, up to version %d", self._platform, last)

    def close(self) -> None:
        """Release the database snapshot and the lock."""
        self._connection.close()

    # ---- the objects of the snapshot ------------------------------------------------------------

    def _all_items(self) -> Iterator[tuple[str, dict[str, object]]]:
        """Yield kind and content of all objects from the root down, so that each refers to earlier ones only."""
        moids = self._domains_in_order()
        for chunk in serializers.chunks(moids, BATCH):
            for content in serializers.serialize_domains(self._run_query, chunk):
                yield "domain", content
        for chunk in serializers.chunks(dict.fromkeys(moids), BATCH):
            yield from self._accounts_of(chunk)

    def _accounts_of(self, domains: list[str]) -> Iterator[tuple[str, dict[str, object]]]:
        """Yield "account" and the content of each account of these domains. They are read in batches."""
        last, condition = 0, f"WHERE a.domain_id IN ({sql.marks(domains)}) AND a.id > %s"
        while batch := serializers.serialize_accounts(
            self._run_query, f"{condition} ORDER BY a.id LIMIT {BATCH}", [*domains, last]
        ):
            yield from (("account", content) for _, content in batch)
            last = batch[-1][0]

    def _domains_in_order(self) -> list[str]:
        """Return the MOIDs of the domains that the platform holds, each after those that it refers to.

        A platform with backups comes twice, because a backup may come after it. [] for a platform that is not in the
        tree.
        """
        path_up = [row[0] for row in self._run_query(LINE_UP, [self._platform])]
        if len(path_up) < 2:
            return []
        parent, above_parent = path_up[1], path_up[2:]  # path_up[0] is the platform itself.
        service_domains = [row[0] for row in self._run_query(_SERVICE_DOMAINS_BELOW, [parent])]
        platforms = self._children(service_domains, PLATFORM)
        query = "SELECT DISTINCT platform_id FROM domains_backupplatform"
        with_backups = {row[0] for row in self._run_query(query)}.intersection(platforms)
        users = self._children(service_domains, USER)
        return [
            *(*reversed(above_parent), *service_domains),
            *(*platforms, *sorted(with_backups), *users),
        ]

    def _children(self, parents: list[str], level: int) -> list[str]:
        """Return the MOIDs of the domains of one level that lie directly below these domains."""
        query = "SELECT moid FROM domains_domain WHERE level = {} AND parent_id IN ({})"
        moids: list[str] = []
        for chunk in serializers.chunks(parents, BATCH):
            rows = self._run_query(query.format(level, sql.marks(chunk)), chunk)
            moids += [row[0] for row in rows]
        return moids


class ResentTree(FullSnapshot):
    """The whole domain tree, sent again to a site that may have lost objects.

    Each object is sent with a version from 1 to `base`, parents first. A site ignores an object that it has with a
    newer version. Objects that were added after `base` take no version of their own: the change log sends them once
    more after this. The messages do not name the version before them, so that the site sees no gap.
    """

    def _begin(self) -> None:
        """Open a database snapshot of the tree while no change commits, and note what was added after `base`.

        `base` is the version above which the change log has all changes for the follower. The follower's row has the
        code RESENDING_UP_TO_BASE in the column `first` while the tree is sent again.
        """
        self._run_query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with transaction.atomic(using=self._database):
            lock_counter(self._database)
            self._run_query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        query = "SELECT base FROM domains_follower WHERE platform = %s AND first = %s"
        rows = self._run_query(query, [self._platform, RESENDING_UP_TO_BASE])
        self.first, self._next = RESENDING_UP_TO_BASE, 1
        self._base: int = (rows[0][0] if rows else None) or 0
        query = (
            "SELECT c.moid FROM domains_changefor f JOIN domains_change c ON c.version = f.version"
            " WHERE f.platform = %s AND f.version > %s AND c.op = 'add'"
        )
        self._added = {row[0] for row in self._run_query(query, [self._platform, self._base])}
        self._items = self._all_items()
        log.info("%s is told again what it was told up to version %d", self._platform, self._base)

    def _is_wanted(self) -> bool:
        """Return whether the follower is still to receive the domain tree again, under versions up to `base`.

        The follower's row says so by a code in the column `first`. Another request changes `first` or `base`, and so
        ends this sending.
        """
        query = "SELECT 1 FROM domains_follower WHERE platform=%s AND base=%s AND first=%s"
        return bool(
            sql.select(self._database, query, [self._platform, self._base, RESENDING_UP_TO_BASE])
        )

    def _outbox_rows(self, items: list[tuple[str, dict[str, object]]]) -> list[OutboxRow]:
        """Return the messages about these objects, with old versions, and without the version before (`previous`)."""
        rows = []
        for kind, content in items:
            version = max(1, min(self._next, self._base))
            body = {"op": "mod", "version": version, kind: content}
            rows.append(_outbox_row(self._platform, kind, body))
            if content["moid"] not in self._added:
                self._next += 1
        return rows

    def _end_resending(self) -> None:
        """Record that the platform has the whole tree as of version `base`: next it gets the later changes.

        `first` is 0 when nothing is being sent again. If that was begun anew meanwhile, nothing is recorded.
        """
        query = "UPDATE domains_follower SET sent=base, first=0 WHERE platform=%s AND first=%s"
        sql.execute(self._database, query, [self._platform, RESENDING_UP_TO_BASE])

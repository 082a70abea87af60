"""The change log records each change of the tree of domains for the followers concerned (MODB, ARCH §3.5).

The core is the deployment where the tree is edited; a follower is a platform that copies the core's tree. Each
change has a version, which a counter gives. The row of the counter is locked until the change commits, so that
versions become visible in their order, and a record shows the tree as it was at the change. Without followers
nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import Any, Literal

import orjson
from django.conf import settings
from django.db import transaction

from domains.data import serializers
from domains.data.queries import all_above
from domains.data.serializers import WireObject
from domains.rules.sync_decisions import platforms_holding
from domains.rules.tree import USER
from foundation.bus import wake_up
from foundation.cells import sql
from foundation.cells.directory import own_platform

Kind = Literal["domain", "account"]
Op = Literal["add", "mod", "del"]
_CHUNK = 500

_ANCESTORS_OF_FOLLOWERS = (
    "WITH RECURSIVE up (platform, moid, parent_id, steps) AS ("
    " SELECT f.platform, d.moid, d.parent_id, 0 FROM domains_follower f"
    " JOIN domains_domain d ON d.moid = f.platform"
    " UNION ALL SELECT up.platform, d.moid, d.parent_id, up.steps + 1"
    " FROM up JOIN domains_domain d ON d.moid = up.parent_id WHERE up.steps < 99)"
    " SELECT platform, moid FROM up ORDER BY platform, steps"
)


def record_change(
    database: str, kind: Kind, moid: str, op: Op, former_parent: str | None = None
) -> None:
    """Record a change of one domain or account (`kind`) for the followers, within the transaction of the change.

    `former_parent` is the domain above a domain, or the domain of an account, before it was moved; `None` means that
    it was not moved. A deletion is recorded before the row is deleted, because the row tells which followers hold it.
    Nothing is recorded at a deployment that is no core. A follower is a platform that copies the domain tree.
    """
    record_changes(database, kind, [moid], op, former_parent)


def record_changes(
    database: str, kind: Kind, moids: Sequence[str], op: Op, former_parent: str | None = None
) -> None:
    """Record one kind of change of several domains or accounts, to be told to other sites (see `record_change`).

    Only the core (role "bmc") records, and only while a site's platform follows the tree.
    """
    if "bmc" not in settings.ROLES or not moids:
        return
    recorder = ChangeRecorder(database)
    if not recorder.ancestors_of_followers:
        return
    if kind == "account":
        _record_accounts(recorder, moids, op, former_parent)
    else:
        for moid in moids:
            _record_domain(recorder, moid, op, former_parent)
    recorder.write()


def record_end_of_running(database: str, moid: str) -> frozenset[str]:
    """Record that the conferences in a disabled domain and below it are to end.

    Return the platforms that receive this order.
    """
    if "bmc" not in settings.ROLES:
        return frozenset()
    recorder = ChangeRecorder(database)
    holders = recorder.platforms_holding(moid) if recorder.ancestors_of_followers else frozenset()
    for content in serializers.serialize_domains(recorder.run_query, [moid]):
        recorder.add("domain", moid, "mod", {**content, "endrunning": 1}, holders)
    recorder.write()
    return holders


def followers_holding(database: str, moids: Sequence[str]) -> frozenset[str]:
    """Return the followers (platforms that copy the domain tree) that hold any of these domains.

    Without followers the database is not asked about the domains.
    """
    recorder = ChangeRecorder(database)
    if not recorder.ancestors_of_followers:
        return frozenset()
    return frozenset().union(*(recorder.platforms_holding(moid) for moid in moids))


def request_full_snapshots(database: str, platforms: Collection[str] = ()) -> int:
    """Note that these followers, or all, are to receive a full snapshot of the tree; return how many these are.

    A follower is a platform that copies the domain tree.
    """
    query = "UPDATE domains_follower SET base = NULL, first = 0"
    with transaction.atomic(using=database):
        if platforms:
            marks = sql.marks(list(platforms))
            query += f" WHERE platform IN ({marks})"
        return sql.execute(database, query, list(platforms))


def lock_counter(database: str) -> int:
    """Lock the counter that gives each change of the tree its version, and return the version given last."""
    query = "SELECT version FROM domains_counter WHERE id = 1 FOR UPDATE"
    if not (rows := sql.select(database, query)):
        sql.insert(database, "domains_counter", ("id", "version"), [(1, 0)], update=("id",))
        rows = sql.select(database, query)
    return int(rows[0][0])


# ---- domains ------------------------------------------------------------------------------------


def _record_domain(recorder: ChangeRecorder, moid: str, op: Op, former_parent: str | None) -> None:
    """Record a change (`op`) of a domain for the followers that hold it. `former_parent`: the parent before a move.

    Followers that no longer see a moved user domain get a deletion; those to which it is new get its accounts, too.
    After the move of another domain, with all below it, the followers concerned get a full snapshot.
    """
    objects = serializers.serialize_domains(recorder.run_query, [moid])
    if not objects:
        return
    content, holders = objects[0], recorder.platforms_holding(moid)
    former_holders = (
        holders
        if former_parent in (None, content["uplevelmoid"])
        else recorder.platforms_holding(moid, below=former_parent)
    )
    if op == "del":
        recorder.add("domain", moid, op, {"moid": moid}, holders)
    elif content["level"] != USER and former_parent not in (None, content["uplevelmoid"]):
        # A moved subtree: a full snapshot is simpler than the changes of all domains below it.
        request_full_snapshots(recorder.database, holders | former_holders)
    else:
        recorder.add("domain", moid, "del", {"moid": moid}, former_holders - holders)
        recorder.add("domain", moid, op, content, holders)
        _record_accounts_of_domain(recorder, moid, holders - former_holders)


def _record_accounts_of_domain(
    recorder: ChangeRecorder, moid: str, platforms: frozenset[str]
) -> None:
    """Record the accounts of a domain for those platforms to which the domain is new."""
    if platforms:
        for _, content in serializers.serialize_accounts(
            recorder.run_query, "WHERE a.domain_id = %s ORDER BY a.id", [moid]
        ):
            recorder.add("account", content["moid"], "add", content, platforms)


# ---- people -------------------------------------------------------------------------------------


def _record_accounts(
    recorder: ChangeRecorder, moids: Sequence[str], op: Op, former_domain: str | None
) -> None:
    """Record the same change (`op`) of many accounts for the platforms that hold them; they are read in chunks."""
    for chunk in serializers.chunks(moids, _CHUNK):
        condition = f"WHERE a.moid IN ({sql.marks(chunk)}) ORDER BY a.id"
        for _, content in serializers.serialize_accounts(recorder.run_query, condition, chunk):
            _record_account(recorder, content, op, former_domain)


def _record_account(
    recorder: ChangeRecorder, content: WireObject, op: Op, former_domain: str | None
) -> None:
    """Record a change of an account; followers that do not hold its new domain get a deletion."""
    moid, domain = content["moid"], content["userdomainmoid"]
    holders = recorder.platforms_holding(domain) if domain else frozenset()
    former_holders = (
        recorder.platforms_holding(former_domain)
        if former_domain and former_domain != domain
        else holders
    )
    if op == "del":
        recorder.add("account", moid, op, {"moid": moid}, holders)
        return
    recorder.add("account", moid, "del", {"moid": moid}, former_holders - holders)
    recorder.add("account", moid, op, content, holders)


# ---- the log ------------------------------------------------------------------------------------


class ChangeRecorder:
    """A change recorder collects the changes of one transaction, gives them versions, and writes them."""

    def __init__(self, database: str) -> None:
        """Begin without changes, and lock the counter of versions until the transaction ends."""
        self.database = database
        self._version = lock_counter(database)
        self._ancestors: dict[str, list[str]] = {}
        """MOID of a domain -> its own MOID and those of all domains above it, the root last."""
        self._changes: list[tuple[object, ...]] = []
        """The rows of the table of changes that `write` inserts."""
        self._receivers: list[tuple[str, int]] = []
        """(follower, version of a change that the follower is to receive)."""

    @cached_property
    def ancestors_of_followers(self) -> dict[str, list[str]]:
        """Return for each follower its id and those of all domains above it, from itself to the root.

        A follower is a platform that copies the domain tree.
        """
        ancestors: dict[str, list[str]] = {}
        for platform, moid in sql.select(self.database, _ANCESTORS_OF_FOLLOWERS):
            ancestors.setdefault(platform, []).append(moid)
        return ancestors

    @cached_property
    def _now(self) -> datetime:
        """Return the time of the database, in UTC."""
        now: datetime = sql.select(self.database, "SELECT UTC_TIMESTAMP(6)")[0][0]
        return now

    def run_query(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Run a query in the transaction of the change, and return its rows."""
        return sql.select(self.database, query, values)

    def platforms_holding(self, moid: str, below: str | None = None) -> frozenset[str]:
        """Return the followers (platforms that copy the domain tree) that hold a domain.

        With `below`, return those that would hold it if it hung below that domain.
        """
        start = below or moid
        if start not in self._ancestors:
            self._ancestors[start] = all_above(self.database, start)
        path = self._ancestors[start]
        path = [moid, *path] if below else path or [moid]
        return platforms_holding(self.ancestors_of_followers, path)

    def add(
        self, kind: Kind, moid: str, op: Op, content: WireObject, followers: Collection[str]
    ) -> None:
        """Add a change for these followers (platforms that copy the tree), under the next version.

        Nothing is added without followers.
        """
        if not followers:
            return
        self._version += 1
        row = (self._version, kind, moid, op, orjson.dumps(content), self._now)
        self._changes.append(row)
        self._receivers += [(platform, self._version) for platform in sorted(followers)]

    def write(self) -> None:
        """Write the changes, and after the commit wake the threads that send them to the followers.

        A follower is a platform that copies the domain tree. Does nothing without changes.
        """
        if not self._changes:
            return
        columns = ("version", "kind", "moid", "op", "content", "at")
        sql.insert(self.database, "domains_change", columns, self._changes)
        sql.insert(self.database, "domains_changefor", ("platform", "version"), self._receivers)
        query = "UPDATE domains_counter SET version = %s WHERE id = 1"
        sql.execute(self.database, query, [self._version])
        feeders = {wake_up.feeder_name(platform) for platform, _ in self._receivers}
        wake_feeders = partial(wake_up.wake_senders, own_platform(), feeders)
        transaction.on_commit(wake_feeders, using=self.database, robust=True)

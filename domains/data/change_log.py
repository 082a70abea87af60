"""The core's change log records each change of the tree for the followers concerned (MODB, ARCH §3.5).

A follower is a platform that copies the core's tree. The row of the counter is locked until the change
commits, so that versions become visible in their order, and so that a record is true of the tree as it
was at the change. Without followers nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property, partial
from typing import Any, Literal

import orjson
from django.conf import settings
from django.db import transaction

from domains.data import serializers
from domains.data.queries import all_above
from domains.rules.sync_decisions import platforms_holding
from domains.rules.tree import USER
from foundation.bus import wake_up
from foundation.cells import sql
from foundation.cells.directory import own_platform

Kind = Literal["domain", "account"]
Op = Literal["add", "mod", "del"]

_ANCESTORS_OF_FOLLOWERS = (
    "WITH RECURSIVE up (platform, moid, parent_id, steps) AS ("
    " SELECT f.platform, d.moid, d.parent_id, 0 FROM domains_follower f"
    " JOIN domains_domain d ON d.moid = f.platform"
    " UNION ALL SELECT up.platform, d.moid, d.parent_id, up.steps + 1"
    " FROM up JOIN domains_domain d ON d.moid = up.parent_id WHERE up.steps < 99)"
    " SELECT platform, moid FROM up ORDER BY platform, steps"
)


def record_change(database: str, kind: Kind, moid: str, op: Op, was: str | None = None) -> None:
    """Record a change of one domain or account, within the transaction of the change.

    `was` is the domain above it, or the domain of an account, before a move. A deletion is recorded before the
    row is deleted, because the followers concerned are read from it.
    """
    record_changes(database, kind, [moid], op, was)


def record_changes(
    database: str, kind: Kind, moids: Sequence[str], op: Op, was: str | None = None
) -> None:
    """Record the same kind of change for several domains or accounts (see `record_change`)."""
    if "bmc" not in settings.ROLES or not moids:
        return
    recorder = ChangeRecorder(database)
    if not recorder.lines:
        return
    if kind == "account":
        _record_accounts(recorder, moids, op, was)
    else:
        for moid in moids:
            _record_domain(recorder, moid, op, was)
    recorder.write()


def request_full_snapshots(database: str, platforms: Collection[str] = ()) -> int:
    """Let these followers, or all, receive a full snapshot, and return how many these are."""
    query = "UPDATE domains_follower SET base = NULL, first = 0"
    with transaction.atomic(using=database):
        if platforms:
            marks = sql.marks(list(platforms))
            query += f" WHERE platform IN ({marks})"
        return sql.execute(database, query, list(platforms))


def lock_counter(database: str) -> int:
    """Lock the counter until the transaction ends, and return the version given last."""
    query = "SELECT version FROM domains_counter WHERE id = 1 FOR UPDATE"
    if not (rows := sql.select(database, query)):
        sql.insert(database, "domains_counter", ("id", "version"), [(1, 0)], update=("id",))
        rows = sql.select(database, query)
    return int(rows[0][0])


# ---- domains ------------------------------------------------------------------------------------


def _record_domain(recorder: ChangeRecorder, moid: str, op: Op, was: str | None) -> None:
    objects = serializers.serialize_domains(recorder.ask, [moid])
    if not objects:
        return
    content, holders = objects[0], recorder.platforms_holding(moid)
    former_holders = (
        holders
        if was in (None, content["uplevelmoid"])
        else recorder.platforms_holding(moid, below=was)
    )
    if op == "del":
        recorder.add("domain", moid, op, {"moid": moid}, holders)
    elif content["level"] != USER and was not in (None, content["uplevelmoid"]):
        request_full_snapshots(recorder.database, holders | former_holders)
    else:
        recorder.add("domain", moid, "del", {"moid": moid}, former_holders - holders)
        recorder.add("domain", moid, op, content, holders)
        _record_accounts_of(recorder, moid, holders - former_holders)


def _record_accounts_of(recorder: ChangeRecorder, moid: str, platforms: frozenset[str]) -> None:
    """Record the accounts of a domain for platforms to which the domain is new."""
    if platforms:
        for _, content in serializers.serialize_accounts(
            recorder.ask, "WHERE a.domain_id = %s ORDER BY a.id", [moid]
        ):
            recorder.add("account", content["moid"], "add", content, platforms)


# ---- people -------------------------------------------------------------------------------------


def _record_accounts(
    recorder: ChangeRecorder, moids: Sequence[str], op: Op, was: str | None
) -> None:
    for chunk in serializers.chunks(moids, 500):
        condition = f"WHERE a.moid IN ({sql.marks(chunk)}) ORDER BY a.id"
        for _, content in serializers.serialize_accounts(recorder.ask, condition, chunk):
            _record_account(recorder, content, op, was)


def _record_account(
    recorder: ChangeRecorder, content: dict[str, Any], op: Op, was: str | None
) -> None:
    moid, home = content["moid"], content["userdomainmoid"]
    holders = recorder.platforms_holding(home) if home else frozenset()
    former_holders = recorder.platforms_holding(was) if was and was != home else holders
    if op == "del":
        recorder.add("account", moid, op, {"moid": moid}, holders)
        return
    recorder.add("account", moid, "del", {"moid": moid}, former_holders - holders)
    recorder.add("account", moid, op, content, holders)


# ---- the log ------------------------------------------------------------------------------------


class ChangeRecorder:
    """A change recorder collects the changes of one transaction, gives them versions, and writes them."""

    def __init__(self, database: str) -> None:
        self.database = database
        self._version = lock_counter(database)
        self._above: dict[str, list[str]] = {}
        self._changes: list[tuple[Any, ...]] = []
        self._for: list[tuple[str, int]] = []

    @cached_property
    def lines(self) -> dict[str, list[str]]:
        """Return for each follower its MOID and those of all domains above it, from itself to the root."""
        lines: dict[str, list[str]] = {}
        for platform, moid in sql.select(self.database, _ANCESTORS_OF_FOLLOWERS):
            lines.setdefault(platform, []).append(moid)
        return lines

    @cached_property
    def _now(self) -> Any:
        return sql.select(self.database, "SELECT UTC_TIMESTAMP(6)")[0][0]

    def ask(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a query in the transaction of the change."""
        return sql.select(self.database, query, values)

    def platforms_holding(self, moid: str, below: str | None = None) -> frozenset[str]:
        """Return the followers that hold a domain.

        With `below`, return those that would hold it if it hung below that domain.
        """
        start = below or moid
        if start not in self._above:
            self._above[start] = all_above(self.database, start)
        line = self._above[start]
        return platforms_holding(self.lines, [moid, *line] if below else line or [moid])

    def add(
        self, kind: Kind, moid: str, op: Op, content: dict[str, Any], to: Collection[str]
    ) -> None:
        """Add a change for these followers, with the next version."""
        if not to:
            return
        self._version += 1
        row = (self._version, kind, moid, op, orjson.dumps(content), self._now)
        self._changes.append(row)
        self._for += [(platform, self._version) for platform in sorted(to)]

    def write(self) -> None:
        """Write the changes, and wake the links to the followers after the commit."""
        if not self._changes:
            return
        columns = ("version", "kind", "moid", "op", "content", "at")
        sql.insert(self.database, "domains_change", columns, self._changes)
        sql.insert(self.database, "domains_changefor", ("platform", "version"), self._for)
        query = "UPDATE domains_counter SET version = %s WHERE id = 1"
        sql.execute(self.database, query, [self._version])
        wake_links = partial(
            wake_up.everywhere, own_platform(), {platform for platform, _ in self._for}
        )
        transaction.on_commit(wake_links, using=self.database, robust=True)

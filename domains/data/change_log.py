"""What is changed at the core is noted for the platforms concerned (MODB, ARCH §3.5).

The counter's row is locked until the change commits, so that versions appear in their order, and
what was noted is true of the tree as it was then. Where nobody follows nothing is noted.
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
    """In the transaction of a change: tell those whom it concerns.

    `was`: what it hung below, or (an account) belonged to, before it moved. A deletion is noted
    before the row goes: whom it concerns is read from there.
    """
    record_changes(database, kind, [moid], op, was)


def record_changes(
    database: str, kind: Kind, moids: Sequence[str], op: Op, was: str | None = None
) -> None:
    """The same for many at once."""
    if "bmc" not in settings.ROLES or not moids:
        return
    log = ChangeRecorder(database)
    if not log.lines:
        return
    if kind == "account":
        _record_accounts(log, moids, op, was)
    else:
        for moid in moids:
            _record_domain(log, moid, op, was)
    log.write()


def request_full_snapshots(database: str, platforms: Collection[str] = ()) -> int:
    """These followers, or all, are told the whole again; how many."""
    query = "UPDATE domains_follower SET base = NULL, first = 0"
    with transaction.atomic(using=database):
        if platforms:
            marks = sql.marks(list(platforms))
            query += f" WHERE platform IN ({marks})"
        return sql.execute(database, query, list(platforms))


def lock_counter(database: str) -> int:
    """The version given last; locked until the transaction ends."""
    query = "SELECT version FROM domains_counter WHERE id = 1 FOR UPDATE"
    if not (found := sql.select(database, query)):
        sql.insert(database, "domains_counter", ("id", "version"), [(1, 0)], update=("id",))
        found = sql.select(database, query)
    return int(found[0][0])


# ---- domains ------------------------------------------------------------------------------------


def _record_domain(log: ChangeRecorder, moid: str, op: Op, was: str | None) -> None:
    found = serializers.serialize_domains(log.ask, [moid])
    if not found:
        return
    content, here = found[0], log.platforms_holding(moid)
    before = (
        here if was in (None, content["uplevelmoid"]) else log.platforms_holding(moid, below=was)
    )
    if op == "del":
        log.add("domain", moid, op, {"moid": moid}, here)
    elif content["level"] != USER and was not in (None, content["uplevelmoid"]):
        request_full_snapshots(log.database, here | before)
    else:
        log.add("domain", moid, "del", {"moid": moid}, before - here)
        log.add("domain", moid, op, content, here)
        _record_accounts_of(log, moid, here - before)


def _record_accounts_of(log: ChangeRecorder, moid: str, platforms: frozenset[str]) -> None:
    """Who is new to a domain is new to its people."""
    if platforms:
        for _, content in serializers.serialize_accounts(
            log.ask, "WHERE a.domain_id = %s ORDER BY a.id", [moid]
        ):
            log.add("account", content["moid"], "add", content, platforms)


# ---- people -------------------------------------------------------------------------------------


def _record_accounts(log: ChangeRecorder, moids: Sequence[str], op: Op, was: str | None) -> None:
    for some in serializers.chunks(moids, 500):
        where = f"WHERE a.moid IN ({sql.marks(some)}) ORDER BY a.id"
        for _, content in serializers.serialize_accounts(log.ask, where, some):
            _record_account(log, content, op, was)


def _record_account(log: ChangeRecorder, content: dict[str, Any], op: Op, was: str | None) -> None:
    moid, home = content["moid"], content["userdomainmoid"]
    here = log.platforms_holding(home) if home else frozenset()
    before = log.platforms_holding(was) if was and was != home else here
    if op == "del":
        log.add("account", moid, op, {"moid": moid}, here)
        return
    log.add("account", moid, "del", {"moid": moid}, before - here)
    log.add("account", moid, op, content, here)


# ---- the log ------------------------------------------------------------------------------------


class ChangeRecorder:
    """The log within one transaction: what is added gets the next versions."""

    def __init__(self, database: str) -> None:
        self.database = database
        self._version = lock_counter(database)
        self._above: dict[str, list[str]] = {}
        self._changes: list[tuple[Any, ...]] = []
        self._for: list[tuple[str, int]] = []

    @cached_property
    def lines(self) -> dict[str, list[str]]:
        """The followers, each with all above it."""
        found: dict[str, list[str]] = {}
        for platform, moid in sql.select(self.database, _ANCESTORS_OF_FOLLOWERS):
            found.setdefault(platform, []).append(moid)
        return found

    @cached_property
    def _now(self) -> Any:
        return sql.select(self.database, "SELECT UTC_TIMESTAMP(6)")[0][0]

    def ask(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """A query in this transaction."""
        return sql.select(self.database, query, values)

    def platforms_holding(self, moid: str, below: str | None = None) -> frozenset[str]:
        """The followers that hold a domain, where it is or as if it hung below another one."""
        start = below or moid
        if start not in self._above:
            self._above[start] = all_above(self.database, start)
        line = self._above[start]
        return platforms_holding(self.lines, [moid, *line] if below else line or [moid])

    def add(
        self, kind: Kind, moid: str, op: Op, content: dict[str, Any], to: Collection[str]
    ) -> None:
        """One more change, for these platforms."""
        if not to:
            return
        self._version += 1
        row = (self._version, kind, moid, op, orjson.dumps(content), self._now)
        self._changes.append(row)
        self._for += [(platform, self._version) for platform in sorted(to)]

    def write(self) -> None:
        """Write what was added, and wake the links once it has committed."""
        if not self._changes:
            return
        columns = ("version", "kind", "moid", "op", "content", "at")
        sql.insert(self.database, "domains_change", columns, self._changes)
        sql.insert(self.database, "domains_changefor", ("platform", "version"), self._for)
        query = "UPDATE domains_counter SET version = %s WHERE id = 1"
        sql.execute(self.database, query, [self._version])
        awake = partial(wake_up.everywhere, own_platform(), {platform for platform, _ in self._for})
        transaction.on_commit(awake, using=self.database, robust=True)

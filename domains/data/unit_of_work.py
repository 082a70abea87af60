"""What the flows that follow the core may touch, inside one transaction.

What a batch needs is read at its beginning; what it says is kept in memory, the last word on each
thing, and written at the end in few statements.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from domains.data import bulk_writer, metrics, redis_projection, serializers
from domains.data.serializers import WireObject
from domains.data.tree_rows import DatabaseTree
from domains.data.tree_source import is_tree_edited_here
from domains.rules.sync_decisions import Verdict, is_time_to_ask, judge_change
from foundation.bus.message import Message
from foundation.bus.outbox import naive
from foundation.bus.outgoing import Send
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells import sql
from wire.domain_changes import AccountChanged, AskForChanges, DomainChanged
from wire.routes import Routes

log = logging.getLogger("domains.site")

Notice = DomainChanged | AccountChanged
_LEVELS = {"uplevelmoid": (2, 3), "platformmoid": (1,), "userdomainmoid": (0, 1, 2, 3)}


class DomainsUnitOfWork:
    """The domains and accounts of a platform, as it is told of them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow, self.database, self.now = uow, uow.database, uow.now
        self.is_open, self.own = uow.is_open, uow.platform
        self.cursor, self._gap, self._wrong = 0, False, ""
        self._asked_at: datetime | None = None
        self._was: tuple[Any, ...] | None = None
        self._versions: dict[str, int] = {}
        self._changed: dict[str, int] = {}
        self._levels: dict[str, int] = {}
        self._name_owners: dict[str, tuple[str, bool]] = {}
        self._domains: dict[str, WireObject | None] = {}
        self._accounts: dict[str, WireObject | None] = {}

    # ---- reading ------------------------------------------------------------------------------

    def prepare(self, messages: Sequence[Message]) -> None:
        """How far we are (locked: one batch after the other), and what these messages speak of."""
        notices = [one for one in messages if isinstance(one, DomainChanged | AccountChanged)]
        if not notices:
            return
        self.lock_cursor()
        things = [subject_of(one) for one in notices]
        moids = [one["moid"] for one in things]
        query = f"SELECT moid, version FROM domains_applied WHERE moid IN ({sql.marks(moids)})"
        self._versions.update(self._select(query, moids))
        self.read_levels(things)
        self.read_name_owners([one for one in things if "account" in one])

    def lock_cursor(self) -> None:
        """Where we are."""
        if self._was is not None:
            return
        query = "SELECT version, asked_at, gap, wrong FROM domains_followed WHERE id = 1 FOR UPDATE"
        if not (found := self._select(query)):
            columns = ("id", "version", "gap", "wrong")
            sql.insert(self.database, "domains_followed", columns, [(1, 0, 0, "")], update=("id",))
            found = self._select(query)
        self._was = found[0]
        version, asked_at, gap, wrong = found[0]
        self.cursor, self._gap, self._wrong = version, bool(gap), wrong
        self._asked_at = asked_at.replace(tzinfo=UTC) if asked_at else None

    def _select(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return sql.select(self.database, query, values)

    def read_levels(self, things: Sequence[WireObject]) -> None:
        """Which domains there are of those that are spoken of; and the root."""
        names = ("moid", *_LEVELS)
        moids = sorted({one[name] for one in things for name in names if one.get(name)})
        query = (
            f"SELECT moid, level FROM domains_domain WHERE moid IN ({sql.marks(moids)})"
            " UNION SELECT moid, level FROM domains_domain WHERE level = 3"
        )
        self._levels.update(self._select(query, moids))

    def read_name_owners(self, accounts: Sequence[WireObject]) -> None:
        """Who signs in under these names now, and whether it was made here."""
        names = sorted({name for one in accounts for name in bulk_writer.sign_in_names_of(one)})
        if names:
            query = (
                "SELECT n.name, a.moid, p.moid IS NULL FROM domains_signinname n"
                " JOIN domains_account a ON a.id = n.account_id"
                f" LEFT JOIN domains_applied p ON p.moid = a.moid WHERE n.name IN ({sql.marks(names)})"
            )
            self._name_owners |= {
                name: (m, bool(own)) for name, m, own in self._select(query, names)
            }

    def load_domain(self, moid: str) -> WireObject | None:
        """A domain as it is; what was staged is written first."""
        self._write_staged()
        found = serializers.serialize_domains(self._ask, [moid])
        return found[0] if found else None

    def load_account(self, moid: str) -> WireObject | None:
        """An account as it is, without its secrets."""
        self._write_staged()
        found = serializers.serialize_accounts(self._ask, "WHERE a.moid = %s", [moid])
        return {k: v for k, v in found[0][1].items() if k != "sealed"} if found else None

    def _ask(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._select(query, values)

    def tree(self) -> DatabaseTree:
        """The tree as it is, for its rules; nobody else changes it until we are done."""
        self._select("SELECT moid FROM domains_domain WHERE level = 3 FOR UPDATE")
        return DatabaseTree(self.database)

    def judge_change(self, notice: Notice) -> Verdict:
        """Is it the next one, one that we have had, or is something missing before it?"""
        applied = self._versions.get(subject_of(notice)["moid"], 0)
        return judge_change(notice.version, notice.previous, self.cursor, applied)

    def find_misfit(self, thing: WireObject) -> tuple[str, str]:
        """Field and reason why a thing cannot be as it is told; empty: it can."""
        level = thing.get("level")
        if level is not None and self._levels.get(thing["moid"], level) != level:
            return "level", "this MOID is taken by a domain of another level"
        roots = [moid for moid, one in self._levels.items() if one == 3 and moid != thing["moid"]]
        if level == 3 and roots:
            return "moid", f"there is another core domain here: {roots[0]}"
        for field, levels in _LEVELS.items():
            wanted = thing.get(field)
            if wanted and self._levels.get(wanted) not in levels:
                return field, f"there is no such domain here: {wanted}"
        return "", ""

    def find_taken_name(self, thing: WireObject, *, by_anybody: bool) -> str:
        """A name of an account that somebody else signs in with: one made here, or anybody."""
        for name in sorted(bulk_writer.sign_in_names_of(thing)):
            moid, made_here = self._name_owners.get(name, (thing["moid"], False))
            if moid != thing["moid"] and (made_here or by_anybody):
                return name
        return ""

    # ---- staging ------------------------------------------------------------------------------

    def stage_domain(self, moid: str, domain: WireObject | None) -> None:
        """So is this domain from now on; None: it is no more."""
        if self._domains.pop(moid, domain) is None and domain is not None:
            self._domains[moid] = None
            self._write_staged()  # With the one that went, its people went.
        self._domains[moid] = domain
        if domain is None:
            self._levels.pop(moid, None)
        else:
            self._levels[moid] = domain["level"]

    def stage_account(self, moid: str, account: WireObject | None) -> None:
        """So is this account from now on; None: it is no more."""
        if self._accounts.get(moid, account) is None and account is not None:
            self._write_staged()
        self._accounts[moid] = account

    def record_applied(self, notice: Notice) -> None:
        """A notice has been applied."""
        moid = subject_of(notice)["moid"]
        self._versions[moid] = self._changed[moid] = notice.version
        metrics.APPLIED.inc()

    def advance(self, notice: Notice) -> None:
        """We have come so far, and nothing is missing before."""
        self.cursor = max(self.cursor, notice.version)
        if notice.previous is not None:
            self._gap, self._wrong = False, ""

    def count_duplicate(self) -> None:
        """A notice that had been applied before."""
        metrics.SEEN.inc()

    def follows_a_core(self) -> bool:
        """Is there a core that we follow: the one of the configuration, or one that we have heard?"""
        self.lock_cursor()
        return not is_tree_edited_here() or self.cursor > 0

    def record_gap(self) -> None:
        """Something is missing: ask for it, though not for every message that shows it."""
        metrics.GAPS.inc()
        self._gap = True
        self.request_changes_if_due()

    def record_unusable(self, why: str) -> None:
        """What came cannot be applied, so nothing after it can: all of it is asked for anew."""
        if why != self._wrong:
            log.error("what the core tells cannot be applied: %s", why)
        self._wrong, self._gap = why[:400], True

    def request_changes_if_due(self) -> None:
        """Ask the core for what is missing, or may be."""
        self.lock_cursor()
        if is_time_to_ask(self.now, self._asked_at, self._gap and not self._wrong):
            self.request_changes()

    def request_changes(self) -> None:
        """Ask the core for what came after our version; for all if what came could not be applied."""
        self.lock_cursor()
        after = 0 if self._wrong else self.cursor
        question = AskForChanges(after=after, platform=self.own)
        self._uow.send(Send(message=question, route=Routes.BMC_SYNC))
        self._asked_at = self.now

    def delete_not_in_snapshot(self, first: int) -> None:
        """All there is has been told, with versions from `first` on: what else was told once goes."""
        self._write_staged()
        old = (
            "SELECT t.moid FROM {} t JOIN domains_applied p ON p.moid = t.moid WHERE p.version < %s"
        )
        people = [row[0] for row in self._select(old.format("domains_account"), [first])]
        domains = [row[0] for row in self._select(old.format("domains_domain"), [first])]
        bulk_writer.delete_accounts(self.database, people)
        self._accounts.update(dict.fromkeys(people))
        for moid in domains:
            self.stage_domain(moid, None)
        log.info("all was told: %d domains and %d accounts are no more", len(domains), len(people))

    # ---- writing ------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was staged, and how far we are."""
        self._write_staged()
        asked = naive(self._asked_at) if self._asked_at else None
        now = (self.cursor, asked, int(self._gap), self._wrong)
        if self._was is not None and now != self._was:
            query = (
                "UPDATE domains_followed SET version=%s, asked_at=%s, gap=%s, wrong=%s WHERE id=1"
            )
            sql.execute(self.database, query, now)
            self._was = now

    def _write_staged(self) -> None:
        """Accounts that go make room first; domains before the people who belong to them."""
        gone = [moid for moid, one in self._accounts.items() if one is None]
        people = [one for one in self._accounts.values() if one is not None]
        bulk_writer.delete_accounts(self.database, gone)
        if self._domains:
            there = [one for one in self._domains.values() if one is not None]
            bulk_writer.write_domains(self.database, in_order_of_reference(there))
            redis_projection.mark_changed(self.database, *self._domains)
        if people:
            bulk_writer.write_accounts(self.database, people, self._accounts_to_rename(people))
        bulk_writer.delete_domains(
            self.database, [m for m, one in self._domains.items() if one is None]
        )
        rows = list(self._changed.items())
        sql.insert(self.database, "domains_applied", ("moid", "version"), rows, update=("version",))
        self._domains, self._accounts, self._changed = {}, {}, {}

    def _accounts_to_rename(self, people: Sequence[WireObject]) -> set[str]:
        """Accounts whose names are taken by others: the core has seen to it that they have new ones."""
        names = {name: one["moid"] for one in people for name in bulk_writer.sign_in_names_of(one)}
        holders = (
            (m, names.get(n, m)) for n, (m, made_here) in self._name_owners.items() if not made_here
        )
        return {holder for holder, wanted in holders if holder != wanted}

    def after_commit(self) -> None:
        """The projection follows by itself."""


def subject_of(notice: Notice) -> WireObject:
    """The domain or the account that a notice is about."""
    return notice.domain if isinstance(notice, DomainChanged) else notice.account


def in_order_of_reference(domains: Sequence[Mapping[str, Any]]) -> list[WireObject]:
    """Domains of a batch, each after those that it refers to."""
    by_moid = {one["moid"]: dict(one) for one in domains}
    found: dict[str, WireObject] = {}

    def put(moid: str | None) -> None:
        if moid is not None and (one := by_moid.pop(moid, None)) is not None:
            put(one.get("uplevelmoid"))
            found[moid] = one

    for one in sorted(
        domains, key=lambda one: -one["level"] if one["level"] > 1 else 2 - one["level"]
    ):
        put(one["moid"])
    return list(found.values())

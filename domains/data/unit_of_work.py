"""The unit of work of the flows that follow a core. It lives within one transaction.

What a batch of messages needs is read at its beginning. What the messages say is staged in memory, where a later
message about a thing replaces an earlier one. It is written at the end, in few statements.
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
from foundation.bus.outbox import to_db_datetime
from foundation.bus.outgoing import Send
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells import sql
from wire.domain_changes import AccountChanged, AskForChanges, DomainChanged
from wire.routes import Routes

log = logging.getLogger("domains.site")

Notice = DomainChanged | AccountChanged
_LEVELS = {"uplevelmoid": (2, 3), "platformmoid": (1,), "userdomainmoid": (0, 1, 2, 3)}


class DomainsUnitOfWork:
    """The unit of work holds the domains and accounts of a platform that a core sends."""

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
        """Lock how far this platform has come, and read what these messages refer to.

        The lock makes batches wait for one another.
        """
        notices = [n for n in messages if isinstance(n, DomainChanged | AccountChanged)]
        if not notices:
            return
        self.lock_cursor()
        subjects = [subject_of(notice) for notice in notices]
        moids = [subject["moid"] for subject in subjects]
        query = f"SELECT moid, version FROM domains_applied WHERE moid IN ({sql.marks(moids)})"
        self._versions.update(self._select(query, moids))
        self.read_levels(subjects)
        self.read_name_owners([subject for subject in subjects if "account" in subject])

    def lock_cursor(self) -> None:
        """Lock the row that says how far this platform has come, and read it once."""
        if self._was is not None:
            return
        query = "SELECT version, asked_at, gap, wrong FROM domains_followed WHERE id = 1 FOR UPDATE"
        if not (rows := self._select(query)):
            columns = ("id", "version", "gap", "wrong")
            sql.insert(self.database, "domains_followed", columns, [(1, 0, 0, "")], update=("id",))
            rows = self._select(query)
        self._was = rows[0]
        version, asked_at, gap, unusable = rows[0]
        self.cursor, self._gap, self._wrong = version, bool(gap), unusable
        self._asked_at = asked_at.replace(tzinfo=UTC) if asked_at else None

    def _select(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return sql.select(self.database, query, values)

    def read_levels(self, subjects: Sequence[WireObject]) -> None:
        """Read the levels of the domains that these domains and accounts name, and the root."""
        names = ("moid", *_LEVELS)
        moids = sorted(
            {subject[name] for subject in subjects for name in names if subject.get(name)}
        )
        query = (
            f"SELECT moid, level FROM domains_domain WHERE moid IN ({sql.marks(moids)})"
            " UNION SELECT moid, level FROM domains_domain WHERE level = 3"
        )
        self._levels.update(self._select(query, moids))

    def read_name_owners(self, accounts: Sequence[WireObject]) -> None:
        """Read who signs in under the names of these accounts, and whether that account was made here."""
        names = sorted(
            {name for account in accounts for name in bulk_writer.sign_in_names_of(account)}
        )
        if names:
            query = (
                "SELECT n.name, a.moid, p.moid IS NULL FROM domains_signinname n"
                " JOIN domains_account a ON a.id = n.account_id"
                f" LEFT JOIN domains_applied p ON p.moid = a.moid WHERE n.name IN ({sql.marks(names)})"
            )
            self._name_owners |= {
                name: (m, bool(made_here)) for name, m, made_here in self._select(query, names)
            }

    def load_domain(self, moid: str) -> WireObject | None:
        """Return a domain, or `None`. What was staged is written first."""
        self._write_staged()
        objects = serializers.serialize_domains(self._ask, [moid])
        return objects[0] if objects else None

    def load_account(self, moid: str) -> WireObject | None:
        """Return an account without its secrets, or `None`. What was staged is written first."""
        self._write_staged()
        objects = serializers.serialize_accounts(self._ask, "WHERE a.moid = %s", [moid])
        return {k: v for k, v in objects[0][1].items() if k != "sealed"} if objects else None

    def _ask(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._select(query, values)

    def tree(self) -> DatabaseTree:
        """Lock the tree until the transaction ends, and return it for its rules."""
        self._select("SELECT moid FROM domains_domain WHERE level = 3 FOR UPDATE")
        return DatabaseTree(self.database)

    def judge_change(self, notice: Notice) -> Verdict:
        """Return whether a notice is to be applied, was applied before, or shows a gap."""
        applied = self._versions.get(subject_of(notice)["moid"], 0)
        return judge_change(notice.version, notice.previous, self.cursor, applied)

    def find_misfit(self, subject: WireObject) -> tuple[str, str]:
        """Return field and reason why a domain or an account cannot be saved as it came.

        Both are "" if it can.
        """
        level = subject.get("level")
        if level is not None and self._levels.get(subject["moid"], level) != level:
            return "level", "this MOID is taken by a domain of another level"
        roots = [
            moid
            for moid, known_level in self._levels.items()
            if known_level == 3 and moid != subject["moid"]
        ]
        if level == 3 and roots:
            return "moid", f"there is another core domain here: {roots[0]}"
        for field, levels in _LEVELS.items():
            wanted = subject.get(field)
            if wanted and self._levels.get(wanted) not in levels:
                return field, f"there is no such domain here: {wanted}"
        return "", ""

    def find_taken_name(self, account: WireObject, *, by_anybody: bool) -> str:
        """Return a name of an account under which another account signs in, or "".

        Without `by_anybody` only accounts that were made here count, since the core sends the others.
        """
        for name in sorted(bulk_writer.sign_in_names_of(account)):
            moid, made_here = self._name_owners.get(name, (account["moid"], False))
            if moid != account["moid"] and (made_here or by_anybody):
                return name
        return ""

    # ---- staging ------------------------------------------------------------------------------

    def stage_domain(self, moid: str, domain: WireObject | None) -> None:
        """Stage a domain as it is from now on. `None` means that it was deleted."""
        if self._domains.pop(moid, domain) is None and domain is not None:
            self._domains[moid] = None
            self._write_staged()  # The deletion takes the domain's accounts along.
        self._domains[moid] = domain
        if domain is None:
            self._levels.pop(moid, None)
        else:
            self._levels[moid] = domain["level"]

    def stage_account(self, moid: str, account: WireObject | None) -> None:
        """Stage an account as it is from now on. `None` means that it was deleted."""
        if self._accounts.get(moid, account) is None and account is not None:
            self._write_staged()
        self._accounts[moid] = account

    def record_applied(self, notice: Notice) -> None:
        """Record that a notice has been applied."""
        moid = subject_of(notice)["moid"]
        self._versions[moid] = self._changed[moid] = notice.version
        metrics.APPLIED.inc()

    def advance(self, notice: Notice) -> None:
        """Record that nothing is missing up to a notice."""
        self.cursor = max(self.cursor, notice.version)
        if notice.previous is not None:
            self._gap, self._wrong = False, ""

    def count_duplicate(self) -> None:
        """Count a notice that had been applied before."""
        metrics.SEEN.inc()

    def follows_a_core(self) -> bool:
        """Return whether this platform follows a core.

        That is a core that the settings name, or one that has sent something before.
        """
        self.lock_cursor()
        return not is_tree_edited_here() or self.cursor > 0

    def record_gap(self) -> None:
        """Record that notices are missing, and ask for them unless they were asked for just now."""
        metrics.GAPS.inc()
        self._gap = True
        self.request_changes_if_due()

    def record_unusable(self, why: str) -> None:
        """Record that a notice cannot be applied.

        Then nothing after it can be applied either, so a full snapshot will be requested.
        """
        if why != self._wrong:
            log.error("what the core tells cannot be applied: %s", why)
        self._wrong, self._gap = why[:400], True

    def request_changes_if_due(self) -> None:
        """Ask the core for changes that are missing, or may be, unless the last request is recent."""
        self.lock_cursor()
        if is_time_to_ask(self.now, self._asked_at, self._gap and not self._wrong):
            self.request_changes()

    def request_changes(self) -> None:
        """Ask the core for the changes after our version.

        If a notice could not be applied, everything is asked for.
        """
        self.lock_cursor()
        after = 0 if self._wrong else self.cursor
        request = AskForChanges(after=after, platform=self.own)
        self._uow.send(Send(message=request, route=Routes.BMC_SYNC))
        self._asked_at = self.now

    def delete_not_in_snapshot(self, first: int) -> None:
        """Delete what an earlier notice brought and the full snapshot did not name.

        The snapshot has come completely. Its versions begin with `first`.
        """
        self._write_staged()
        query = (
            "SELECT t.moid FROM {} t JOIN domains_applied p ON p.moid = t.moid WHERE p.version < %s"
        )
        accounts = [row[0] for row in self._select(query.format("domains_account"), [first])]
        domains = [row[0] for row in self._select(query.format("domains_domain"), [first])]
        bulk_writer.delete_accounts(self.database, accounts)
        self._accounts.update(dict.fromkeys(accounts))
        for moid in domains:
            self.stage_domain(moid, None)
        log.info(
            "all was told: %d domains and %d accounts are no more", len(domains), len(accounts)
        )

    # ---- writing ------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was staged, and how far this platform has come."""
        self._write_staged()
        asked_at = to_db_datetime(self._asked_at) if self._asked_at else None
        state = (self.cursor, asked_at, int(self._gap), self._wrong)
        if self._was is not None and state != self._was:
            query = (
                "UPDATE domains_followed SET version=%s, asked_at=%s, gap=%s, wrong=%s WHERE id=1"
            )
            sql.execute(self.database, query, state)
            self._was = state

    def _write_staged(self) -> None:
        """Write what was staged.

        Deleted accounts go first, since others may take their names. Domains come before the accounts that belong to them.
        """
        deleted = [moid for moid, item in self._accounts.items() if item is None]
        accounts = [item for item in self._accounts.values() if item is not None]
        bulk_writer.delete_accounts(self.database, deleted)
        if self._domains:
            domains = [item for item in self._domains.values() if item is not None]
            bulk_writer.write_domains(self.database, in_order_of_reference(domains))
            redis_projection.mark_changed(self.database, *self._domains)
        if accounts:
            bulk_writer.write_accounts(self.database, accounts, self._accounts_to_rename(accounts))
        bulk_writer.delete_domains(
            self.database, [m for m, item in self._domains.items() if item is None]
        )
        rows = list(self._changed.items())
        sql.insert(self.database, "domains_applied", ("moid", "version"), rows, update=("version",))
        self._domains, self._accounts, self._changed = {}, {}, {}

    def _accounts_to_rename(self, accounts: Sequence[WireObject]) -> set[str]:
        """Return the MOIDs of accounts whose names other accounts of the batch take.

        The core has made sure that they get new names, in this batch or a later one.
        """
        names = {
            name: account["moid"]
            for account in accounts
            for name in bulk_writer.sign_in_names_of(account)
        }
        holders = (
            (m, names.get(n, m)) for n, (m, made_here) in self._name_owners.items() if not made_here
        )
        return {holder for holder, wanted in holders if holder != wanted}

    def after_commit(self) -> None:
        """Do nothing: `redis_projection.mark_changed` has arranged for the projection."""


def subject_of(notice: Notice) -> WireObject:
    """Return the domain or the account that a notice is about."""
    return dict(notice.domain if isinstance(notice, DomainChanged) else notice.account)


def in_order_of_reference(domains: Sequence[Mapping[str, Any]]) -> list[WireObject]:
    """Return the domains of a batch, each after those that it refers to."""
    by_moid = {domain["moid"]: dict(domain) for domain in domains}
    ordered: dict[str, WireObject] = {}

    def put(moid: str | None) -> None:
        if moid is not None and (domain := by_moid.pop(moid, None)) is not None:
            put(domain.get("uplevelmoid"))
            ordered[moid] = domain

    for domain in sorted(
        domains, key=lambda domain: -domain["level"] if domain["level"] > 1 else 2 - domain["level"]
    ):
        put(domain["moid"])
    return list(ordered.values())

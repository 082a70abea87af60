"""The unit of work applies the changes of the domain tree that a core sends. It lives within one transaction.

The core is the deployment where the tree is edited; this platform copies it. The rows that a batch of messages
needs are read at its beginning. The domains and accounts that the messages carry are staged in memory, where a
later message about the same one replaces an earlier one. They are written at the end, in few statements.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from domains.data import bulk_writer, hooks, metrics, redis_projection, serializers, site_counts
from domains.data.serializers import WireObject
from domains.data.tree_rows import DatabaseTree
from domains.data.tree_source import is_tree_edited_here
from domains.rules.foreign_names import with_plain_names
from domains.rules.sync_decisions import Verdict, is_time_to_ask, judge_change
from domains.rules.tree import CORE, PLATFORM, SERVICE, USER
from foundation.bus.message import Message
from foundation.bus.outbox import to_db_datetime
from foundation.bus.outgoing import Outgoing, Send
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells import sql
from wire.domain_changes import AccountChanged, AskForChanges, DomainChanged, RunningCounted
from wire.routes import Routes

log = logging.getLogger("domains.site")

Notice = DomainChanged | AccountChanged
_MAX_REASON_LENGTH = 400
_ALLOWED_LEVELS = {
    "uplevelmoid": (SERVICE, CORE),
    "platformmoid": (PLATFORM,),
    "userdomainmoid": (USER, PLATFORM, SERVICE, CORE),
}
"""A field of a domain or account that refers to a domain -> the levels that this domain may have."""


class DomainsUnitOfWork:
    """The unit of work keeps the domains and accounts that the core has sent in memory, and writes them at the end.

    `cursor`: the version of the last change up to which nothing is missing here. The core is the deployment that owns
    the domain tree. A unit of work is one transaction.
    """

    def __init__(self, uow: UnitOfWork) -> None:
        """Join the transaction of `uow`, with nothing read and nothing to write yet."""
        self._uow, self.database, self.now = uow, uow.database, uow.now
        self.is_open, self.own = uow.is_open, uow.platform
        self.cursor, self._gap, self._wrong = 0, False, ""
        """Up to which version nothing is missing; whether changes are missing; why one cannot be applied."""
        self._asked_at: datetime | None = None
        """When changes were last requested from the core."""
        self._saved_state: tuple[Any, ...] | None = None
        """The stored values of version, asked_at, gap and wrong; `None` until they are read."""
        self._versions: dict[str, int] = {}
        """MOID of a domain or account -> version of the last change of it that was applied."""
        self._new_versions: dict[str, int] = {}
        """The part of `_versions` that is still to be written."""
        self._levels: dict[str, int] = {}
        """MOID of a domain -> its level."""
        self._name_owners: dict[str, tuple[str, bool]] = {}
        """Sign-in name -> (MOID of the stored account that has it, whether that was created here)."""
        self._domains: dict[str, WireObject | None] = {}
        self._accounts: dict[str, WireObject | None] = {}
        """MOID -> the new state of a domain or account, still to be written; `None` means that it was deleted."""
        self._counted: list[RunningCounted] = []
        """Answers of sites that are handed to waiting pages after the commit."""

    # ---- reading ------------------------------------------------------------------------------

    def prepare(self, messages: Sequence[Message]) -> None:
        """Lock the row with this platform's cursor, and read what the changes of the tree among `messages` refer to.

        The cursor is the version up to which this platform has applied all changes of the domain tree. Batches wait for
        one another at the lock. What is read of each changed domain or account (by id, the MOID): the version applied
        so far, the levels of the domains it refers to, who has its sign-in names. Other messages need nothing.
        """
        notices = [
            message for message in messages if isinstance(message, DomainChanged | AccountChanged)
        ]
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
        """Lock and read, once, the row that says up to which change this platform has applied the tree (`version`).

        It has, too: are changes missing (`gap`), why one is unusable (`wrong`), when they were last requested.
        """
        if self._saved_state is not None:
            return
        query = "SELECT version, asked_at, gap, wrong FROM domains_followed WHERE id = 1 FOR UPDATE"
        if not (rows := self._select(query)):
            columns = ("id", "version", "gap", "wrong")
            sql.insert(self.database, "domains_followed", columns, [(1, 0, 0, "")], update=("id",))
            rows = self._select(query)
        self._saved_state = rows[0]
        version, asked_at, gap, unusable = rows[0]
        self.cursor, self._gap, self._wrong = version, bool(gap), unusable
        self._asked_at = asked_at.replace(tzinfo=UTC) if asked_at else None

    def _select(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query on this platform's database, in this transaction."""
        return sql.select(self.database, query, values)

    def read_levels(self, subjects: Sequence[WireObject]) -> None:
        """Read the levels of the domains that these received objects (`subjects`) refer to, and of the root."""
        fields = ("moid", *_ALLOWED_LEVELS)
        moids = sorted(
            {subject[field] for subject in subjects for field in fields if subject.get(field)}
        )
        query = (
            f"SELECT moid, level FROM domains_domain WHERE moid IN ({sql.marks(moids)})"
            f" UNION SELECT moid, level FROM domains_domain WHERE level = {CORE}"
        )
        self._levels.update(self._select(query, moids))

    def read_name_owners(self, accounts: Sequence[WireObject]) -> None:
        """Read, for `find_taken_name`, which stored accounts have the sign-in names of these received accounts."""
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
                name: (moid, bool(is_local)) for name, moid, is_local in self._select(query, names)
            }

    def load_domain(self, moid: str) -> WireObject | None:
        """Return a domain as messages carry it, or `None` if it does not exist. Staged changes are written first."""
        self._write_staged()
        objects = serializers.serialize_domains(self._select, [moid])
        return objects[0] if objects else None

    def load_account(self, moid: str) -> WireObject | None:
        """Return an account without its secrets, or `None` if it does not exist. Staged changes are written first."""
        self._write_staged()
        objects = serializers.serialize_accounts(self._select, "WHERE a.moid = %s", [moid])
        if not objects:
            return None
        _primary_key, account = objects[0]
        return {name: value for name, value in account.items() if name != "sealed"}

    def lock_tree(self) -> DatabaseTree:
        """Lock the domain tree until the transaction ends, and return it for the rules that check a change of it."""
        self._select("SELECT moid FROM domains_domain WHERE level = 3 FOR UPDATE")
        return DatabaseTree(self.database)

    def judge_change(self, notice: Notice) -> Verdict:
        """Return whether a change is to be applied, was applied before, or shows that others are missing."""
        applied = self._versions.get(subject_of(notice)["moid"], 0)
        return judge_change(notice.version, notice.previous, self.cursor, applied)

    def find_unusable_field(self, subject: WireObject) -> tuple[str, str]:
        """Return (field, reason) why a received domain or account (`subject`) cannot be saved.

        Both are "" if it can be saved.
        """
        level = subject.get("level")
        if level is not None and self._levels.get(subject["moid"], level) != level:
            return "level", "this MOID is taken by a domain of another level"
        other_roots = [
            moid
            for moid, stored_level in self._levels.items()
            if stored_level == CORE and moid != subject["moid"]
        ]
        if level == CORE and other_roots:
            return "moid", f"there is another core domain here: {other_roots[0]}"
        for field, levels in _ALLOWED_LEVELS.items():
            moid = subject.get(field)
            if moid and self._levels.get(moid) not in levels:
                return field, f"there is no such domain here: {moid}"
        return "", ""

    def find_taken_name(self, account: WireObject, *, include_received: bool) -> str:
        """Return a sign-in name of `account` that another account already has; "" if there is none.

        Without `include_received`, accounts that the core (which owns the domain tree) sent are ignored: it has
        checked the names itself, and may rename the other account in a later message.
        """
        for name in sorted(bulk_writer.sign_in_names_of(account)):
            moid, is_local = self._name_owners.get(name, (account["moid"], False))
            if moid != account["moid"] and (is_local or include_received):
                return name
        return ""

    # ---- staging ------------------------------------------------------------------------------

    def stage_domain(self, moid: str, domain: WireObject | None) -> None:
        """Keep the new state of a domain in memory until it is written at the end. `None` means that it was deleted."""
        if self._domains.pop(moid, domain) is None and domain is not None:
            self._domains[moid] = None
            self._write_staged()  # The deletion staged before also deletes the domain's accounts.
        self._domains[moid] = domain
        if domain is None:
            self._levels.pop(moid, None)
        else:
            self._levels[moid] = domain["level"]

    def stage_account(self, moid: str, account: WireObject | None) -> None:
        """Keep the new state of an account in memory until it is written at the end. `None`: it was deleted."""
        if self._accounts.get(moid, account) is None and account is not None:
            self._write_staged()  # First the deletion staged before, with all that it removes.
        self._accounts[moid] = account

    def end_running(self, moid: str) -> None:
        """End the conferences in a disabled domain and below it, because an operator at the core requests it."""
        self._write_staged()
        ended = sum(hooks.END_RUNNING_IN.call(self._uow, moid))
        log.info("the core ends what runs below %s: %d", moid, ended)

    def record_applied(self, notice: Notice) -> None:
        """Record that a change has been applied: the domain or account has the change's version now."""
        moid = subject_of(notice)["moid"]
        self._versions[moid] = self._new_versions[moid] = notice.version
        metrics.APPLIED.inc()

    def advance(self, notice: Notice) -> None:
        """Move the cursor on to a change, since all changes up to it have been applied here.

        If the change names the one before it (`previous`), nothing is missing any more.
        """
        self.cursor = max(self.cursor, notice.version)
        if notice.previous is not None:
            self._gap, self._wrong = False, ""

    def count_duplicate(self) -> None:
        """Count, in a metric, a change that was received again after it had been applied."""
        metrics.SEEN.inc()

    def follows_a_core(self) -> bool:
        """Return whether this platform copies its domain tree from a core.

        It does if the settings name a core, or if one has sent changes before.
        """
        self.lock_cursor()
        return not is_tree_edited_here() or self.cursor > 0

    def record_gap(self) -> None:
        """Record that changes are missing, and request them unless they were requested a moment ago."""
        metrics.GAPS.inc()
        self._gap = True
        self.request_changes_if_due()

    def record_unusable(self, reason: str) -> None:
        """Record that a change cannot be applied, and why.

        Then nothing after it can be applied either, so a full snapshot of the tree will be requested.
        """
        if reason != self._wrong:
            log.error("what the core tells cannot be applied: %s", reason)
        self._wrong, self._gap = reason[:_MAX_REASON_LENGTH], True

    def send(self, outgoing: Outgoing) -> None:
        """Add a message or an answer to the transaction; it is sent once that has committed."""
        self._uow.send(outgoing)

    def hand_over(self, counted: RunningCounted) -> None:
        """Hand a site's count of running conferences, after the commit, to the admin page that waits for it."""
        self._counted.append(counted)

    def request_changes_if_due(self) -> None:
        """Request changes from the core, unless the last request is so recent that the answer may be on its way.

        The core is the deployment that owns the domain tree.
        """
        self.lock_cursor()
        if is_time_to_ask(self.now, self._asked_at, self._gap and not self._wrong):
            self.request_changes()

    def request_changes(self) -> None:
        """Ask the core for the changes after our version, or for all domains if a change could not be applied.

        The core is the deployment that owns the domain tree.
        """
        self.lock_cursor()
        after = 0 if self._wrong else self.cursor
        request = AskForChanges(after=after, platform=self.own)
        self._uow.send(Send(message=request, route=Routes.BMC_SYNC))
        self._asked_at = self.now

    def delete_not_in_snapshot(self, first: int) -> None:
        """Delete received domains and accounts that a full snapshot of the domain tree, now complete, did not name.

        `first` is the lowest version of the snapshot. What has a lower one was not in it.
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
        """Write the staged domains and accounts, and the row that says how far this site has followed the core.

        The core is the deployment that owns the domain tree; `cursor` is its last version stored here.
        """
        self._write_staged()
        asked_at = to_db_datetime(self._asked_at) if self._asked_at else None
        state = (self.cursor, asked_at, int(self._gap), self._wrong)
        if self._saved_state is not None and state != self._saved_state:
            query = (
                "UPDATE domains_followed SET version=%s, asked_at=%s, gap=%s, wrong=%s WHERE id=1"
            )
            sql.execute(self.database, query, state)
            self._saved_state = state

    def _write_staged(self) -> None:
        """Write the domains and accounts that are kept in memory (staged).

        Deleted accounts go first, since others may take their names. Domains come before the accounts in them.
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
            self.database, [moid for moid, item in self._domains.items() if item is None]
        )
        rows = list(self._new_versions.items())
        sql.insert(self.database, "domains_applied", ("moid", "version"), rows, update=("version",))
        self._domains, self._accounts, self._new_versions = {}, {}, {}

    def _accounts_to_rename(self, accounts: Sequence[WireObject]) -> set[str]:
        """Return the ids of received accounts whose sign-in names other accounts of the batch take.

        The core (which owns the domain tree) has made sure that they get new names, in this batch or a later one.
        """
        new_owners = {
            name: account["moid"]
            for account in accounts
            for name in bulk_writer.sign_in_names_of(account)
        }
        return {
            owner
            for name, (owner, is_local) in self._name_owners.items()
            if not is_local and new_owners.get(name, owner) != owner
        }

    def after_commit(self) -> None:
        """Hand the sites' answers to the pages that wait for them. The domains are written to Redis elsewhere."""
        for counted in self._counted:
            site_counts.store_count(self.own, counted.reqid, counted.platform, counted.running)


def subject_of(notice: Notice) -> WireObject:
    """Return the domain or the account whose change a message reports, its names as plain texts."""
    return with_plain_names(
        dict(notice.domain if isinstance(notice, DomainChanged) else notice.account)
    )


def in_order_of_reference(domains: Sequence[WireObject]) -> list[WireObject]:
    """Return the domains of a batch, each after those that it refers to: its parent, and a tenant's platform.

    Core and service domains come first, then platforms, then user domains.
    """
    remaining = {domain["moid"]: dict(domain) for domain in domains}
    ordered: dict[str, WireObject] = {}

    def add_after_parents(moid: str | None) -> None:
        """Add a domain to the result, after the domains of the batch that lie above it."""
        if moid is not None and (domain := remaining.pop(moid, None)) is not None:
            add_after_parents(domain.get("uplevelmoid"))
            ordered[moid] = domain

    for domain in sorted(domains, key=lambda domain: domain["level"], reverse=True):
        add_after_parents(domain["moid"])
    return list(ordered.values())

"""Seats are counted in the transaction that takes or returns them, so that the counts cannot drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from foundation.cells import sql
from foundation.cells.directory import possible_platforms
from licensing.data import licence_rows
from licensing.rules.amounts import NONE, RESOURCES, Amounts
from licensing.rules.decisions import HeldLicence, Standing, amounts_in, standing
from licensing.rules.limits import (
    Limits,
    ReachedLimit,
    find_reached_limit,
    find_short_resource,
    in_force,
)

COLUMNS = ("small_used", "large_used", *RESOURCES)
"""Of `licensing_quota`, in the order of `Amounts`."""

_OF_DOMAINS = COLUMNS[:2]
"""User domains have limits of conferences alone."""

ALL_COUNTS = f"SELECT owner, {', '.join(COLUMNS)}{{more}} FROM licensing_quota"
"""Select the counts of every owner. `more` are further columns, for a union with another query."""

_READ = f"{ALL_COUNTS.format(more='')} WHERE owner"


class Seats:
    """The counts that a transaction changes. Their rows are locked from the first look on."""

    def __init__(self, database: str, platform: str, now: datetime) -> None:
        self._database, self._platform, self._now = database, platform, now
        self._used: dict[str, Amounts] = {}
        self._deltas: Counter[tuple[str, str]] = Counter()
        self._licence: Limits | None = None
        self._licence_read = False

    def lock(self, owners: Collection[str]) -> None:
        """Read and lock the counts of these domains and of the platform."""
        wanted = sorted({*owners, self._platform} - self._used.keys())
        if not wanted:
            return
        counts = self._read(wanted)
        missing = [(owner, *astuple(NONE)) for owner in wanted if owner not in counts]
        if missing:
            columns = ("owner", *COLUMNS)
            sql.insert(self._database, "licensing_quota", columns, missing, update=("owner",))
            counts = self._read(wanted)
        self._used |= counts
        if not self._licence_read:
            self._licence, self._licence_read = self._read_licence(), True

    def _read(self, owners: list[str]) -> dict[str, Amounts]:
        query = f"{_READ} IN ({sql.marks(owners)}) ORDER BY owner FOR UPDATE"
        return {r[0]: Amounts(*r[1:]) for r in sql.select(self._database, query, owners)}

    def _read_licence(self) -> Limits | None:
        """Read the limits in one query. The licence's text was verified within the last minute, or is now."""
        licences, clock = licence_rows.newest_of(
            self._database, (self._platform, *possible_platforms())
        )
        self._now = max(self._now, clock)
        own = licences.get(self._platform)
        if own is None or standing(own, self._now) is not Standing.VALID:
            return None
        small, large = own.amounts.small_conferences, own.amounts.large_conferences
        site = _in_force(self._platform, licences, self._now)
        return Limits(small, large, own.valid_from, own.valid_to, site)

    def _now_used(self, owner: str) -> Amounts:
        was = astuple(self._used[owner])
        pairs = zip(was, COLUMNS, strict=True)
        return Amounts(*(value + self._deltas[(owner, column)] for value, column in pairs))

    def reached_limit(
        self, domain: str, wanted: Amounts, domain_limit: int | None
    ) -> ReachedLimit | None:
        """Return the limit that forbids one more conference of a domain. `None` means that there is a seat."""
        self.lock([domain])
        platform, own = self._now_used(self._platform), self._now_used(domain)
        return find_reached_limit(wanted, self._licence, platform, domain_limit, own, self._now)

    def change(self, domain: str, before: Amounts, after: Amounts) -> None:
        """Count that a conference of this domain takes `after` in place of `before`."""
        for column, was, now in zip(COLUMNS, astuple(before), astuple(after), strict=True):
            if now == was:
                continue
            self._deltas[(self._platform, column)] += now - was
            if column in _OF_DOMAINS:
                self._deltas[(domain, column)] += now - was

    def flush(self) -> None:
        """Write all changes in one statement."""
        deltas = {key: delta for key, delta in self._deltas.items() if delta}
        if not deltas:
            return
        sets: list[str] = []
        values: list[object] = []
        for column in COLUMNS:
            of = {owner: delta for (owner, name), delta in sorted(deltas.items()) if name == column}
            if of:
                cases = " ".join(["WHEN %s THEN %s"] * len(of))
                sets.append(f"{column} = {column} + CASE owner {cases} ELSE 0 END")
                values += [value for pair in of.items() for value in pair]
        owners = sorted({owner for owner, _ in deltas})
        query = f"UPDATE licensing_quota SET {', '.join(sets)} WHERE owner IN ({sql.marks(owners)})"
        sql.execute(self._database, query, [*values, *owners])


def _in_force(own: str, licences: Mapping[str, HeldLicence], now: datetime) -> Amounts:
    """Return the licence in force of a site."""
    possible = [p for p in possible_platforms() if p != own]
    return in_force(
        amounts_in(licences.get(own), now), [amounts_in(licences.get(p), now) for p in possible]
    )


# ---- only looked at ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stock:
    """A stock says what a platform uses and may use.

    `site` is `None` while it has no valid licence. What runs then goes on, and people may still come to it.
    """

    used: Amounts
    site: Amounts | None

    def missing_resource(self, wanted: Amounts) -> str:
        """Return the first resource of which too few are left. "" means that there are enough."""
        return find_short_resource(wanted, self.used, self.site) if self.site is not None else ""


def read_stock(database: str, platform: str) -> Stock:
    """Return terminals and ports in use and licensed, without waiting for a lock, with two queries."""
    rows = sql.select(database, f"{_READ} = %s", [platform])
    used = Amounts(*rows[0][1:]) if rows else NONE
    licences, now = licence_rows.newest_of(database, (platform, *possible_platforms()))
    valid = amounts_in(licences.get(platform), now) is not None
    return Stock(used, _in_force(platform, licences, now) if valid else None)


# ---- counted again -------------------------------------------------------------------------------


def lock_counts(database: str, platform: str) -> None:
    """Lock a platform's counts, so that nobody else changes them until the caller's transaction ends."""
    sql.insert(
        database, "licensing_quota", ("owner", *COLUMNS), [(platform, *astuple(NONE))], ("owner",)
    )
    sql.select(database, f"{_READ} = %s FOR UPDATE", [platform])


def write_counts(database: str, counted: Mapping[str, Amounts]) -> None:
    """Write the counts of these owners as they have been counted again."""
    values: list[tuple[Any, ...]] = [
        (owner, *astuple(amounts)) for owner, amounts in counted.items()
    ]
    sql.insert(database, "licensing_quota", ("owner", *COLUMNS), values, update=COLUMNS)


def conferences_in_use(database: str, owner: str) -> tuple[int, int]:
    """Return how many small and large conferences of a domain are counted, without locking the counts."""
    query = "SELECT small_used, large_used FROM licensing_quota WHERE owner=%s"
    rows = sql.select(database, query, [owner])
    return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

"""What is in use: counted in the transaction that takes or gives it back, so that it cannot drift."""

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
from licensing.rules.decisions import Held, Standing, amounts_in, standing
from licensing.rules.limits import Full, Limits, in_force, room_for_one, short_of

COLUMNS = ("small_used", "large_used", *RESOURCES)
"""Of `licensing_quota`, in the order of `Amounts`."""

_OF_DOMAINS = COLUMNS[:2]
"""User domains have limits of conferences alone."""

ALL_COUNTS = f"SELECT owner, {', '.join(COLUMNS)}{{more}} FROM licensing_quota"
"""Select the counts of every owner. `more` are further columns, for a union with another query."""

_READ = f"{ALL_COUNTS.format(more='')} WHERE owner"


class Seats:
    """The counts that one transaction has to do with; rows are locked from the first look on."""

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
        found = self._read(wanted)
        missing = [(owner, *astuple(NONE)) for owner in wanted if owner not in found]
        if missing:
            columns = ("owner", *COLUMNS)
            sql.insert(self._database, "licensing_quota", columns, missing, update=("owner",))
            found = self._read(wanted)
        self._used |= found
        if not self._licence_read:
            self._licence, self._licence_read = self._read_licence(), True

    def _read(self, owners: list[str]) -> dict[str, Amounts]:
        query = f"{_READ} IN ({sql.marks(owners)}) ORDER BY owner FOR UPDATE"
        return {r[0]: Amounts(*r[1:]) for r in sql.select(self._database, query, owners)}

    def _read_licence(self) -> Limits | None:
        """One query; what its text says was verified within the last minute, or is now."""
        each, clock = licence_rows.newest_of(
            self._database, (self._platform, *possible_platforms())
        )
        self._now = max(self._now, clock)
        own = each.get(self._platform)
        if own is None or standing(own, self._now) is not Standing.VALID:
            return None
        small, large = own.amounts.small_conferences, own.amounts.large_conferences
        site = _in_force(self._platform, each, self._now)
        return Limits(small, large, own.valid_from, own.valid_to, site)

    def _now_used(self, owner: str) -> Amounts:
        was = astuple(self._used[owner])
        pairs = zip(was, COLUMNS, strict=True)
        return Amounts(*(value + self._deltas[(owner, column)] for value, column in pairs))

    def refusal(self, domain: str, wanted: Amounts, domain_limit: int | None) -> Full | None:
        """Which limit forbids one more conference that takes so much; None: there is a seat."""
        self.lock([domain])
        platform, own = self._now_used(self._platform), self._now_used(domain)
        return room_for_one(wanted, self._licence, platform, domain_limit, own, self._now)

    def change(self, domain: str, before: Amounts, after: Amounts) -> None:
        """A conference of this domain takes `after` where it took `before`."""
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
        query = f"UPDATE licensing_quota SET {', '.join(sets)} WHERE owner IN ({sql.marks(owners)})"  # noqa: S608
        sql.execute(self._database, query, [*values, *owners])


def _in_force(own: str, each: Mapping[str, Held], now: datetime) -> Amounts:
    """The licence in force of a site."""
    possible = [p for p in possible_platforms() if p != own]
    return in_force(
        amounts_in(each.get(own), now), [amounts_in(each.get(p), now) for p in possible]
    )


# ---- only looked at ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stock:
    """What a platform uses and may use; `site` is None while it has no valid licence: what runs
    then goes on, and people may still come to it."""

    used: Amounts
    site: Amounts | None

    def short_of(self, wanted: Amounts) -> str:
        """The first resource of which so many more cannot be had; "": all can."""
        return short_of(wanted, self.used, self.site) if self.site is not None else ""


def stock(database: str, platform: str) -> Stock:
    """Terminals and ports in use and licensed, without waiting for anybody: two queries."""
    found = sql.select(database, f"{_READ} = %s", [platform])
    used = Amounts(*found[0][1:]) if found else NONE
    each, now = licence_rows.newest_of(database, (platform, *possible_platforms()))
    valid = amounts_in(each.get(platform), now) is not None
    return Stock(used, _in_force(platform, each, now) if valid else None)


# ---- counted again -------------------------------------------------------------------------------


def hold(database: str, platform: str) -> None:
    """In the caller's transaction: nobody else can commit a change of a platform's counts now."""
    sql.insert(
        database, "licensing_quota", ("owner", *COLUMNS), [(platform, *astuple(NONE))], ("owner",)
    )
    sql.select(database, f"{_READ} = %s FOR UPDATE", [platform])


def put_right(database: str, true: Mapping[str, Amounts]) -> None:
    """Write the counts of these owners as they have been counted again."""
    values: list[tuple[Any, ...]] = [(owner, *astuple(one)) for owner, one in true.items()]
    sql.insert(database, "licensing_quota", ("owner", *COLUMNS), values, update=COLUMNS)


def conferences_in_use(database: str, owner: str) -> tuple[int, int]:
    """Return how many small and large conferences of a domain are counted, without locking the counts."""
    query = "SELECT small_used, large_used FROM licensing_quota WHERE owner=%s"
    rows = sql.select(database, query, [owner])
    return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

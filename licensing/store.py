"""Seats: counted in the transaction that takes or gives them back, so that they cannot drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from confplatform.stores import sql
from licensing import rows
from licensing.decisions import Standing, standing
from licensing.limits import Full, Limits, Used, room_for_one


class Seats:
    """The quotas that one transaction has to do with; rows are locked from the first look on."""

    def __init__(self, database: str, platform: str, now: datetime) -> None:
        self._database, self._platform, self._now = database, platform, now
        self._used: dict[str, Used] = {}
        self._deltas: Counter[tuple[str, bool]] = Counter()
        self._licence: Limits | None = None
        self._licence_read = False

    def lock(self, owners: Collection[str]) -> None:
        """Read and lock the counts of these domains and of the platform."""
        wanted = sorted({*owners, self._platform} - self._used.keys())
        if not wanted:
            return
        found = self._read(wanted)
        missing = [(owner, 0, 0) for owner in wanted if owner not in found]
        if missing:
            columns = ("owner", "small_used", "large_used")
            sql.insert(self._database, "licensing_quota", columns, missing, update=("owner",))
            found = self._read(wanted)
        self._used |= found
        if not self._licence_read:
            self._licence, self._licence_read = self._read_licence(), True

    def _read(self, owners: list[str]) -> dict[str, Used]:
        query = (
            "SELECT owner, small_used, large_used FROM licensing_quota"  # noqa: S608
            f" WHERE owner IN ({sql.marks(owners)}) ORDER BY owner FOR UPDATE"
        )
        return {r[0]: Used(r[1], r[2]) for r in sql.select(self._database, query, owners)}

    def _read_licence(self) -> Limits | None:
        """One query; what its text says was verified within the last minute, or is now."""
        held = rows.newest(self._database, self._platform)
        if held is None or standing(held, self._now) is not Standing.VALID:
            return None
        amounts = held.amounts
        small, large = amounts.small_conferences, amounts.large_conferences
        return Limits(small, large, held.valid_from, held.valid_to)

    def _now_used(self, owner: str) -> Used:
        was = self._used[owner]
        return Used(
            was.small + self._deltas[(owner, False)], was.large + self._deltas[(owner, True)]
        )

    def refusal(self, domain: str, large: bool, domain_limit: int | None) -> Full | None:
        """Which limit forbids one more conference of this size; None: there is a seat."""
        self.lock([domain])
        platform, own = self._now_used(self._platform), self._now_used(domain)
        return room_for_one(large, self._licence, platform, domain_limit, own, self._now)

    def take(self, domain: str, large: bool) -> None:
        """One more conference."""
        self._add(domain, large, 1)

    def give_back(self, domain: str, large: bool) -> None:
        """One conference less."""
        self._add(domain, large, -1)

    def _add(self, domain: str, large: bool, one: int) -> None:
        self._deltas[(self._platform, large)] += one
        self._deltas[(domain, large)] += one

    def flush(self) -> None:
        """Write all changes in one statement."""
        owners = sorted({owner for (owner, _), delta in self._deltas.items() if delta})
        if not owners:
            return
        cases = " ".join(["WHEN %s THEN %s"] * len(owners))
        query = (
            f"UPDATE licensing_quota SET small_used = small_used + CASE owner {cases} END,"  # noqa: S608
            f" large_used = large_used + CASE owner {cases} END"
            f" WHERE owner IN ({sql.marks(owners)})"
        )
        values: list[object] = []
        for large in (False, True):
            for owner in owners:
                values += [owner, self._deltas[(owner, large)]]
        sql.execute(self._database, query, [*values, *owners])

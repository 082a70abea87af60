"""The use of the licence is counted in the transaction that changes a conference, so counts stay right."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError

from foundation.cells import sql
from foundation.cells.directory import look_up, own_platform, possible_platforms, store_of
from foundation.cells.serving import read_unless_away
from licensing.data import licence_rows
from licensing.rules.amounts import NONE, RESOURCES, Amounts
from licensing.rules.decisions import Standing, StoredLicence, limits_at, standing
from licensing.rules.limits import (
    Limits,
    ReachedLimit,
    find_reached_limit,
    find_short_resource,
    sum_site_limits,
)

COLUMNS = ("small_used", "large_used", *RESOURCES)
"""The columns of `licensing_quota` that hold counts, in the order of the fields of `Amounts`."""

_CONFERENCE_COLUMNS = COLUMNS[:2]
"""For user domains only conferences are counted and limited; for platforms all is."""

ALL_COUNTS = f"SELECT owner, {', '.join(COLUMNS)}{{more}} FROM licensing_quota"
"""Select the counts of all owners (platforms and user domains). `more`: further columns, for a UNION."""

_SELECT_COUNTS = f"{ALL_COUNTS.format(more='')} WHERE owner"


class Seats:
    """The seats count what conferences use of the licence, in one transaction: locked when read, written by `flush`.

    The platforms that one site serves share limits, but their counts lie in several databases. Then one lock of the
    site is taken before the rows, so that of two creates at the same moment the second one sees the first.
    """

    def __init__(
        self,
        database: str,
        platform: str,
        now: datetime,
        enter_context: Callable[[AbstractContextManager[None]], object],
    ) -> None:
        """Begin without reading a row. `platform` owns the database; `now` is the transaction's time.

        `enter_context` enters a context manager (a lock), which is left when the transaction has ended.
        """
        self._database, self._platform, self._now = database, platform, now
        self._enter_context = enter_context
        self._used: dict[str, Amounts] = {}
        """Platform or user domain -> amounts in use before this transaction."""
        self._deltas: Counter[tuple[str, str]] = Counter()
        """(platform or user domain, column) -> by how much this transaction changes the count."""
        self._licence: Limits | None = None
        self._others = NONE
        """The resources in use by the other platforms that this site serves."""
        self._licence_read = False

    def lock(self, owners: Collection[str]) -> None:
        """Lock and read the counts of these user domains (`owners`) and of the platform, and read its licence.

        Counts that do not exist yet are created as 0.
        """
        unread = sorted({*owners, self._platform} - self._used.keys())
        if not unread:
            return
        if not self._licence_read and (sharing := _platforms_sharing(self._platform)):
            self._enter_context(_lock_sums(sharing, self._platform))
        counts = self._lock_and_read(unread)
        missing = [(owner, *astuple(NONE)) for owner in unread if owner not in counts]
        if missing:
            columns = ("owner", *COLUMNS)
            sql.insert(self._database, "licensing_quota", columns, missing, update=("owner",))
            counts = self._lock_and_read(unread)
        self._used |= counts
        if not self._licence_read:
            self._licence, self._licence_read = self._read_licence(), True

    def _lock_and_read(self, owners: list[str]) -> dict[str, Amounts]:
        """Lock and return the counts of these platforms and user domains (`owners`), without those that have no row."""
        query = f"{_SELECT_COUNTS} IN ({sql.marks(owners)}) ORDER BY owner FOR UPDATE"
        return {
            owner: Amounts(*counts) for owner, *counts in sql.select(self._database, query, owners)
        }

    def _read_licence(self) -> Limits | None:
        """Read the platform's licence, and return its limits; `None` if it is not valid."""
        self._others = resources_of_others(self._platform)
        licences, database_time = licence_rows.newest_of(
            self._database, (self._platform, *possible_platforms())
        )
        self._now = max(self._now, database_time)
        licence = licences.get(self._platform)
        if licence is None or standing(licence, self._now) is not Standing.VALID:
            return None
        amounts = licence.amounts
        return Limits(
            amounts.small_conferences,
            amounts.large_conferences,
            licence.valid_from,
            licence.valid_to,
            _site_limits(self._platform, licences, self._now),
        )

    def _used_by(self, owner: str) -> Amounts:
        """Return what a platform or user domain (`owner`) uses, the changes of this transaction included."""
        pairs = zip(astuple(self._used[owner]), COLUMNS, strict=True)
        return Amounts(*(count + self._deltas[(owner, column)] for count, column in pairs))

    def reached_limit(
        self, domain: str, required: Amounts, domain_limit: int | None
    ) -> ReachedLimit | None:
        """Return the limit that forbids one more conference of a user domain; `None` if none does.

        `required`: the amounts that the conference needs. `domain_limit`: how many conferences of
        its size the domain may have; `None` means any number.
        """
        self.lock([domain])
        used_by_platform, used_by_domain = self._used_by(self._platform), self._used_by(domain)
        used_at_site = used_by_platform + self._others
        return find_reached_limit(
            required, self._licence, used_at_site, domain_limit, used_by_domain, self._now
        )

    def missing_resource(self, required: Amounts) -> str:
        """Return the first resource of which fewer than `required` are left, with the counts locked; "" if none.

        Without a valid licence no limit holds, as in `UsageAndLimits`.
        """
        self.lock([])
        if self._licence is None:
            return ""
        used = self._used_by(self._platform) + self._others
        return find_short_resource(required, used, self._licence.site)

    def change(self, domain: str, before: Amounts, after: Amounts) -> None:
        """Change the counts by one conference of a user domain: it used `before` so far, and uses `after` now.

        The platform counts all amounts, the user domain only its conferences.
        """
        for column, old, new in zip(COLUMNS, astuple(before), astuple(after), strict=True):
            if new == old:
                continue
            self._deltas[(self._platform, column)] += new - old
            if column in _CONFERENCE_COLUMNS:
                self._deltas[(domain, column)] += new - old

    def flush(self) -> None:
        """Write all counts that this transaction has changed to the database, in one statement.

        Does nothing if nothing has changed.
        """
        deltas = {key: delta for key, delta in self._deltas.items() if delta}
        if not deltas:
            return
        assignments: list[str] = []
        values: list[object] = []
        for column in COLUMNS:
            delta_of = {
                owner: delta for (owner, name), delta in sorted(deltas.items()) if name == column
            }
            if delta_of:
                cases = " ".join(["WHEN %s THEN %s"] * len(delta_of))
                assignments.append(f"{column} = {column} + CASE owner {cases} ELSE 0 END")
                values += [value for pair in delta_of.items() for value in pair]
        owners = sorted({owner for owner, _ in deltas})
        query = f"UPDATE licensing_quota SET {', '.join(assignments)} WHERE owner IN ({sql.marks(owners)})"
        sql.execute(self._database, query, [*values, *owners])


def _site_limits(platform: str, licences: Mapping[str, StoredLicence], now: datetime) -> Amounts:
    """Return the limits at a platform's site: conferences by its own licence, resources summed over several licences.

    Resources are terminals, monitors and ports. All platforms that the site may serve share them, so their limits are
    added up; conferences are limited for each platform alone (CSS §4.4). `licences`: platform -> newest licence.
    """
    others = [other for other in possible_platforms() if other != platform]
    return sum_site_limits(
        limits_at(licences.get(platform), now),
        [limits_at(licences.get(other), now) for other in others],
    )


_LOCK_WAIT_SECONDS = 2
_SERVED_CACHE_SECONDS = 0.5
_served: dict[tuple[str, str], tuple[float, bool]] = {}
"""(own platform, other platform) -> (when it was read, whether this site serves the other)."""


def resources_of_others(platform: str) -> Amounts:
    """Return the resources in use by the other platforms that this site serves now.

    All platforms that one site serves share one limit of resources, which is the sum of their own
    ones.
    """
    total = NONE
    for other in _platforms_sharing(platform):
        rows = look_up(other, f"{_SELECT_COUNTS} = %s", [other])
        total += Amounts(*rows[0][1:]).resources if rows else NONE
    return total


def _platforms_sharing(platform: str) -> list[str]:
    """Return the other platforms that this site serves now; they share with this one the sum of their limits."""
    return [other for other in possible_platforms() if other != platform and _is_served(other)]


@contextmanager
def _lock_sums(others: Sequence[str], platform: str) -> Iterator[None]:
    """Hold the site's lock on the sums over its platforms (`others`, `platform`). Raises OperationalError after 2 s.

    The lock lies at the database of one of them, the same for all processes of the site.
    """
    database = store_of(min(platform, *others)).database
    with sql.named_lock(database, "licence sums", _LOCK_WAIT_SECONDS) as has_lock:
        if not has_lock:
            raise OperationalError(sql.LOCK_WAIT, "the counts of the licence are locked")
        yield


def _is_served(platform: str) -> bool:
    """Return whether this site serves this platform; the answer is read at most every half second."""
    read_at, is_served = _served.get((own_platform(), platform), (0.0, False))
    if time.monotonic() - read_at > _SERVED_CACHE_SECONDS:
        serving = read_unless_away(platform)
        is_served = serving is not None and serving.is_served_here
        _served[(own_platform(), platform)] = (time.monotonic(), is_served)
    return is_served


# ---- reading without locks -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UsageAndLimits:
    """Represent the licensed amounts in use by a platform and by the others that its site serves, and the limits.

    `limits` is `None` while it has no valid licence. Running conferences go on then, and people may still enter.
    """

    used: Amounts
    limits: Amounts | None

    def missing_resource(self, required: Amounts) -> str:
        """Return the first resource of which fewer than `required` are left; "" if there is none."""
        if self.limits is None:
            return ""
        return find_short_resource(required, self.used, self.limits)


def read_usage_and_limits(database: str, platform: str) -> UsageAndLimits:
    """Return what a platform uses of the licence, and its limits, by two queries without locks.

    The platforms that this site serves share one limit of resources, so the use of the others is added. There are no
    limits (`None`) if the platform's own licence is not valid.
    """
    rows = sql.select(database, f"{_SELECT_COUNTS} = %s", [platform])
    used = Amounts(*rows[0][1:]) if rows else NONE
    used += resources_of_others(platform)
    licences, now = licence_rows.newest_of(database, (platform, *possible_platforms()))
    is_valid = limits_at(licences.get(platform), now) is not None
    return UsageAndLimits(used, _site_limits(platform, licences, now) if is_valid else None)


# ---- correcting counts ---------------------------------------------------------------------------


def lock_counts(database: str, platform: str) -> None:
    """Lock a platform's counts, so that nobody else changes them until the caller's transaction ends."""
    sql.insert(
        database, "licensing_quota", ("owner", *COLUMNS), [(platform, *astuple(NONE))], ("owner",)
    )
    sql.select(database, f"{_SELECT_COUNTS} = %s FOR UPDATE", [platform])


def write_counts(database: str, counts: Mapping[str, Amounts]) -> None:
    """Replace the stored counts by corrected ones: platform or user domain -> amounts in use."""
    rows: list[tuple[Any, ...]] = [(owner, *astuple(amounts)) for owner, amounts in counts.items()]
    sql.insert(database, "licensing_quota", ("owner", *COLUMNS), rows, update=COLUMNS)


def count_conferences_in_use(database: str, owner: str) -> tuple[int, int]:
    """Return how many small and large conferences a platform or user domain has in use, without a lock."""
    query = "SELECT small_used, large_used FROM licensing_quota WHERE owner=%s"
    rows = sql.select(database, query, [owner])
    return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

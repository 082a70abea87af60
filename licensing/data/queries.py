"""Define queries on licences for pages, API and commands. Read-only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from foundation.cells.directory import own_platform, store_of
from licensing.data import licence_rows
from licensing.data.seats import UsageAndLimits, read_usage_and_limits
from licensing.models import Licence
from licensing.rules.amounts import NONE, Amounts
from licensing.rules.decisions import (
    Standing,
    StoredLicence,
    days_left,
    limits_at,
    standing,
    warning,
)
from licensing.rules.limits import find_exceeded


@dataclass(frozen=True, slots=True)
class LicenceState:
    """The state is a platform's newest licence (`None`: it has none), and the time `now` at which it is judged."""

    licence: StoredLicence | None
    now: datetime

    @property
    def standing(self) -> Standing:
        """Return whether the licence is valid, or why not."""
        return standing(self.licence, self.now)

    @property
    def amounts(self) -> Amounts:
        """Return the limits that the licence sets now; all are 0 if it is not valid."""
        return limits_at(self.licence, self.now) or NONE

    @property
    def days_left(self) -> float | None:
        """Return the days until the licence ends; 0 if it is not valid, `None` if it has no end."""
        return days_left(self.licence, self.now)

    @property
    def warning(self) -> str:
        """Return the warning for operators about the licence's end or invalidity; "" if there is none."""
        return warning(self.licence, self.now)


def state_of(platform: str = "") -> LicenceState:
    """Return the newest licence of a platform (default: our own) with the time now, by which it is valid or not."""
    database = store_of(own_platform()).database
    return LicenceState(*licence_rows.newest_with_time(database, platform or own_platform()))


def warning_of(platform: str) -> str:
    """Return the warning for operators about a platform's licence; "" means that all is well."""
    return state_of(platform).warning


def database_now() -> datetime:
    """Return the time at which licences are valid or not, which is the database's (see `licence_rows`)."""
    return licence_rows.newest_of(store_of(own_platform()).database, [own_platform()])[1]


def stored_licence(row: Licence) -> StoredLicence:
    """Return the verified licence of a model row, with `text_error` if its signed text is not valid."""
    values = (row.platform, row.issue, row.sealed, row.valid_from, row.evaluation, row.revoked_at)
    return licence_rows.from_row(values)


def newest_licences(platforms: Collection[str]) -> dict[str, Licence]:
    """Return the row of the newest issue (edition) of each platform's licence, the only one that counts."""
    licences = Licence.objects.filter(platform__in=platforms).order_by("platform", "issue")
    return {licence.platform: licence for licence in licences}


def usage_and_limits_of_site() -> UsageAndLimits:
    """Return the licensed amounts that our own platform and the others served here use, and the limits."""
    return read_usage_and_limits(store_of(own_platform()).database, own_platform())


def describe_excess() -> str:
    """Return in words for operators which resources are used beyond the licence; "" if none.

    This can happen, as the media unit decides who enters a conference: a terminal too many is counted, but stays.
    """
    site = usage_and_limits_of_site()
    names = find_exceeded(site.used, site.limits) if site.limits is not None else []
    sentences = [
        f"{getattr(site.used, name)} {name.replace('_', ' ')} are in use" for name in names
    ]
    return ", ".join(sentences) + ": more than is licensed; extend the licence" if sentences else ""

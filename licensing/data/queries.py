"""These queries read facts about licences for pages, API and commands. They change nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from foundation.cells.directory import own_platform, store_of
from licensing.data import licence_rows
from licensing.data.seats import Stock, read_stock
from licensing.models import Licence
from licensing.rules.amounts import NONE, Amounts
from licensing.rules.decisions import (
    HeldLicence,
    Standing,
    amounts_in,
    days_left,
    standing,
    warning,
)
from licensing.rules.limits import exceeded


@dataclass(frozen=True, slots=True)
class LicenceState:
    """A platform's newest licence, and its standing at the database's time `now`."""

    held: HeldLicence | None
    now: datetime

    @property
    def standing(self) -> Standing:
        """Return the standing of the platform's licence."""
        return standing(self.held, self.now)

    @property
    def amounts(self) -> Amounts:
        """Return what the platform may do now by its own licence."""
        return amounts_in(self.held, self.now) or NONE

    @property
    def days_left(self) -> float | None:
        """Return the days until the end. `None` means that there is none."""
        return days_left(self.held, self.now)

    @property
    def warning(self) -> str:
        """Return what operators have to be told. "" means that all is well."""
        return warning(self.held, self.now)


def state_of(platform: str = "") -> LicenceState:
    """Return the state of a platform's licence, by default of our own."""
    database = store_of(own_platform()).database
    return LicenceState(*licence_rows.newest_and_now(database, platform or own_platform()))


def database_now() -> datetime:
    """Return the time of licences."""
    return licence_rows.newest_of(store_of(own_platform()).database, [own_platform()])[1]


def held_of(row: Licence) -> HeldLicence:
    """Return the licence of a row, as far as its text can be believed."""
    values = (row.platform, row.issue, row.sealed, row.valid_from, row.evaluation, row.revoked_at)
    return licence_rows.from_row(values)


def newest_licences(platforms: Collection[str]) -> dict[str, Licence]:
    """Return the newest issue of each platform, which is the one that counts."""
    licences = Licence.objects.filter(platform__in=platforms).order_by("platform", "issue")
    return {licence.platform: licence for licence in licences}


def stock_of_site() -> Stock:
    """Return what our own platform uses and may use."""
    return read_stock(store_of(own_platform()).database, own_platform())


def over_licence() -> str:
    """Return for operators what is used beyond the licence in force. "" means that nothing is.

    The media unit decides who enters a conference, so a terminal too many is counted and not thrown out.
    """
    stock = stock_of_site()
    over = exceeded(stock.used, stock.site) if stock.site is not None else []
    sentences = [f"{getattr(stock.used, n)} {n.replace('_', ' ')} are in use" for n in over]
    return ", ".join(sentences) + ": more than is licensed; extend the licence" if sentences else ""

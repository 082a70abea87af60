"""What is known of licences: read-only, for doors."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from foundation.cells.directory import own_platform, store_of
from licensing.data import licence_rows
from licensing.data.seats import Stock, stock
from licensing.models import Licence
from licensing.rules.amounts import NONE, Amounts
from licensing.rules.decisions import Held, Standing, amounts_in, days_left, standing, warning
from licensing.rules.limits import beyond


@dataclass(frozen=True, slots=True)
class State:
    """A platform's newest licence, and what it is worth at the database's time `now`."""

    held: Held | None
    now: datetime

    @property
    def standing(self) -> Standing:
        """Is the platform licensed?"""
        return standing(self.held, self.now)

    @property
    def amounts(self) -> Amounts:
        """What the platform may do now by its own licence."""
        return amounts_in(self.held, self.now) or NONE

    @property
    def days_left(self) -> float | None:
        """Days till the end; None: there is none."""
        return days_left(self.held, self.now)

    @property
    def warning(self) -> str:
        """What operators have to be told; "" while all is well."""
        return warning(self.held, self.now)


def state_of(platform: str = "") -> State:
    """The state of a platform's licence (without one named: of our own)."""
    database = store_of(own_platform()).database
    return State(*licence_rows.newest_and_now(database, platform or own_platform()))


def database_now() -> datetime:
    """What time it is for licences."""
    return licence_rows.newest_of(store_of(own_platform()).database, [own_platform()])[1]


def held_of(row: Licence) -> Held:
    """A licence row as far as its text can be believed."""
    values = (row.platform, row.issue, row.sealed, row.valid_from, row.evaluation, row.revoked_at)
    return licence_rows.from_row(values)


def newest_licences(platforms: Collection[str]) -> dict[str, Licence]:
    """The licence of each platform that counts: its newest issue."""
    found = Licence.objects.filter(platform__in=platforms).order_by("platform", "issue")
    return {one.platform: one for one in found}


def stock_of_site() -> Stock:
    """What our own platform uses and may use."""
    return stock(store_of(own_platform()).database, own_platform())


def over_licence() -> str:
    """What is beyond the licence in force, for operators; "" while all is well. Who is in a
    conference is decided by its unit: such a terminal is counted, not thrown out."""
    found = stock_of_site()
    over = beyond(found.used, found.site) if found.site is not None else []
    told = [f"{getattr(found.used, n)} {n.replace('_', ' ')} are in use" for n in over]
    return ", ".join(told) + ": more than is licensed; extend the licence" if told else ""

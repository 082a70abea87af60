"""What is known of licences: read-only, for doors."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from confplatform.stores import sql
from confplatform.stores.directory import own_platform, store_of
from licensing import rows
from licensing.amounts import NONE, Amounts
from licensing.decisions import Held, Standing, amounts_in, days_left, standing, warning
from licensing.models import Licence


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
    return State(*rows.newest_and_now(database, platform or own_platform()))


def database_now() -> datetime:
    """What time it is for licences."""
    found = sql.select(store_of(own_platform()).database, "SELECT UTC_TIMESTAMP(6)")
    moment: datetime = found[0][0]
    return moment.replace(tzinfo=UTC)


def held_of(row: Licence) -> Held:
    """A licence row as far as its text can be believed."""
    values = (row.platform, row.issue, row.sealed, row.valid_from, row.evaluation, row.revoked_at)
    return rows.from_row(values)


def newest_licences(platforms: Collection[str]) -> dict[str, Licence]:
    """The licence of each platform that counts: its newest issue."""
    found = Licence.objects.filter(platform__in=platforms).order_by("platform", "issue")
    return {one.platform: one for one in found}


def metrics() -> list[str]:
    """For Prometheus: a valid licence, the days it has left (none: it has no end), seats taken."""
    state = state_of()
    seats = sql.select(
        store_of(own_platform()).database,
        "SELECT small_used, large_used FROM licensing_quota WHERE owner=%s",
        [own_platform()],
    )
    lines = ["# TYPE licence_valid gauge", f"licence_valid {int(state.standing is Standing.VALID)}"]
    if state.days_left is not None:
        lines += ["# TYPE licence_days_left gauge", f"licence_days_left {state.days_left:.3f}"]
    lines.append("# TYPE seats_used gauge")
    for small, large in seats:
        lines += [f'seats_used{{size="small"}} {small}', f'seats_used{{size="large"}} {large}']
    return lines

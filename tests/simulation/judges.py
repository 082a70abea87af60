"""What the agent of one site knows of one cell, from which the real rules decide who serves it.

Times pass here as they do in an agent's memory: what is not heard, because nobody speaks or because this
host did not let its agent run, is old.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from failover.rules.cell_decisions import decide
from failover.rules.cell_facts import Database, Facts, Limits, RegisterRow, Step
from tests.simulation.network import REGISTER

if TYPE_CHECKING:
    from tests.simulation.cells import Cell

NEVER = float("-inf")
LATE = 2.0
"""Seconds without a cycle after which an agent was held up, or without an answer after which it was cut off."""
LIMITS = Limits(well=8.0, longest_pause=8.0, takeovers=10**6)
_COPY = Database(
    alive=True, answers=True, follows=True, receiving=True, applying=True, complete=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """The signs that a site gives of itself."""

    runs: bool
    """Its agents run now: the host is up, and not too busy for them."""
    lives: bool
    """Its software is alive, as its agents see it."""
    beats: bool
    """A new beat of its software reaches those who can hear it."""
    doubted: bool
    """Another site takes, or has taken, its own platform."""


@dataclass(slots=True)
class Judge:
    """The memory of the agent of one site about one cell."""

    site: str
    ran_at: float = 0.0
    on_time_since: float = 0.0
    heard_at: float = 0.0
    vouched_at: float = NEVER
    reported_at: float = NEVER
    row: tuple[str, int, bool] | None = None
    """Owner and epoch, protected or not, as last read in the register."""
    read_at: float = 0.0
    unchanged_since: float = 0.0
    hearing_since: float = 0.0
    other_well: bool = False
    software_at: float = 0.0
    asked_at: float | None = None
    well_since: float | None = None
    doubted_since: float | None = None
    pulses: dict[str, float] = field(default_factory=dict)
    """By owner: when its last beat was heard."""

    def decide(self, cell: Cell, t: float) -> Step:
        """Decide from what was known before this cycle, as an agent does whose threads hear others."""
        if t - self.ran_at > LATE:
            self.on_time_since = t
        self.ran_at = t
        if cell.network.linked(self.site, REGISTER):
            self._read(cell.row, t)
        return decide(self._facts(cell, t), LIMITS, t)

    def _read(self, row: RegisterRow, t: float) -> None:
        """Read the register, as `CellObserver._remember_row` does."""
        state = (row.owner, row.epoch, row.solo)
        if state != self.row or t - self.read_at > LATE:
            self.unchanged_since = t
        self.row, self.read_at = state, t

    def _facts(self, cell: Cell, t: float) -> Facts:
        side, owns = cell.sides[self.site], cell.row.owner == self.site
        row = cell.row if cell.network.linked(self.site, REGISTER) else None
        declared = (side.owner, side.epoch)
        serving = Database(
            alive=True, answers=True, read_only=False, semi=True, attached=True, declared=declared
        )
        return Facts(
            me=self.site,
            row=row,
            last=cell.row,
            own=serving if owns else _COPY,
            answered_at=t,
            acked_at=t,
            caught_up=True,
            heard_at=self.heard_at,
            on_time_since=self.on_time_since,
            unchanged_since=self.unchanged_since,
            hearing_since=self.hearing_since,
            vouched_at=self.vouched_at,
            other_well=self.other_well and t - self.reported_at < 5.0,
            software_at=self.software_at,
            pulse_at=self.pulses.get(cell.row.owner, 0.0),
            asked_at=self.asked_at,
            well_since=self.well_since,
            doubted_since=self.doubted_since,
        )

    def hear(self, cell: Cell, t: float, mine: Signs, others: Signs) -> None:
        """Hear what there is to hear now."""
        row, network = cell.row, cell.network
        other = row.other(self.site)
        register = network.linked(self.site, REGISTER)
        if network.linked(self.site, other):
            if t - self.heard_at > LATE:
                self.hearing_since = t
            self.heard_at = t
            if others.beats or row.owner == self.site:
                self.pulses[row.owner] = t
        if register and network.linked(other, REGISTER) and others.runs:
            self.reported_at, self.other_well = t, others.lives
            self.vouched_at = t if cell.sides[other].writable else NEVER
        if mine.lives:
            self.software_at = t
        wished = row.wish == self.site == row.wish_by
        self.asked_at = since(self.asked_at, t, wished)
        away = row.owner == self.site != row.home and not row.solo
        self.well_since = since(self.well_since, t, away and self.other_well and register)
        self.doubted_since = since(self.doubted_since, t, mine.doubted)


def since(before: float | None, t: float, holds: bool) -> float | None:
    """Return since when something holds; `None` means that it does not."""
    if not holds:
        return None
    return t if before is None else before

"""The model of cells says who may write a platform's data, and what its copy has.

A stand-in for the cell agents' databases that keeps their guarantee and their rhythm: a commit needs the
copy's acknowledgement, or a register that says solo; to take over is to cease acknowledging. Who takes over,
asks and hands over is decided by the real rules (`judges.py`). What these do with databases, logs and
crashes between any two actions is simulated in tests/unit/failover, and with real databases in
tests/failover: too heavy here, where a thousand worlds are about conferences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from conferences.rules.states import Conference
from failover.rules.cell_facts import Action, RegisterRow, Step
from tests.memory import MemoryUnitOfWork
from tests.memory_letter import Letter
from tests.simulation.broken import Broken
from tests.simulation.judges import LIMITS, Judge, Signs
from tests.simulation.network import REGISTER, Network


class Gate(StrEnum):
    """A gate is what a transaction finds at a site."""

    OPEN = "open"
    BLOCKED = "waits for the copy's acknowledgement"
    CLOSED = "another site serves it"
    SHUT = "read-only, and nobody else serves it"
    AWAY = "no database"


@dataclass(slots=True)
class Side:
    """A side is one site's database of a cell."""

    writable: bool = False
    owner: str = ""
    epoch: int = 0
    """As the row that transactions read says here."""
    last: Mapping[str, Conference] | None = None
    """A copy that lags: what lived when it last heard. None: it has all."""
    served_epoch: int = 0
    """The epoch in which this site has begun to serve."""


@dataclass(slots=True)
class Cell:
    """A cell is one platform's data: what it is, where it may be changed, and what waits to be sent."""

    row: RegisterRow
    data: MemoryUnitOfWork
    network: Network
    say: Callable[[str], None]
    outbox: defaultdict[str, list[Letter]] = field(default_factory=lambda: defaultdict(list))
    sides: dict[str, Side] = field(default_factory=dict)
    number: int = 0
    """How many changes the register has seen: what a notice is ordered by."""
    moves: list[tuple[str, str]] = field(default_factory=list)
    """Who lost it to whom by an agent's decision since the last cycle; not what operators ask for."""
    served_since: float | None = 0.0
    """Since when its owner has served it, seen once a second; `None` means that it does not."""
    reported: set[str] = field(default_factory=set)
    """Other platforms whose numbers this platform's registry was told of (`conferences_numberreport`)."""
    judges: dict[str, Judge] = field(default_factory=dict)
    _silent_since: float | None = None

    def __post_init__(self) -> None:
        for site in filter(None, (self.row.home, self.row.backup)):
            self.sides[site] = Side(owner=self.row.home, epoch=self.row.epoch)
            self.judges[site] = Judge(site)
        self.sides[self.row.home].writable = True

    # ---- what transactions find ---------------------------------------------------------------

    def gate(self, site: str) -> Gate:
        """Return whether this site may write now, as `foundation.bus.unit_of_work.begin` would find it."""
        side = self.sides[site]
        if not self.network.up(site):
            return Gate.AWAY
        if side.writable:
            return Gate.OPEN if self._commits(site) else Gate.BLOCKED
        return Gate.CLOSED if self.serving_site(site) else Gate.SHUT

    def serving_site(self, site: str) -> str:
        """Return the other site that serves it, as this one knows."""
        named = self.sides[site].owner
        elsewhere = named if named != site else self.row.home
        return "" if elsewhere == site else elsewhere

    def seen_from(self, site: str) -> Mapping[str, Conference]:
        """Return the live conferences by this site's database."""
        last = self.sides[site].last
        return self.data.live if last is None else last

    def _commits(self, site: str) -> bool:
        return self.row.owner == site and (self.row.solo or self._attached())

    def _attached(self) -> bool:
        """Tell whether the copy receives all that the owner writes, and acknowledges it."""
        other = self.other
        return not other or (
            self.network.linked(self.row.owner, other) and not self.sides[other].writable
        )

    @property
    def other(self) -> str:
        """Return where the copy is; "" means nowhere."""
        return self.row.other(self.row.owner) if self.row.backup else ""

    # ---- what agents do -----------------------------------------------------------------------

    def look(self) -> None:
        """Let the copies know what they can know after a change of the network."""
        owner, other = self.row.owner, self.other
        if not other:
            return
        side, mine = self.sides[other], self.sides[owner]
        if self._attached() and mine.writable:
            side.last, side.owner, side.epoch = None, mine.owner, mine.epoch
        elif side.last is None:
            side.last = dict(self.data.live)

    def tick(self, t: float, signs: Mapping[str, Signs]) -> None:
        """Run one cycle of both agents, where they run."""
        if not self.other:
            return
        self._fence()
        if signs[self.row.owner].runs:
            self._own(t)
        if self.network.linked(self.row.owner, self.other):
            self._silent_since = None
        if signs[self.other].runs:
            self._copy(t)
        for site, judge in self.judges.items():
            if signs[site].runs:
                judge.hear(self, t, signs[site], signs[self.row.other(site)])
        self.look()

    def _fence(self) -> None:
        """Close databases that are writable at a site that sees another owner."""
        for site, side in self.sides.items():
            sees_owner = self.network.linked(site, REGISTER) or self.network.linked(
                site, self.row.owner
            )
            if side.writable and site != self.row.owner and self.network.up(site) and sees_owner:
                side.writable = False
                self.say(f"{self.row.platform}: {site} is fenced")

    def _own(self, t: float) -> None:
        owner, side = self.row.owner, self.sides[self.row.owner]
        register = self.network.linked(owner, REGISTER)
        if not self._attached():
            if register and not self.row.solo and self._silence(t) > LIMITS.solo:
                self._swap(owner, solo=True, because="the copy does not acknowledge")
        elif self.row.solo and register and side.writable:
            self._swap(owner, solo=False, because="the copy is attached again")
        if not side.writable and (register or not self.row.solo) and self._commits(owner):
            side.writable, side.owner, side.epoch = True, owner, self.row.epoch
            side.last = None
        elif side.writable and register and not self.row.solo and self._attached():
            self._as_decided(self.judges[owner].decide(self, t))

    def _as_decided(self, step: Step) -> None:
        """Do what an agent has decided, as far as it is about who owns the cell."""
        before = self.row.owner
        if step.action in (Action.ASK, Action.WITHDRAW) and step.row is not None:
            self.row = step.row
        elif step.action is Action.HAND_OVER:
            self.hand_over(step.because)
        elif step.action is Action.WRITE_OWNERSHIP and step.row is not None:
            self._check_nothing_is_missing(step.row.owner)
            self._swap(step.row.owner, solo=True, because=step.because)
        if step.automatic and self.row.owner != before:
            self.moves.append((before, self.row.owner))

    def hand_over(self, because: str) -> None:
        """Hand the platform over: pause, drain, compare-and-set; the other site has all data, and serves next."""
        owner = self.row.owner
        can = self.network.linked(owner, REGISTER) and self.gate(owner) is Gate.OPEN
        if self.other and can and not self.row.solo and self._attached():
            self.look()
            self.sides[owner].writable = False
            self._swap(self.other, solo=False, because=because)

    def _silence(self, t: float) -> float:
        self._silent_since = t if self._silent_since is None else self._silent_since
        return t - self._silent_since

    def _copy(self, t: float) -> None:
        """Let the copy's agent decide, once its database is closed."""
        if not self.sides[self.other].writable:
            self._as_decided(self.judges[self.other].decide(self, t))

    def _check_nothing_is_missing(self, site: str) -> None:
        if dict(self.seen_from(site)) != self.data.live:
            raise Broken("lost", f"{site} takes over, and lacks what was acknowledged")

    def _swap(self, owner: str, *, solo: bool, because: str) -> None:
        """Compare-and-set in the register."""
        moved = owner != self.row.owner
        epoch = self.row.epoch + (moved or solo)
        if moved:
            self.sides[self.row.owner].last = dict(self.data.live)
            self.row = self.row.without_request()
        self.row = replace(self.row, epoch=epoch, owner=owner, solo=solo)
        side = self.sides[owner]
        if side.writable:
            side.epoch = epoch
        self.number += 1
        alone = ", solo" if solo else ""
        self.say(f"{self.row.platform}: {owner} owns it, epoch {epoch}{alone}: {because}")

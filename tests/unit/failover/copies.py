"""A model of two databases of which one copies the other: what is kept, what waits, what is lost."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

Entry = tuple[str, ...]
"""`("op", id, unique)` or `("declare", owner, epoch, unique)`."""


@dataclass(slots=True)
class Store:
    """A store is one database process and its disk."""

    site: str
    log: list[Entry] = field(default_factory=list)
    """The binary log; the first `committed` of it are visible."""
    committed: int = 0
    relay: list[Entry] = field(default_factory=list)
    alive: bool = False
    frozen: bool = False
    ready_at: float = 0.0
    read_only: bool = True
    semi: bool = False
    follows: bool = False
    receiving: bool = False
    applying: bool = False
    diverged: bool = False
    life: int = 0
    complete: bool = False
    served: bool = False
    stalled: bool = False
    """It applies nothing: a long transaction, a slow disk."""
    goal: int | None = None

    @property
    def declared(self) -> tuple[str, int] | None:
        """Return what transactions read: who owns the platform, under which epoch."""
        declarations = [e for e in self.log[: self.committed] if e[0] == "declare"]
        return (declarations[-1][1], int(declarations[-1][2])) if declarations else None

    def up(self, now: float) -> bool:
        """Tell whether it answers."""
        return self.alive and not self.frozen and now >= self.ready_at

    def has(self, op: str) -> bool:
        """Tell whether an operation is visible to readers."""
        return any(e[1] == op for e in self.log[: self.committed] if e[0] == "op")

    def holds(self, op: str) -> bool:
        """Tell whether an operation is stored, visible or not."""
        return any(e[1] == op for e in self.log if e[0] == "op")

    def kill(self) -> None:
        """Kill the process: what was received and not applied is gone, the disk stays."""
        self.alive = self.frozen = self.receiving = self.applying = False
        self.relay.clear()
        self.complete, self.goal = False, None

    def start(self, dice: random.Random, now: float, *, keep_tail: bool) -> None:
        """Start the process, closed. Without its tail it also forgets what its last commits had not yet flushed."""
        if self.alive:
            return
        if not keep_tail:
            del self.log[max(0, self.committed - dice.randrange(3)) :]
        self.committed = len(self.log)
        self.alive, self.read_only, self.semi, self.diverged = True, True, False, False
        self.life += 1
        self.ready_at = now + dice.choice([0.1, 0.3, 0.8])

    def empty(self) -> None:
        """Put the data aside."""
        self.log.clear()
        self.committed, self.follows, self.served = 0, False, False


def replicate(source: Store, copy: Store, dice: random.Random, pace: int) -> None:
    """The copy receives some of what it lacks, and applies some of what it received."""
    if copy.follows and copy.receiving and not copy.diverged:
        mine = copy.log + copy.relay
        if mine != source.log[: len(mine)]:
            copy.diverged = True
            return
        copy.relay += source.log[len(mine) : len(mine) + dice.randrange(pace + 1)]
        copy.goal = len(source.log) if copy.goal is None else copy.goal
    apply(copy, dice, pace)


def apply(copy: Store, dice: random.Random, pace: int) -> None:
    """Apply some of what was received to the copy."""
    if copy.stalled:
        return
    for _ in range(dice.randrange(pace)):
        if copy.follows and copy.applying and copy.relay:
            copy.log.append(copy.relay.pop(0))
            copy.committed = len(copy.log)
    if copy.goal is not None and len(copy.log) >= copy.goal:
        copy.complete, copy.served = True, False


def acknowledged(owner: Store, copy: Store, *, linked: bool) -> bool:
    """Tell whether the next commit of the owner, which waits, may go on."""
    if not owner.semi:
        return True
    mine = copy.log + copy.relay
    owner_log = owner.log[: owner.committed + 1]
    fed = copy.follows and copy.receiving and not copy.diverged
    return linked and fed and mine[: len(owner_log)] == owner_log

"""Two agents, a register and two databases in virtual time, with every fault that we know of.

The decisions are the real ones. What the steps do is modelled action by action; an agent can die,
freeze or lose the register between any two of them. A compare-and-set may be done although its
answer was lost, and may be done much later.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from failover.rules.cell_decisions import decide
from failover.rules.cell_facts import Action, Database, Facts, Limits, Mode, RegisterRow, Step
from tests.unit.failover.copies import Store, acknowledged, apply, replicate

TICK = 0.1
SITES = ("east", "west")
QUICK = Limits(
    solo=0.5,
    takeover=1.2,
    pulse=1e9,
    well=2.0,
    longest_pause=2.0,
    hung=3.0,
    start=2.0,
    diverged=1.0,
    takeovers=10**6,
)
Decide = Callable[[Facts, Limits, float], Step]


class Unknown(Exception):
    """The register gave no answer."""


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass(slots=True)
class Agent:
    """The model of an agent has its memory, and the step that it is doing."""

    site: str
    acts: Iterator[None] | None = None
    frozen: bool = False
    back_at: float = 0.0
    unprotected_epoch: int = 0
    last: RegisterRow | None = None
    heard_at: float = 0.0
    acked_at: float = 0.0
    answered_at: float = 0.0
    started_at: float = 0.0
    followed_at: float = -9.0
    diverged_at: float | None = None
    well_since: float | None = None
    life: int = -1
    last_own: Database = field(default_factory=Database)


class World:
    """A world is one run; `seed` decides everything."""

    def __init__(self, seed: int, decision: Decide = decide, *, drains: bool = True) -> None:
        self.dice = random.Random(seed)
        self.decide, self.drains = decision, drains
        self.now = 100.0
        self.pace = self.dice.choice([2, 3, 6])
        self.row = RegisterRow(
            platform="east", home="east", backup="west", epoch=1, owner="east", solo=True
        )
        self.register_up = True
        self.late: list[tuple[float, RegisterRow, RegisterRow]] = []
        self.stores = {site: Store(site) for site in SITES}
        self.agents = {site: Agent(site) for site in SITES}
        self.linked = True
        self.at_the_worst_moment = False
        """The next "protected" is said late, and the link is cut meanwhile."""
        self.reaches = dict.fromkeys(SITES, True)
        self.waiting: dict[tuple[str, int, int], tuple[str, int]] = {}
        self.acks: list[tuple[str, str, int]] = []
        self.ops = [f"op{n}" for n in range(3)]
        self.count = 3
        self.unique = 0

    # ---- time -------------------------------------------------------------------------------

    def run(self, ticks: int, *, faults: bool) -> None:
        """Let time pass."""
        for _ in range(ticks):
            self.now += TICK
            if faults and self.dice.random() < 0.05:
                self._fault()
            self._late_words()
            for site in self.dice.sample(SITES, 2):
                self._replicate(site)
                self._commit(site)
                self._agent(site)
            self._write()

    def rest(self) -> None:
        """Heal everything, and see that home serves, protected, and that nothing was lost."""
        self.pace = 8
        self.at_the_worst_moment = False
        self.linked = self.register_up = True
        self.reaches = dict.fromkeys(SITES, True)
        self.row = replace(self.row, mode=Mode.AUTO, wish="", wish_by="")
        for site in SITES:
            self.stores[site].frozen = self.stores[site].stalled = False
            self.agents[site].frozen = False
        before = len(self.acks)
        for _ in range(60):
            self.run(10, faults=False)
            progressed = len(self.acks) > before + 20
            if progressed and self.row.owner == "east" and not self.row.solo:
                break
        else:
            raise Broken(f"no rest: {self.row}")
        self._nothing_lost()

    def _nothing_lost(self) -> None:
        owner = self.stores[self.row.owner]
        written = [e[1] for e in owner.log if e[0] == "op"]
        if lost := {op for op, _, _ in self.acks} - set(written):
            raise Broken(f"acknowledged and lost: {sorted(lost)[:5]}")
        if len(written) != len(set(written)):
            raise Broken("done twice")

    # ---- faults -----------------------------------------------------------------------------

    def _fault(self) -> None:
        site = self.dice.choice(SITES)
        store, agent = self.stores[site], self.agents[site]
        kind = self.dice.randrange(12)
        if kind in (0, 1):
            store.kill()
        if kind in (1, 2):
            agent.acts, agent.back_at = None, self.now + self.dice.choice([0.2, 1.0, 4.0])
        if kind in (3, 4):
            agent.frozen = not agent.frozen
        if kind in (3, 5):
            store.frozen = store.alive and not store.frozen
        if kind == 6:
            self.linked = not self.linked
        if kind == 7:
            self.reaches[site] = not self.reaches[site]
        if kind == 8:
            self.register_up = not self.register_up
        if kind > 9:
            store.stalled = not store.stalled
        if kind == 9:
            mode = self.dice.choice(list(Mode))
            wish = self.dice.choice(["", "", *SITES])
            fence = self.dice.random() < 0.5
            self.row = replace(self.row, mode=mode, wish=wish, wish_by="ann", wish_fence=fence)

    # ---- the register -----------------------------------------------------------------------

    def swap(self, agent: Agent, before: RegisterRow, after: RegisterRow) -> bool:
        """Compare-and-set, whose question or answer may be lost."""
        if self.at_the_worst_moment and before.solo and not after.solo:
            self.at_the_worst_moment = self.linked = False
            self.late.append((self.now + 1.5, before, after))
            raise Unknown
        if not (self.register_up and self.reaches[agent.site]):
            if self.dice.random() < 0.7:
                wait = self.dice.choice([0.2, 1.0, 3.0, 8.0])
                self.late.append((self.now + wait, before, after))
            raise Unknown
        changed = self._set(before, after)
        if self.dice.random() < 0.1:
            raise Unknown
        return changed

    def _set(self, before: RegisterRow, after: RegisterRow) -> bool:
        key = (before.epoch, before.owner, before.solo)
        if (self.row.epoch, self.row.owner, self.row.solo) != key:
            return False
        wishes = replace(after, mode=self.row.mode, wish=self.row.wish, wish_by=self.row.wish_by)
        moved = after.owner != before.owner
        self.row = replace(wishes, wish="", wish_by="") if moved else wishes
        return True

    def _late_words(self) -> None:
        if not self.register_up:
            return
        for word in [word for word in self.late if word[0] <= self.now]:
            self.late.remove(word)
            self._set(word[1], word[2])

    # ---- databases and writers ----------------------------------------------------------------

    def _replicate(self, site: str) -> None:
        copy, source = self.stores[site], self.stores[_other(site)]
        if not copy.up(self.now):
            return
        if self.linked and source.up(self.now):
            replicate(source, copy, self.dice, self.pace)
        else:
            apply(copy, self.dice, self.pace)

    def _commit(self, site: str) -> None:
        owner, copy = self.stores[site], self.stores[_other(site)]
        while owner.up(self.now) and owner.committed < len(owner.log):
            linked = self.linked and copy.up(self.now)
            if not acknowledged(owner, copy, linked=linked):
                return
            index = owner.committed
            owner.committed += 1
            waited = self.waiting.pop((site, owner.life, index), None)
            if waited is not None:
                self._ack(waited[0], site, waited[1])

    def _write(self) -> None:
        """Write as a client that repeats the same operation until it is answered."""
        op, site = self.dice.choice(self.ops), self.dice.choice(SITES)
        store = self.stores[site]
        declared = store.declared
        closed = store.read_only or declared is None or declared[0] != site
        if not store.up(self.now) or closed or declared is None:
            return
        if store.has(op):
            self._ack(op, site, declared[1])
        elif not store.holds(op):
            self.waiting[site, store.life, len(store.log)] = (op, declared[1])
            self.append(store, "op", op)

    def append(self, store: Store, *words: str) -> None:
        """Write into a log; visible when it is committed."""
        self.unique += 1
        store.log.append((*words, str(self.unique)))

    def _ack(self, op: str, site: str, epoch: int) -> None:
        """Record that the client was told "done". Only one site may do so, under one epoch, from then on."""
        for _, other, later in self.acks[-50:]:
            if other != site and later >= epoch:
                raise Broken(f"{site} acknowledges under {epoch}, {other} did under {later}")
        self.acks.append((op, site, epoch))
        if op in self.ops:
            self.count += 1
            self.ops[self.ops.index(op)] = f"op{self.count}"

    # ---- agents -----------------------------------------------------------------------------

    def _agent(self, site: str) -> None:
        """Run a few actions of an agent; a new life begins where the old one was killed."""
        agent = self.agents[site]
        if agent.frozen or self.now < agent.back_at:
            return
        if agent.acts is None:
            self.agents[site] = agent = Agent(site)
            agent.heard_at = agent.acked_at = agent.answered_at = self.now
            agent.acts = self._life(agent)
        for _ in range(self.dice.randrange(1, 4)):
            next(agent.acts)

    def _life(self, agent: Agent) -> Iterator[None]:
        while True:
            facts = self._facts(agent)
            yield
            step = self.decide(facts, QUICK, self.now)
            try:
                yield from self._do(agent, step, facts)
            except Unknown:
                yield
            yield

    def _facts(self, agent: Agent) -> Facts:
        site = agent.site
        peer, store = self.stores[_other(site)], self.stores[site]
        row = self.row if self.register_up and self.reaches[site] else None
        agent.last = row or agent.last
        if self.linked and peer.up(self.now):
            agent.heard_at = self.now
        own = self._own(agent, store)
        committed = store.log[: store.committed]
        near = abs(len(peer.log) - len(store.log)) <= 3 and self.linked
        away = row is not None and row.owner == site != row.home and not row.solo and near
        agent.well_since = (agent.well_since or self.now) if away and peer.complete else None
        return Facts(
            me=site,
            row=row,
            last=agent.last,
            own=own,
            started_at=agent.started_at,
            answered_at=agent.answered_at,
            heard_at=agent.heard_at,
            acked_at=agent.acked_at,
            followed_at=agent.followed_at,
            diverged_at=agent.diverged_at,
            peer_open=self.linked and peer.up(self.now) and not peer.read_only,
            served=store.served,
            other_well=row is not None and peer.complete,
            caught_up=near and bool(committed),
            well_since=agent.well_since,
            unprotected_epoch=agent.unprotected_epoch,
        )

    def _own(self, agent: Agent, store: Store) -> Database:
        """Return what the agent sees of its database, and since when."""
        if not store.alive:
            return Database()
        if agent.life != store.life:
            agent.life, agent.started_at = store.life, self.now
            agent.acked_at, agent.followed_at = self.now, -9.0
            agent.last_own = Database(alive=True)
        if not store.up(self.now):
            return replace(agent.last_own, alive=True, answers=False)
        agent.answered_at = self.now
        peer = self.stores[_other(agent.site)]
        attached = peer.follows and peer.receiving and not peer.diverged and peer.alive
        fed = attached and self.linked and peer.up(self.now)
        if not store.semi or (fed and store.committed == len(store.log)):
            agent.acked_at = self.now
        agent.diverged_at = (agent.diverged_at or self.now) if store.diverged else None
        agent.last_own = Database(
            alive=True,
            answers=True,
            read_only=store.read_only,
            semi=store.semi,
            attached=attached,
            follows=store.follows,
            receiving=store.receiving and not store.diverged,
            applying=store.applying,
            complete=store.complete,
            declared=store.declared,
        )
        return agent.last_own

    def _do(self, agent: Agent, step: Step, facts: Facts) -> Iterator[None]:
        from tests.unit.failover import actions

        store = self.stores[agent.site]
        life = store.life
        for _ in actions.of(self, agent, store, step, facts):
            yield
            gone = store.life != life or not store.alive
            if gone and step.action not in actions.ON_THE_PROCESS:
                raise Unknown  # its connection died with the process
            while store.frozen and step.action is not Action.FENCE:
                yield


def _other(site: str) -> str:
    return "west" if site == "east" else "east"

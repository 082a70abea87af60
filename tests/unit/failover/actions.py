"""The model does each step action by action; the real ones are in failover/data/cells/steps.py."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from failover.rules.cell_facts import Action, Facts, RegisterRow, Step
from tests.unit.failover.copies import Store

if TYPE_CHECKING:
    from tests.unit.failover.simulated import Agent, World

ON_THE_PROCESS = {
    Action.START_AS_OWNER,
    Action.START_AS_COPY,
    Action.RESTART,
    Action.FENCE,
    Action.REBUILD,
}


def of(world: World, agent: Agent, store: Store, step: Step, facts: Facts) -> Iterator[None]:
    """Yield between the actions of a step; the agent may die at each yield."""
    if step.action in ON_THE_PROCESS:
        yield from _on_the_process(world, store, step)
    elif not store.up(world.now):
        return
    elif step.action is Action.FOLLOW:
        yield from _follow_again(world, agent, store)
    elif step.action is Action.PROMOTE:
        yield from _promote(world, store)
    elif step.row is not None:
        yield from _as_owner(world, agent, store, step, facts, step.row)


def _on_the_process(world: World, store: Store, step: Step) -> Iterator[None]:
    if step.action in (Action.START_AS_OWNER, Action.START_AS_COPY):
        keep = step.action is Action.START_AS_OWNER or step.keep
        store.start(world.dice, world.now, keep_tail=keep)
        return
    store.kill()
    yield
    if step.action is Action.REBUILD:
        store.empty()


def _follow_again(world: World, agent: Agent, store: Store) -> Iterator[None]:
    if not store.follows:
        yield from _follow(world, agent, store)
        return
    agent.followed_at = world.now
    store.receiving = store.diverged = False
    yield
    if not store.applying:  # both threads stand: by GTID, what was not applied is fetched again
        store.complete, store.goal = False, None
        store.relay.clear()
    store.receiving = store.applying = True


def _follow(world: World, agent: Agent, store: Store) -> Iterator[None]:
    agent.followed_at = world.now
    store.receiving = store.applying = store.diverged = False
    yield
    store.follows = True
    yield
    store.relay.clear()
    store.receiving = store.applying = True
    store.complete, store.goal = False, None


def _promote(world: World, store: Store) -> Iterator[None]:
    store.receiving = False
    yield
    store.applying = True
    while store.relay and world.drains:
        yield
    store.applying = False
    yield
    store.follows = False
    store.relay.clear()


def _as_owner(
    world: World, agent: Agent, store: Store, step: Step, facts: Facts, row: RegisterRow
) -> Iterator[None]:
    if step.action is Action.WRITE_OWNERSHIP:
        assert facts.row is not None
        if world.swap(agent, facts.row, row):
            agent.unprotected_epoch = (
                row.epoch if row.owner == agent.site else agent.unprotected_epoch
            )
            agent.acked_at = world.now
            yield
            if facts.row.owner == row.owner and not facts.own.read_only:
                store.semi = False
    elif step.action is Action.GO_UNPROTECTED:
        store.semi = False
    elif step.action is Action.PROTECT:
        yield from _protect(world, agent, store, facts, row)
    elif step.action is Action.OPEN:
        yield from _open(world, agent, store, row)
    elif step.action is Action.DECLARE:
        world.append(store, "declare", row.owner, str(row.epoch))
    elif step.action is Action.HAND_OVER:
        yield from _hand_over(world, agent, store, facts, row)


def _confirm(world: World, store: Store) -> Generator[None, None, bool]:
    """Yield a commit of our own, for a moment: whether it was acknowledged."""
    world.append(store, "confirm")
    mark = len(store.log)
    for _ in range(8):
        yield
        if store.committed >= mark:
            return True
    return False


def _protect(
    world: World, agent: Agent, store: Store, facts: Facts, row: RegisterRow
) -> Iterator[None]:
    assert facts.row is not None
    store.semi = True
    if (yield from _confirm(world, store)):
        agent.unprotected_epoch = 0
        world.swap(agent, facts.row, row)


def _open(world: World, agent: Agent, store: Store, row: RegisterRow) -> Iterator[None]:
    store.served = True
    if row.solo:
        store.semi = False
    else:
        store.semi = True
        if not (yield from _confirm(world, store)):
            return
    world.append(store, "declare", row.owner, str(row.epoch))
    mark = len(store.log)
    yield
    for _ in range(20):  # then the connection has had no answer for too long
        if store.committed >= mark:
            store.read_only = False
            return
        yield


def _hand_over(
    world: World, agent: Agent, store: Store, facts: Facts, row: RegisterRow
) -> Iterator[None]:
    assert facts.row is not None
    peer = world.stores["west" if agent.site == "east" else "east"]
    store.read_only = True
    yield
    if not world.linked or not peer.up(world.now) or peer.log != store.log:
        store.read_only = False
        return
    yield
    if world.swap(agent, facts.row, row):
        yield
        store.semi = False
        yield
        yield from _follow(world, agent, store)

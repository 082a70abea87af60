"""Whatever dies, freezes or is cut, nothing acknowledged is lost; and the simulation would notice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from failover.rules.cell_decisions import decide
from failover.rules.cell_facts import Action, Facts, Limits, Step
from tests.unit.failover.simulated import Broken, Decide, World

SEEDS = 40
PLANTED_SEEDS = 400


def outlives(seed: int, decision: Decide = decide, *, drains: bool = True) -> World:
    """Run one world with faults, then to rest. Raises Broken."""
    world = World(seed, decision, drains=drains)
    world.run(60, faults=False)
    world.run(600, faults=True)
    world.rest()
    return world


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_acknowledged_is_lost_and_home_serves_again(seed: int) -> None:
    assert len(outlives(seed).acks) > 30


def _with_facts(facts: Facts, **row: object) -> Facts:
    """Return the facts with another register row."""
    return facts if facts.row is None else replace(facts, row=replace(facts.row, **row))  # type: ignore[arg-type]


def _solo_is_ignored(facts: Facts, limits: Limits, now: float) -> Step:
    copy = facts.row is not None and facts.row.owner != facts.me
    return decide(_with_facts(facts, solo=False) if copy else facts, limits, now)


def _incomplete_copies_take_over(facts: Facts, limits: Limits, now: float) -> Step:
    return decide(replace(facts, own=replace(facts.own, complete=True)), limits, now)


def _alone_without_a_new_epoch(facts: Facts, limits: Limits, now: float) -> Step:
    return decide(
        replace(facts, unprotected_epoch=facts.row.epoch if facts.row else 0), limits, now
    )


def _alone_without_asking(facts: Facts, limits: Limits, now: float) -> Step:
    step = decide(facts, limits, now)
    solo = step.action is Action.WRITE_OWNERSHIP and step.kind == "solo" and facts.own.semi
    return replace(step, action=Action.GO_UNPROTECTED) if solo else step


def _never_waits(facts: Facts, limits: Limits, now: float) -> Step:
    step = decide(facts, limits, now)
    opens = step.action is Action.OPEN and step.row is not None
    return replace(step, row=replace(step.row, solo=True)) if opens and step.row else step


@pytest.mark.parametrize(
    "planted",
    [
        _incomplete_copies_take_over,
        _alone_without_asking,
        _never_waits,
    ],
)
def test_a_planted_fault_is_caught(planted: Decide) -> None:
    assert any(_breaks(seed, planted) for seed in range(PLANTED_SEEDS))


def a_late_word(decision: Decide) -> None:
    """ "Protected" reaches the register when the owner has long been alone again. Raises Broken."""
    world = World(5, decision)
    world.run(60, faults=False)
    world.linked = False
    world.run(10, faults=False)  # the owner is solo
    world.linked = world.at_the_worst_moment = True
    world.run(100, faults=False)
    world.rest()


def test_a_word_that_comes_late_does_no_harm() -> None:
    a_late_word(decide)
    with pytest.raises(Broken):
        a_late_word(_alone_without_a_new_epoch)


def test_a_promotion_that_does_not_apply_what_it_received_is_caught() -> None:
    assert any(_breaks(seed, decide, drains=False) for seed in range(PLANTED_SEEDS))


def _breaks(seed: int, decision: Decide, *, drains: bool = True) -> bool:
    try:
        outlives(seed, decision, drains=drains)
    except Broken:
        return True
    return False

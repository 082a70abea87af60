"""Random trees and random changes at the core, over a way that loses things: at rest all is equal."""

from __future__ import annotations

import random

import pytest

from domains.flows import change, people
from domains.models import Account, Domain
from domains.rules.tree import RuleBroken
from tests.domains.three import Three, World, followers, world

__all__ = ["followers", "world"]

pytestmark = pytest.mark.xdist_group("domains")


@pytest.mark.parametrize("seed", range(4))
def test_after_random_changes_each_platform_holds_what_it_should(
    followers: Three, world: World, seed: int
) -> None:
    rng = random.Random(seed)
    for step in range(60):
        _anything(world, rng, step)
        for follower in followers:
            if rng.random() < 0.3:
                follower.is_told()
            if rng.random() < 0.2 and follower.queue:
                del follower.queue[rng.randrange(len(follower.queue)) :]
            if rng.random() < 0.5:
                follower.hears(batch=rng.choice((1, 7, 200)))
    for follower in followers:
        follower.catches_up()
        assert follower.parked() == []


def _anything(world: World, rng: random.Random, step: int) -> None:
    """Make one random change; one that the rules refuse is left out."""
    services = [*Domain.objects.filter(level=2).order_by("name").values_list("moid", flat=True)]
    tenants = [*Domain.objects.filter(level=0).order_by("name").values_list("moid", flat=True)]
    reach = [world.near, world.deep, world.far]
    persons = list(Account.objects.exclude(domain=None).order_by("username"))
    try:
        match rng.randrange(9):
            case 0:
                world.service(f"S{step}", rng.choice(services))
            case 1 | 2:
                world.user(f"U{step}", rng.choice(services), rng.choice(reach))
            case 3:
                change.move(
                    rng.choice(tenants), rng.choice(services), platform_id=rng.choice(reach)
                )
            case 4:
                change.move(rng.choice(services), rng.choice(services))
            case 5:
                change.change(rng.choice(tenants), name=f"N{step}", used=rng.random() < 0.5)
            case 6:
                world.person(f"p{step}", rng.choice(tenants))
            case 7:
                account = rng.choice(persons)
                account.domain_id, account.first_name = rng.choice(tenants), f"F{step}"
                people.save_account(account)
            case 8:
                change.delete(rng.choice(tenants))
    except RuleBroken:
        pass

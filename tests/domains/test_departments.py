"""Departments at the core reach the platforms that hold their user domain."""

from __future__ import annotations

import pytest

from domains.flows import departments, people
from domains.models import Account, Department
from tests.domains.three import Three, World, followers, world

__all__ = ["followers", "world"]

pytestmark = pytest.mark.xdist_group("domains")


def test_departments_travel_with_their_domain_and_its_people(
    followers: Three, world: World
) -> None:
    near, _deep, _far = followers
    sales = departments.save(Department(domain_id=world.tenant, name="Sales"))
    north = departments.save(Department(domain_id=world.tenant, name="North", parent=sales))
    account = Account.objects.get(moid=world.person("carla", world.tenant))
    account.department, account.position = north, "clerk"
    people.save_account(account)
    for follower in followers:
        follower.is_told()
        follower.hears()
        assert follower.holds() == follower.holds("default", follower.should_hold())
    assert len(near.holds()["departments"]) == 2
    account.department = None
    people.save_account(account)
    departments.delete(north.moid)
    departments.rename(sales.moid, "Selling")
    near.is_told()
    near.hears()
    assert near.holds() == near.holds("default", near.should_hold())

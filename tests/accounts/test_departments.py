"""Departments group the people of a user domain: administrators keep them over HTTP, people read them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from domains.data.api_keys import assign_key_pair
from domains.flows import change, departments, people
from domains.models import Account, ApiKey, Department, Domain, Level, UserDomain
from domains.rules.tree import RuleBroken
from tests.accounts.conftest import PASSWORD
from tests.web_clients import BareClient


class Caller:
    """A program that has signed in a person."""

    def __init__(self, domain: str, username: str) -> None:
        key = ApiKey(domain_id=domain, name="Desk")
        secret = assign_key_pair(key)
        change.save_key(key)
        self.client, self.token = BareClient(), ""
        pair = {"oauth_consumer_key": key.key, "oauth_consumer_secret": secret}
        self.token = self.call("POST", "system/token", **pair)["account_token"]
        self.call("POST", "system/login", username=username, password=PASSWORD)

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Make a call, and return its answer."""
        form = urlencode({"account_token": self.token, **arguments})
        address, kind = f"/api/v1/{path}", "application/x-www-form-urlencoded"
        if method == "GET":
            return self.client.get(f"{address}?{form}").json()
        return self.client.generic(method, address, form, kind).json()


def another_tenant(tenant: str) -> Domain:
    """Create a user domain beside this one."""
    home = UserDomain.objects.get(moid=tenant)
    fields = {"parent_id": home.parent_id, "platform_id": home.platform_id}
    return change.create(Level.USER, name="Other", **fields)


@pytest.fixture
def administrator(eva: Account, tenant: str) -> Caller:
    """The administrator of eva's user domain."""
    people.create(PASSWORD, username="chief", domain_id=tenant, is_staff=True)
    return Caller(tenant, "chief")


def test_an_administrator_keeps_the_tree_and_its_people(
    administrator: Caller, eva: Account, tenant: str
) -> None:
    call = administrator.call
    named = {"parent_department_moid": tenant, "department_name": "Sales"}
    sales = call("POST", "amc/departments", **named)["department_moid"]
    below = {"parent_department_moid": sales, "department_name": "North"}
    north = call("POST", "amc/departments", **below)["department_moid"]
    tree = call("GET", "amc/departments")
    assert tree["department_moid"] == tenant
    assert [row["department_name"] for row in tree["departments"]] == ["Sales"]
    assert tree["departments"][0]["departments"][0]["department_moid"] == north

    given = f'{{"departments": [{{"department_moid": "{north}", "department_position": "clerk"}}]}}'
    assert call("PUT", f"amc/accounts/{eva.moid}", params=given)["success"] == 1
    own = call("GET", f"amc/accounts/{eva.moid}")["departments"]
    assert own == [
        {"department_moid": north, "department_name": "North", "department_position": "clerk"}
    ]
    listed = call("GET", f"amc/departments/{north}/accounts")
    assert (listed["total"], listed["accounts"][0]["account_moid"]) == (1, eva.moid)
    assert call("GET", f"amc/departments/{tenant}/accounts")["total"] > 1

    assert call("DELETE", f"amc/departments/{north}")["success"] == 0, "eva belongs to it"
    assert call("DELETE", f"amc/departments/{sales}")["success"] == 0, "north lies below it"
    assert call("PUT", f"amc/accounts/{eva.moid}", params='{"departments": []}')["success"] == 1
    for moid in (north, sales):
        assert call("DELETE", f"amc/departments/{moid}")["success"] == 1
    assert call("GET", "amc/departments")["departments"] == []


def test_the_address_book_of_a_domain_is_a_public_group(
    administrator: Caller, eva: Account, tenant: str
) -> None:
    call = administrator.call
    sales = departments.save(Department(domain_id=tenant, name="Sales"))
    before = call("GET", "amc/public_groups")["public_groups"]
    assert [row["public_group_moid"] for row in before] == [tenant]
    eva.department = sales
    people.save_account(eva, changed=["department"])
    after = call("GET", "amc/public_groups")["public_groups"]
    assert after[0]["version"] != before[0]["version"]
    groups = call("GET", f"amc/public_groups/{tenant}")["groups"]
    assert groups == [{"moid": sales.moid, "name": "Sales", "parent_moid": ""}]
    users = call("GET", f"amc/public_groups/{tenant}/users")["users"]
    group_of = {row["account"]: row["group_moid"] for row in users}
    assert (group_of["chief"], group_of[eva.username]) == ("", sales.moid)


def test_nobody_changes_departments_of_another_domain_or_without_the_right(
    administrator: Caller, eva: Account, tenant: str
) -> None:
    other = another_tenant(tenant)
    foreign = departments.save(Department(domain_id=other.moid, name="Theirs"))
    call = administrator.call
    assert call("PUT", f"amc/departments/{foreign.moid}", department_name="Ours")["success"] == 0
    assert call("DELETE", f"amc/departments/{foreign.moid}")["success"] == 0
    for parent in (other.moid, foreign.moid):
        named = {"parent_department_moid": parent, "department_name": "Ours"}
        assert call("POST", "amc/departments", **named)["error_code"] == 19008
    given = f'{{"departments": [{{"department_moid": "{foreign.moid}"}}]}}'
    assert call("PUT", f"amc/accounts/{eva.moid}", params=given)["success"] == 0
    assert call("GET", f"amc/public_groups/{other.moid}")["error_code"] == 19903
    person = Caller(tenant, "eva.lang")
    named = {"parent_department_moid": tenant, "department_name": "Mine"}
    assert person.call("POST", "amc/departments", **named)["error_code"] == 19008
    assert person.call("GET", "amc/departments")["departments"] == []


def test_an_account_that_moves_leaves_its_department_first(eva: Account, tenant: str) -> None:
    sales = departments.save(Department(domain_id=tenant, name="Sales"))
    eva.department = sales
    people.save_account(eva, changed=["department"])
    eva.domain_id = another_tenant(tenant).moid
    with pytest.raises(RuleBroken) as refused:
        people.save_account(eva, changed=["domain_id"])
    assert refused.value.field == "department"

"""The page of departments: administrators of a user domain keep the tree, and rules are shown where they refuse."""

from __future__ import annotations

from domains.flows import people
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Department
from tests.admin_tree.conftest import page, text
from tests.web_clients import Browser


def test_an_administrator_of_the_tenant_makes_moves_and_deletes_departments(platform: str) -> None:
    chief = people.create(None, username="chief", domain_id=DEMO_TENANT, is_staff=True)
    browser = Browser()
    browser.force_login(chief)
    add = page("department_add")
    for name in ("Sales", "North"):
        assert browser.post(add, {"name": name, "domain": DEMO_TENANT}).status_code == 302
    sales, north = (Department.objects.get(name=name) for name in ("Sales", "North"))
    refused = browser.post(add, {"name": "sales", "domain": DEMO_TENANT})
    assert "There is a department of this name here already" in text(refused)

    change = page("department_change", north.moid)
    assert browser.post(change, {"name": "North", "parent": sales.moid}).status_code == 302
    north.refresh_from_db()
    assert north.parent == sales
    below_itself = {"name": "Sales", "parent": north.moid}
    answer = browser.post(page("department_change", sales.moid), below_itself)
    assert "cannot lie below itself" in text(answer)

    assert "Sales" in text(browser.get(page("department_changelist")))
    browser.post(page("department_delete", sales.moid), {"post": "yes"})
    assert Department.objects.filter(pk=sales.moid).exists(), "north lies below it"
    for department in (north, sales):
        browser.post(page("department_delete", department.moid), {"post": "yes"})
    assert not Department.objects.exists()

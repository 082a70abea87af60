"""Accounts from the core are looked at on the site that follows it, and changed at the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domains.flows import people
from domains.models import Account
from domains.rules.tree import RuleBroken
from foundation.cells import sql
from tests.web_clients import Browser

PASSWORD = "Bittern-Harbour-58"


@pytest.fixture
def received_account(db: None, settings: Any) -> Account:
    """Return an administrator of whom the core has told."""
    account = people.create(PASSWORD, username="told", is_staff=True, is_superuser=True)
    settings.CORE_MOID, settings.CORE_URL, settings.ROLES = "core", "https://core.example", {"css"}
    sql.insert("default", "domains_applied", ("moid", "version"), [(account.moid, 7)])
    return account


CHANGES: list[Callable[[Account], object]] = [
    lambda a: people.set_password(a.moid, "Plover-Lantern-71"),
    lambda a: people.disable(a.moid),
    lambda a: people.delete(a.moid),
    lambda a: people.reset_second_factor(a.moid),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_core_keeps_is_not_changed_here(
    received_account: Account, change: Callable[[Account], object]
) -> None:
    with pytest.raises(RuleBroken, match="kept at the core"):
        change(received_account)
    received_account.refresh_from_db()
    assert received_account.is_active
    assert received_account.check_password(PASSWORD)


def test_who_wants_another_password_is_sent_to_the_core(received_account: Account) -> None:
    page = Browser()
    page.force_login(received_account)
    answer = page.get("/admin/password_change/")
    assert answer["Location"] == "https://core.example/admin/password_change/"


def test_an_account_of_the_site_alone_is_changed_here(received_account: Account) -> None:
    own = people.create(PASSWORD, username="own", is_staff=True, is_superuser=True)
    people.set_password(own.moid, "Plover-Lantern-71")
    own.refresh_from_db()
    assert own.check_password("Plover-Lantern-71")

"""Operators' pages of people and programs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.messages import get_messages

from domains.models import Account, Application, SignInName
from tests.accounts.conftest import PASSWORD
from tests.web_clients import Browser

LIST = "/admin/domains/account/"


@pytest.fixture
def chief(tenant: str) -> Browser:
    """Return an operator's browser."""
    page = Browser()
    page.force_login(Account.objects.get(username="admin"))
    return page


@pytest.fixture
def local(boss: Account) -> Browser:
    """Return a browser of the tenant's administrator."""
    page = Browser()
    page.force_login(boss)
    return page


def messages_of(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def add(page: Browser, **more: Any) -> Any:
    fields = {"username": "new", "password1": PASSWORD, "password2": PASSWORD, **more}
    return page.post(LIST + "add/", fields)


def form_of(account: Account, **more: Any) -> dict[str, Any]:
    fields = {
        name: getattr(account, name) or ""
        for name in ("username", "first_name", "last_name", "email", "phone", "e164")
    }
    fields |= {"domain": account.domain_id or "", "is_active": "on"}
    return {**fields, **more}


def test_an_account_is_made_with_all_its_names(chief: Browser, tenant: str) -> None:
    answer = add(chief, domain=tenant, email="N@x.org", phone="030 12345", e164="7001")
    assert answer.status_code == 302, re.findall(r"errorlist.*?</ul>", answer.content.decode())
    names = set(SignInName.objects.filter(account__username="new").values_list("name", flat=True))
    assert names == {"new", "n@x.org", "03012345", "7001"}
    assert Account.objects.get(username="new").check_password(PASSWORD)


def test_a_taken_name_and_a_wrong_domain_are_said_at_their_fields(
    chief: Browser, eva: Account, tenant: str
) -> None:
    page = add(chief, username="880012345", domain=tenant)
    assert "Somebody else signs in with 880012345" in page.content.decode()
    page = add(chief, domain="")
    assert "Choose the domain that this account belongs to." in page.content.decode()
    assert not Account.objects.filter(username="new").exists()


def test_a_change_goes_by_the_flow(chief: Browser, eva: Account) -> None:
    answer = chief.post(f"{LIST}{eva.pk}/change/", form_of(eva, e164="7002"))
    assert answer.status_code == 302
    assert SignInName.objects.filter(name="7002", account=eva).exists()
    assert not SignInName.objects.filter(name="880012345").exists()
    eva.refresh_from_db()
    assert eva.check_password(PASSWORD)


def test_a_new_password_ends_sessions(chief: Browser, eva: Account) -> None:
    page = Browser()
    page.force_login(eva)
    fields = {"password1": PASSWORD + "9", "password2": PASSWORD + "9", "usable_password": "true"}
    assert chief.post(f"{LIST}{eva.pk}/password/", fields).status_code == 302
    eva.refresh_from_db()
    assert eva.check_password(PASSWORD + "9")
    assert page.get("/console/").status_code == 302


def test_the_own_password_keeps_this_session(local: Browser, boss: Account) -> None:
    new = "autumn-morning-88"
    fields = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert local.post("/admin/password_change/", fields).status_code == 302
    assert local.get(LIST).status_code == 200
    boss.refresh_from_db()
    assert boss.check_password(new)


@pytest.mark.parametrize("term", ["eva", "EVA@ex", "+49 30 12", "8800123"])
@pytest.mark.parametrize("who", ["chief", "local"])
def test_a_person_is_found_by_the_beginning_of_any_name(
    request: pytest.FixtureRequest, eva: Account, term: str, who: str
) -> None:
    page = request.getfixturevalue(who).get(LIST, {"q": term}).content.decode()
    assert f"{LIST}{eva.pk}/change/" in page
    assert "/change/?_changelist" in page or page.count("/change/") >= 1


def test_an_administrator_unlocks_and_it_is_written_down(local: Browser, eva: Account) -> None:
    row = {"username": "Eva.Lang", "ip_address": "192.0.2.1", "user_agent": ""}
    AccessAttempt.objects.create(**row, failures_since_start=5)
    assert "locked out" in local.get(LIST).content.decode()
    fields = {"action": "unlock", "_selected_action": [eva.pk], "confirmed": "1"}
    assert "Unlocked: 1" in messages_of(local.post(LIST, fields))
    assert not AccessAttempt.objects.exists()
    history = local.get(f"{LIST}{eva.pk}/history/").content.decode()
    assert "Unlocked" in history


def test_an_applications_secret_is_shown_once_and_kept_as_a_hash(
    chief: Browser, tenant: str
) -> None:
    fields = {"name": "Desk", "domain": tenant, "client_type": "confidential"}
    fields |= {"authorization_grant_type": "password", "redirect_uris": ""}
    page_text = messages_of(chief.post("/admin/domains/application/add/", fields))
    app = Application.objects.get(name="Desk")
    secret = page_text.partition(", secret ")[2].split()[0]
    assert len(secret) == 128
    assert secret not in app.client_secret
    address = f"/admin/domains/application/{app.pk}/change/"
    assert secret in chief.get(address).content.decode()
    page = chief.get(address).content.decode()
    assert secret not in page
    assert app.client_secret not in page
    fields |= {"name": "Desk 2", "client_type": "public"}
    page = chief.post("/admin/domains/application/add/", fields).content.decode()
    assert "Only a confidential application may take passwords." in page

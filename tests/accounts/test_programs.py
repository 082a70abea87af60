"""A program's key and the login made with it: what ends it, and what the cookie alone may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from domains.api import sessions
from domains.data.api_keys import assign_key_pair
from domains.flows import change, people
from domains.models import Account, ApiKey, Level
from tests.accounts.conftest import PASSWORD
from tests.web_clients import BareClient


class Login:
    """A program that has signed in a person."""

    def __init__(self, domain: str) -> None:
        self.key = ApiKey(domain_id=domain, name="Desk")
        secret = assign_key_pair(self.key)
        change.save_key(self.key)
        pair = {"oauth_consumer_key": self.key.key, "oauth_consumer_secret": secret}
        self.client = BareClient()
        self.token = self.posts("token", pair)["account_token"]
        person = {"account_token": self.token, "username": "eva.lang", "password": PASSWORD}
        assert self.posts("login", person)["success"] == 1

    def posts(self, call: str, form: dict[str, str]) -> Any:
        """Make a call of the session layer."""
        kind = "application/x-www-form-urlencoded"
        return self.client.post(f"/api/v1/system/{call}", urlencode(form), kind).json()

    def lists(self, **more: str) -> Any:
        """List the conferences, with the cookie alone."""
        sessions._session_cache.clear()
        return self.client.get("/api/v1/vc/confs", more).json()


@pytest.fixture
def login(eva: Account, tenant: str) -> Login:
    return Login(tenant)


def disable_key(login: Login) -> None:
    login.key.enabled = False
    change.save_key(login.key)


def end_idle(login: Login) -> None:
    long_ago = timezone.now() - sessions.IDLE
    login.key.apitoken_set.update(used_at=long_ago, login_used_at=timezone.now())


def move_key(login: Login) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT moid FROM domains_domain WHERE level = 3")
        core = cursor.fetchone()[0]
    away = change.create(Level.SERVICE, name="Elsewhere", parent_id=core)
    ApiKey.objects.filter(pk=login.key.pk).update(domain=away.moid)


ENDS: dict[str, Callable[[Login], object]] = {
    "the key is disabled": disable_key,
    "the key is deleted": lambda login: change.delete_key(login.key),
    "the key serves others": move_key,
    "the token was idle": end_idle,
    "the account is disabled": lambda login: people.disable(
        Account.objects.get(username="Eva.Lang").moid
    ),
    "the domain is disabled": lambda login: change.disable(login.key.domain_id),
}


@pytest.mark.parametrize("cause", ENDS)
def test_a_login_ends_with_what_it_came_from(login: Login, cause: str) -> None:
    assert login.lists()["success"] == 1
    ENDS[cause](login)
    assert login.lists()["error_code"] in (10002, 10102)
    assert login.lists(account_token=login.token)["error_code"] in (10002, 10102)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_cookie_alone_changes_nothing(login: Login, method: str) -> None:
    send = getattr(login.client, method)
    form = {"content_type": "application/x-www-form-urlencoded"}
    for path in ("mc/confs", "mc/confs/880000000", "im/contacts"):
        answer = send(f"/api/v1/{path}", "name=x", **form).json()
        assert answer["success"] == 0
        assert "account_token" in answer["description"]


def test_a_program_does_not_walk_around_a_second_factor(login: Login, eva: Account) -> None:
    Account.objects.filter(pk=eva.pk).update(is_staff=True)
    TOTPDevice.objects.create(user=eva, name="app", confirmed=True)
    form = {"account_token": login.token, "_method": "PUT", "value": "Another-pass-99"}
    path = f"/api/v1/amc/accounts/{eva.moid}/password"
    kind = "application/x-www-form-urlencoded"
    answer = login.client.post(path, urlencode(form), kind).json()
    assert answer["error_code"] == 19008
    assert "second factor" in answer["description"]

"""A site that has taken over a platform of another service domain signs in that platform's people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as base
from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from conferences.data import platform_resolver
from domains.api import sessions
from domains.data import homes
from domains.data.api_keys import assign_key_pair
from domains.flows import change, people
from domains.models import (
    Account,
    ApiKey,
    ApiToken,
    Application,
    CoreDomain,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
    hash_secret,
)
from foundation.cells import directory, sql
from tests.accounts.conftest import PASSWORD, SECRET
from tests.integration.two_sites import WEST, copy_tables
from tests.web_clients import BareClient, Browser

pytestmark = [
    pytest.mark.xdist_group("integration"),
    pytest.mark.django_db(transaction=True, databases=["default", "west"]),
]
HOME = "https://west.example"


class West:
    """A platform of another service domain, which this site serves; its people are in its own data alone."""

    def __init__(self) -> None:
        core = CoreDomain.objects.using("west").get()
        service = change.save_domain(ServiceDomain(name="Far service", parent=core), "west")
        platform = PlatformDomain(
            moid=WEST, name="west", parent=service, e164_prefix="8810", http_url=HOME
        )
        change.save_domain(platform, "west")
        tenant = UserDomain(name="Far tenant", parent=service, platform=platform)
        self.tenant = change.save_domain(tenant, "west").moid
        self.person = people.create(PASSWORD, "west", username="frida", domain=tenant)
        people.create(PASSWORD, "west", username="far-boss", domain=tenant, is_staff=True)
        key = ApiKey(domain_id=self.tenant, name="Far desk")
        self.secret = assign_key_pair(key)
        change.save_key(key, "west")
        self.key = key.key
        self.client = BareClient()

    def is_served_by(self, site: str) -> None:
        """Let a site serve the platform, as its cell agent would write it."""
        sql.execute("west", "UPDATE stores_cell SET owner=%s, epoch=epoch+1", [site])
        homes._served.clear()
        platform_resolver._elsewhere.clear()
        sessions._session_cache.clear()

    def posts(self, call: str, **form: str) -> Any:
        """Make a call of the session layer."""
        kind = "application/x-www-form-urlencoded"
        return self.client.post(f"/api/v1/system/{call}", urlencode(form), kind).json()

    def gets_token(self) -> Any:
        """Ask for a token with the platform's API key."""
        pair = {"oauth_consumer_key": self.key, "oauth_consumer_secret": self.secret}
        return self.posts("token", **pair)

    def lists(self, **headers: str) -> Any:
        """List the conferences."""
        return self.client.get("/api/v1/vc/confs", headers=headers).json()


@pytest.fixture
def west(transactional_db: None, settings: Settings) -> Iterator[West]:
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    copy_tables("default", "west")
    with connections["west"].cursor() as cursor:
        cursor.execute("UPDATE stores_cell SET platform=%s, owner=%s", [WEST, base.PLATFORM_MOID])
    stores = {base.PLATFORM_MOID: ("default", base.REDIS_URL), WEST: ("west", base.REDIS_URL)}
    settings.PLATFORM_STORES = stores
    directory.store_of.cache_clear()
    homes._served.clear()
    try:
        yield West()
    finally:
        directory.store_of.cache_clear()
        homes._served.clear()
        platform_resolver._elsewhere.clear()


def test_programs_and_their_people_sign_in(west: West) -> None:
    token = west.gets_token()["account_token"]
    person = {"account_token": token, "username": "frida", "password": PASSWORD}
    assert west.posts("login", **person)["success"] == 1
    assert west.lists()["success"] == 1
    assert west.posts(f"token/{token}/heartbeat")["success"] == 1
    [row] = ApiToken.objects.using("west").select_related("account")
    assert row.account is not None
    assert row.account.moid == west.person.moid
    wrong = west.posts("login", **{**person, "password": "Another-Password-1"})
    assert (wrong["success"], wrong["error_code"]) == (0, sessions.BAD_PASSWORD)


def test_a_login_that_was_made_at_home_goes_on(west: West) -> None:
    account = Account.objects.using("west").get(username="frida")
    ApiToken.objects.using("west").create(
        token_hash=hash_secret("t" * 32),
        key_id=west.key,
        used_at=timezone.now(),
        account=account,
        cookie_hash=hash_secret("cookie"),
        login_used_at=timezone.now(),
    )
    answer = west.client.get("/api/v1/vc/confs", {"account_token": "t" * 32}).json()
    assert answer["success"] == 1
    west.client.cookies["SSO_COOKIE_KEY"] = "cookie"
    assert west.lists()["success"] == 1


def test_a_key_of_a_domain_above_both_serves_the_people_of_both(west: West) -> None:
    core = CoreDomain.objects.get()
    key = ApiKey(domain=core, name="Everybody's desk")
    secret = assign_key_pair(key)
    change.save_key(key)
    row = (key.key, key.secret_hash, core.moid, key.name, 1)
    columns = ("key", "secret_hash", "domain_id", "name", "enabled")
    sql.insert("west", "domains_apikey", columns, [row])
    pair = {"oauth_consumer_key": key.key, "oauth_consumer_secret": secret}
    token = west.posts("token", **pair)["account_token"]
    person = {"account_token": token, "username": "frida", "password": PASSWORD}
    assert west.posts("login", **person)["success"] == 1
    assert west.client.get("/api/v1/vc/confs", {"account_token": token}).json()["success"] == 1


def test_applications_get_tokens(west: West) -> None:
    application = Application(
        name="Far calendar",
        domain_id=west.tenant,
        authorization_grant_type=Application.GRANT_PASSWORD,
        client_type=Application.CLIENT_CONFIDENTIAL,
        client_secret=SECRET,
    )
    application.save(using="west")
    form = {"grant_type": "password", "username": "frida", "password": PASSWORD, "scope": "read"}
    program = {"client_id": application.client_id, "client_secret": SECRET}
    answer = west.client.post("/oauth/token", form | program)
    assert answer.status_code == 200, answer.content
    tokens = answer.json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert west.lists(**bearer)["success"] == 1
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert west.client.post("/oauth/token", refresh | program).status_code == 200
    told = west.client.post("/oauth/introspect", {"token": tokens["access_token"]} | program)
    assert told.status_code == 200
    west.is_served_by(WEST)
    assert west.lists(**bearer)["success"] == 0


def test_people_sign_in_with_a_browser(west: West) -> None:
    browser = Browser()
    form = {"username": "frida", "password": PASSWORD}
    assert browser.post("/accounts/login/", form)["Location"] == "/"
    assert browser.get("/")["Location"] == "/console/"
    page = browser.get("/console/")
    assert page.status_code == 200
    assert page.context["tenant"].moid == west.tenant
    assert browser.get("/console/live").status_code == 200
    browser.post("/accounts/logout/")
    assert "/accounts/login/" in browser.get("/console/")["Location"]


def test_administrators_are_sent_to_the_core(west: West) -> None:
    browser = Browser()
    page = browser.post("/admin/login/", {"username": "far-boss", "password": PASSWORD})
    assert "administer your domain at the core" in page.content.decode()
    form = {"username": "far-boss", "password": PASSWORD}
    browser.post("/accounts/login/", form)
    assert "/admin/login/" in browser.get("/admin/")["Location"]


def test_who_signs_in_after_the_platform_went_home_is_told_where(west: West) -> None:
    token = west.gets_token()["account_token"]
    west.is_served_by(WEST)
    refused = west.gets_token()
    assert (refused["error_code"], refused["serving"]["url"]) == (10102, HOME)
    assert west.posts(f"token/{token}/heartbeat")["error_code"] == 10102
    page = Browser().post("/accounts/login/", {"username": "frida", "password": PASSWORD})
    assert f"Your platform is served at {HOME} now" in page.content.decode()
    wrong = Browser().post("/accounts/login/", {"username": "frida", "password": "Wrong-Word-11"})
    assert HOME not in wrong.content.decode()
    own = Account.objects.get(username="anna")
    people.set_password(own.moid, PASSWORD)
    browser = Browser()
    assert browser.post("/accounts/login/", {"username": "anna", "password": PASSWORD})["Location"]

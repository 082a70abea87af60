"""A returning site whose database is a copy: words and a link for people, a code and an address for programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.urls import reverse

from conferences.data import platform_resolver
from domains.flows.sign_in import SIGN_INS
from domains.models import Account, ApiKey, ApiToken, PlatformDomain, ServiceDomain, hash_secret
from foundation import clock
from foundation.cells.models import Cell
from tests.web_clients import BareClient, Browser

pytestmark = pytest.mark.xdist_group("integration")

WEST, URL = "30000000-0000-4000-8000-000000000003", "http://west.example:8000"
PAGE = {"accept": "text/html"}


@pytest.fixture
def signed_in(place: str) -> Browser:
    """Return the browser of an operator who signed in before."""
    browser = Browser(raise_request_exception=False)
    browser.force_login(Account.objects.get(username="admin"))
    return browser


@pytest.fixture
def logged_in(place: str) -> str:
    """Return the token of a program that has logged in before."""
    anna, token = Account.objects.get(username="anna"), "t" * 32
    assert anna.domain
    key = ApiKey.objects.create(domain=anna.domain, key="k" * 16, secret_hash="x", name="p")
    used = {"used_at": clock.now(), "login_used_at": clock.now()}
    ApiToken.objects.create(
        token_hash=hash_secret(token), key=key, account=anna, cookie_hash="", **used
    )
    return token


@pytest.fixture
def copy(
    place: str, signed_in: Browser, logged_in: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let west serve this platform, so that nothing can be written here."""
    monkeypatch.setattr(platform_resolver, "_elsewhere", {})
    service = ServiceDomain.objects.get()
    PlatformDomain.objects.create(
        moid=WEST, name="west", parent=service, e164_prefix="8810", http_url=URL
    )
    Cell.objects.filter(platform=place).update(owner=WEST)
    with only_reading():
        yield


class only_reading:
    """Let each write fail in the database itself, as `read_only` does in a copy."""

    def __enter__(self) -> None:
        self._say("READ ONLY")

    def __exit__(self, *_: object) -> None:
        self._say("READ WRITE")

    def _say(self, what: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION TRANSACTION {what}")


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_wants_to_sign_in_is_told_where(path: str, method: str) -> None:
    tries = SIGN_INS.labels("wrong")._value.get()
    credentials = {"username": "admin", "password": "guessed"}
    answer = getattr(Browser(), method)(path, credentials, headers=PAGE)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert f'<a href="{URL}">' in answer.content.decode()
    assert SIGN_INS.labels("wrong")._value.get() == tries


@pytest.mark.usefixtures("copy")
def test_who_is_signed_in_goes_on_looking_and_changes_nothing(signed_in: Browser) -> None:
    for name in ("admin:index", "failover-sites", "admin:conferences_conference_changelist"):
        assert signed_in.get(reverse(name), headers=PAGE).status_code == 200
    page = reverse("admin:domains_userdomain_add")
    answer = signed_in.post(page, {"name": "new"}, headers=PAGE)
    assert answer.status_code == 503
    assert "Another site serves this platform now" in answer.content.decode()
    chinese = signed_in.post(page, {"name": "new"}, headers={**PAGE, "accept-language": "zh-hans"})
    assert '<html lang="zh-hans">' in chinese.content.decode()


@pytest.mark.usefixtures("copy")
def test_programs_are_told_by_code_and_address() -> None:
    login = BareClient(raise_request_exception=False).post(
        "/api/v1/system/login", {"account_token": "x"}
    )
    token = BareClient(raise_request_exception=False).post(
        "/oauth/token", {"grant_type": "password"}, HTTP_ACCEPT="application/json"
    )
    body = token.json()
    assert (token.status_code, body["error"]) == (503, "temporarily_unavailable")
    assert body["serving"] == {"platformmoid": WEST, "url": URL}
    assert login.status_code == 200
    assert login.json()["success"] == 0


@pytest.mark.usefixtures("copy")
def test_a_program_that_is_logged_in_is_told_10102(logged_in: str) -> None:
    answer = Browser().get("/api/v1/mc/confs", {"account_token": logged_in})
    body = answer.json()
    assert (answer.status_code, body["error_code"], answer["Retry-After"]) == (200, 10102, "5")
    assert body["serving"]["url"] == URL


def test_a_database_that_takes_no_writes_for_a_moment_is_no_stack_trace(signed_in: Browser) -> None:
    with only_reading():
        answer = signed_in.post("/accounts/logout/", headers=PAGE)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Nothing was changed" in answer.content.decode()

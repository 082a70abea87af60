"""Guests wait in the lobby, without a secret of the media unit, until people of the tenant let them in."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F

from conferences.data.join_links import join_link
from conferences.data.join_passes import visitor_of
from conferences.models import LobbyVisitor
from conferences.rules.lobby import GONE_AFTER
from domains.models import Account
from tests.admin.conftest import PIN, TOKEN, conference_row
from tests.web_clients import BareClient, Browser
from wire.fields import Settings

NUMBER, CONFID = "8800077", "lobby-1"
GUESTS = {"Ben": "be" * 16, "Eve": "e0" * 16}


@pytest.fixture
def hers(platform: str) -> Browser:
    """Return a browser in which anna has signed in, whose tenant holds a conference with a lobby."""
    settings = Settings(extra={"lobby": 1})
    conference_row(platform, e164=NUMBER, confid=CONFID, password="", settings=settings)
    browser = Browser()
    browser.force_login(Account.objects.get(username="anna"))
    return browser


def ask(name: str, address: str = "127.0.0.1", **more: str) -> Any:
    """Ask as a guest, who comes from an IP address, how to enter the conference."""
    path, _, query = join_link(CONFID, NUMBER).partition("?")
    body = {"browser": GUESTS[name], "name": name, **more}
    return BareClient().post(f"{path}where?{query}", body, REMOTE_ADDR=address).json()


def waiting(hers: Browser) -> list[dict[str, str]]:
    """Return who waits, as the console shows it."""
    (shown,) = hers.get("/console/live").json()["confs"]
    assert shown["lobby"]
    return list(shown["waiting"])


def test_guests_wait_without_a_secret_until_they_are_let_in_or_refused(hers: Browser) -> None:
    for name in GUESTS:
        reply = ask(name)
        assert reply["entry"] == "waiting"
        assert not {"join", "pass", "visitor"} & reply.keys()
        assert not any(secret in str(reply) for secret in (TOKEN, PIN))
    ids = {visitor["name"]: visitor["visitor"] for visitor in waiting(hers)}
    assert ids == {name: visitor_of(CONFID, secret) for name, secret in GUESTS.items()}
    hers.post(f"/console/{NUMBER}/letin", {"id": ids["Ben"]})
    hers.post(f"/console/{NUMBER}/refuse", {"id": ids["Eve"]})
    assert waiting(hers) == []
    assert ask("Eve")["entry"] == "refused"
    inside = ask("Ben")
    assert inside["join"]["webrtc"]["token"] == TOKEN
    assert ask("Ben", **{"browser": "", "pass": inside["pass"]})["visitor"] == ids["Ben"]


def test_people_of_the_tenant_do_not_wait_and_let_all_in(hers: Browser) -> None:
    path = f"/join/{NUMBER}/where?entering=1"
    assert hers.post(path, {"browser": "a1" * 16}).json()["join"]
    ask("Ben")
    ask("Eve")
    hers.post(f"/console/{NUMBER}/letin")
    assert ask("Ben")["join"]
    assert ask("Eve")["join"]


def test_a_full_lobby_takes_nobody_and_forgets_who_has_gone(
    hers: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conferences.rules.lobby.MOST_WAITING", 1)
    assert [ask(name)["entry"] for name in GUESTS] == ["waiting", "full"]
    LobbyVisitor.objects.update(asked_at=F("asked_at") - GONE_AFTER - 1)
    assert waiting(hers) == []
    assert ask("Eve")["entry"] == "waiting"


def test_visitors_from_one_address_do_not_fill_the_lobby(
    hers: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conferences.rules.lobby.MOST_OF_ADDRESS", 1)
    assert [ask(name)["entry"] for name in GUESTS] == ["waiting", "full"]
    assert ask("Eve", "192.0.2.7")["entry"] == "waiting"

"""The chat page is shown to the right people, with a strict policy for browsers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from domains.models import Account
from tests.web_clients import Browser


@pytest.fixture
def hers(platform: str, client: Browser) -> Browser:
    """Return a browser in which anna has signed in."""
    client.force_login(Account.objects.get(username="anna"))
    return client


def test_a_stranger_is_asked_to_sign_in(platform: str, client: Browser) -> None:
    assert client.get("/chat/")["Location"] == "/accounts/login/?next=/chat/"


def test_the_page_runs_its_own_scripts_only_and_talks_to_the_broker(
    hers: Browser, settings: Any
) -> None:
    settings.IM_ADDRESSES = {"web_stomp": "wss://im.example/ws"}
    reply = hers.get("/chat/")
    policy = reply["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self' wss://im.example/ws " in policy  # and media units, for calls
    page = reply.content.decode()
    assert not re.search(r"<script(?![^>]*(src=|type=\"application/json\"))", page)
    assert " onclick" not in page
    assert " style=" not in page


def test_a_name_is_no_markup(hers: Browser) -> None:
    Account.objects.filter(username="anna").update(first_name="</script><b>Anna")
    page = hers.get("/chat/").content.decode()
    assert "<b>Anna" not in page
    assert "&lt;b&gt;Anna" in page


def test_a_site_without_instant_messages_has_no_page_for_them(hers: Browser, settings: Any) -> None:
    assert 'href="/chat/"' in hers.get("/console/").content.decode()
    settings.ROLES = settings.ROLES - {"im"}
    assert hers.get("/chat/").status_code == 404
    assert 'href="/chat/"' not in hers.get("/console/").content.decode()

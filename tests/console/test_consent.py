"""Whoever enters a recorded conference is asked first, also after the lobby; chairs steer the recording."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command

from conferences.api import commands
from conferences.data.join_links import join_link
from conferences.data.join_passes import visitor_of
from domains.models import Account
from foundation.cells.directory import own_platform
from tests.admin.conftest import PIN, TOKEN, conference_row
from tests.browser import person_of
from tests.console.test_lobby import CONFID, NUMBER, ask
from tests.web_clients import Browser
from wire.conference_control import Control
from wire.fields import Settings, Terminal

AGREED = {"recorded": "agreed"}


def hold(platform: str, **settings: Any) -> None:
    """Write a running conference with these settings."""
    row = {"e164": NUMBER, "confid": CONFID, "password": ""}
    conference_row(platform, **row, settings=Settings(extra=settings))


def test_nobody_gets_in_without_having_agreed_to_be_recorded(platform: str) -> None:
    hold(platform, recording=1)
    for reply in (ask("Ben"), ask("Ben", recorded="yes")):
        assert reply["entry"] == "recorded"
        assert not {"join", "pass", "visitor"} & reply.keys()
        assert not any(secret in str(reply) for secret in (TOKEN, PIN))
    anna = Browser()
    anna.force_login(Account.objects.get(username="anna"))
    path = f"/join/{NUMBER}/where"
    assert anna.post(path, {"browser": "a1" * 16}).json()["entry"] == "recorded"
    inside = anna.post(f"{path}?entering=1", {"browser": "a1" * 16, **AGREED}).json()
    assert inside["join"]
    kept = {"pass": inside["pass"]}
    assert anna.post(path, kept).json()["join"], "whoever is inside is not asked again"
    again = anna.post(f"{path}?entering=1", kept).json()
    assert again["entry"] == "recorded", "whoever comes back is"


def test_a_guest_agrees_before_waiting_in_the_lobby(platform: str) -> None:
    hold(platform, recording=1, lobby=1)
    assert ask("Ben")["entry"] == "recorded"
    assert ask("Ben", **AGREED)["entry"] == "waiting"


@pytest.mark.e2e
async def test_the_page_asks_and_enters_only_for_whoever_agrees(
    browser: Any, transactional_db: None, live_server: Any
) -> None:
    await sync_to_async(prepare)()
    page = await person_of(browser, width=390, height=800)
    await page.goto(live_server.url + join_link(CONFID, NUMBER))
    await page.locator("#name").fill("Ben")
    await page.locator("#join").click()
    await page.get_by_role("button", name="Do not join").click()
    await page.locator("#join:enabled").click()
    assert not await page.locator("#bar").is_visible()
    await page.get_by_role("button", name="Agree and join").click()
    await page.locator("#lobby").wait_for()
    for _ in range(2):
        async with page.expect_response("**/where*"):
            """The page asks again whether the guest may enter."""
    assert await page.locator("#lobby").is_visible(), "who has agreed goes on waiting"
    assert page.errors == []


def prepare() -> None:
    """Provision a platform that holds a recorded conference with a lobby."""
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    hold(own_platform(), recording=1, lobby=1)


@pytest.mark.parametrize("recording", [0, 2])
def test_nobody_is_asked_while_nothing_is_recorded(platform: str, recording: int) -> None:
    hold(platform, recording=recording)
    assert ask("Ben")["join"]


def test_buttons_start_pause_and_stop_the_recording(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    creator = Account.objects.get(username="anna").moid
    row = {"e164": NUMBER, "confid": CONFID, "password": ""}
    member = Terminal(mtid="1", name="Anna", online=1, visitor=visitor_of(CONFID, "a1" * 16))
    conference_row(platform, **row, creator_moid=creator, mts=(member,))
    sent: list[Control] = []
    monkeypatch.setattr(commands, "ask_unit", sent.append)
    anna = Browser()
    anna.force_login(Account.objects.get(username="anna"))
    inside = anna.post(f"/join/{NUMBER}/where?entering=1", {"browser": "a1" * 16}).json()
    for value in ("1", "2", "0"):
        form = {"action": "record", "value": value, "pass": inside["pass"]}
        assert anna.post(f"/join/{NUMBER}/steer", form).json() == {}
    assert [(type(order).__name__, getattr(order, "pause", None)) for order in sent] == [
        ("StartRecording", None),
        ("StopRecording", True),
        ("StopRecording", False),
    ]
    form = {"action": "record", "value": "3", "pass": inside["pass"]}
    assert "why" in anna.post(f"/join/{NUMBER}/steer", form).json()
    assert len(sent) == 3
    stranger = {"action": "record", "value": "1", "pass": ask("Ben")["pass"]}
    assert "refused" in Browser().post(f"/join/{NUMBER}/steer", stranger).json()

"""Three people are split over breakout rooms, talk there, survive the loss of a media unit, and come back."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.browser import SOUND, enter, join, note_errors
from tests.console.steps import card, signed_in
from tests.stories.facts import number_of, until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("media")]
NAME = "Split for a while"


def rooms_on(site: Site, unit: str) -> int:
    """Return how many conferences of this test, rooms or the one that was split, a unit carries."""
    carried = f"live_unit LIKE '%:{unit}' AND state='running' AND name LIKE '%{NAME}%'"
    return number_of(site, f"SELECT COUNT(*) FROM conferences_conference WHERE {carried}")


def held(site: Site) -> int:
    """Return how many conferences of this test run."""
    return rooms_on(site, "u1") + rooms_on(site, "u2")


async def people_see(page: Any, count: int) -> None:
    """Wait until a page is in a conference with so many people."""
    await page.wait_for_function("() => document.body.dataset.state === 'in'")
    await page.locator("#count", has_text=f"{count} people").wait_for(state="attached")


async def start(browser: Any, site: Site) -> tuple[Any, str]:
    """Let Anna start a conference; return her page in it, and the link for guests."""
    account = next(row for row in site.demo["accounts"] if row["username"] == "anna")
    console = await signed_in(browser, site.http, "anna", account["password"])
    form = console.get_by_role("form", name="Start a conference")
    await form.get_by_label("Name").fill(NAME)
    await form.get_by_role("button", name="Start now").click()
    await card(console, NAME).get_by_text("running").wait_for()
    async with console.context.expect_page() as opened:
        await card(console, NAME).get_by_role("link", name="Join").click()
    anna = await opened.value
    note_errors(anna)
    await join(anna)
    live = (await console.evaluate("fetch('/console/live').then((r) => r.json())"))["confs"]
    return anna, next(shown["link"] for shown in live if shown["name"] == NAME)


async def steer(page: Any, *names: str) -> None:
    """Press these buttons in the part of the steering dialog about breakout rooms, and close the dialog."""
    await page.locator("#steer").click()
    dialog = page.get_by_role("dialog", name="Steer the conference")
    if not await dialog.locator("#rooms-part").evaluate("(part) => part.open"):
        await dialog.get_by_text("Breakout rooms").click()
    for name in names:
        await dialog.get_by_role("button", name=name, exact=True).click()
    if "End for all" not in names:
        await dialog.get_by_role("button", name="Close", exact=True).click()


async def room_of(page: Any) -> str:
    """Wait until a page has moved over to a breakout room, and return the name of that room."""
    await page.locator("#rooms-own-text", has_text="Room").wait_for()
    await page.wait_for_function("() => document.body.dataset.state === 'in'")
    return str(await page.locator("#rooms-own-text").text_content()).partition(",")[0]


def kill_janus_of(site: Site, room: str) -> None:
    """Kill the Janus of the unit that carries a room."""
    query = "SELECT SUBSTRING(live_unit, -1) FROM conferences_conference WHERE live_unit<>''"
    number = number_of(site, f"{query} AND name LIKE '{room}%{NAME}'")
    directory = Path(site.processes[f"unit{number}"].env["CMU_DIR"])
    os.kill(int((directory / "janus.pid").read_text()), signal.SIGKILL)


async def test_people_talk_in_breakout_rooms_also_after_the_loss_of_a_unit_and_come_back(
    browser: Any, janus: Site
) -> None:
    anna, link = await start(browser, janus)
    ben, cara = await enter(browser, link, "Ben"), await enter(browser, link, "Cara")
    for page in (anna, ben, cara):
        await people_see(page, 3)
    await steer(anna, "Open the rooms")
    rooms = {await room_of(page): page for page in (ben, cara)}
    assert sorted(rooms) == ["Room 1", "Room 2"]

    await steer(anna, "Go to: Room 1")
    mate, other = rooms["Room 1"], rooms["Room 2"]
    for page in (anna, mate):
        await people_see(page, 2)
    assert await anna.evaluate(SOUND)
    until(lambda: held(janus) == 3, 60, "the conference and its rooms run")

    kill_janus_of(janus, "Room 1")
    await mate.get_by_text("The conference is moving").wait_for()
    for page in (anna, mate):
        await people_see(page, 2)
        assert await room_of(page) == "Room 1"
    until(lambda: held(janus) == 3, 60, "all are restored")
    assert await room_of(other) == "Room 2"

    await anna.locator("#steer").click()
    await anna.get_by_label("Tell all rooms").fill("Two minutes left")
    await anna.locator("#rooms-say").get_by_role("button", name="Send").click()
    await other.get_by_text("Two minutes left").wait_for()
    await anna.get_by_role("button", name="Close", exact=True).click()

    await steer(anna, "Close the rooms")
    for page in (anna, ben, cara):
        await people_see(page, 3)
        assert await page.locator("#rooms-own").is_hidden()
    until(lambda: held(janus) == 1, 60, "the rooms have ended")
    await steer(anna, "End for all", "Press again to end it for all")
    await ben.get_by_text("This conference has ended").wait_for()
    assert [page.errors for page in (anna, ben, cara)] == [[], [], []]

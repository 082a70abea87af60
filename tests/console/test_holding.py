"""A person holds conferences with the page alone: every button does what it says, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.browser import shot
from tests.console.steps import card, signed_in, start_conference
from tests.http.program import Program
from tests.stories.facts import license_for, live

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]


@pytest.fixture
def program(simulated: Site) -> Iterator[Program]:
    """Return a program of the same person, which reads by the API what the page did."""
    license_for(simulated, 50, 5)
    program_of_anna = Program(simulated)
    program_of_anna.log_in("anna")
    yield program_of_anna
    for conference in program_of_anna.get("vc/confs", count=0)["confs"]:
        program_of_anna.delete(f"mc/confs/{conference['conf_id']}")


async def at_home(browser: Any, site: Site, **size: int) -> Any:
    """Return Anna's page, which she has opened from `/`."""
    anna = next(a for a in site.demo["accounts"] if a["username"] == "anna")
    page = await signed_in(browser, site.http, "anna", anna["password"], **size)
    await page.get_by_role("heading", name="Start a conference").wait_for()
    return page


async def look_back(page: Any) -> None:
    """Find the conference among the past ones, on a screen of 390 px, and download its attendance list."""
    await page.get_by_role("link", name="Past conferences").click()
    await page.get_by_role("article", name="Board").first.get_by_role("link").press("Enter")
    await page.get_by_role("row").filter(has_text="7001").wait_for()
    await page.set_viewport_size({"width": 390, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    async with page.expect_download() as listed:
        await page.get_by_role("link", name="Attendance list").click()
    assert "7001" in Path(await (await listed.value).path()).read_text("utf-8-sig")


async def test_every_button_does_what_it_says(
    browser: Any, simulated: Site, program: Program
) -> None:
    page = await at_home(browser, simulated)
    await page.get_by_text("No conference is held now").wait_for()
    await start_conference(page, "Weekly board", "32")
    board = card(page, "Weekly board")
    await board.get_by_text("running").wait_for()
    await board.get_by_text("60 min left").or_(board.get_by_text("1 h 00 min left")).wait_for()
    answer = program.get("vc/confs", count=0)["confs"][0]
    assert (answer["max_join_mt"], answer["duration"]) == (32, 60)
    number = answer["conf_id"]

    await board.get_by_role("button", name="Manage").click()
    await board.get_by_label("Longer by").select_option("30")
    await board.get_by_role("button", name="Extend").click()
    await board.get_by_text(re.compile("1 h (29|30) min left")).wait_for()
    await board.get_by_label("New name").fill("Board")
    await board.get_by_role("button", name="Rename").click()
    board = card(page, "Board")
    await board.wait_for()
    assert program.get(f"vc/confs/{number}")["name"] == "Board"

    program.post(f"vc/confs/{number}/mts", {"mts": [{"account": "7001", "account_type": 5}]})
    await board.get_by_text("1 of 32 people").wait_for()
    await board.get_by_role("button", name="Mute 7001", exact=True).click()
    await board.get_by_role("button", name="Unmute 7001").wait_for()
    assert program.get(f"vc/confs/{number}/mts")["mts"][0]["mute"] == 1
    await board.get_by_role("button", name="Unmute all").click()
    await board.get_by_role("button", name="Mute 7001", exact=True).wait_for()
    await shot(page, "console")
    await board.get_by_role("button", name="Drop 7001").click()
    await board.get_by_text("0 of 32 people").wait_for()

    await board.get_by_role("button", name="End", exact=True).click()
    await page.get_by_role("button", name="Keep it").click()
    assert live(simulated) == 1
    await board.get_by_role("button", name="End", exact=True).click()
    await page.get_by_role("button", name="End it").click()
    await page.get_by_text("No conference is held now").wait_for()
    assert live(simulated) == 0
    await look_back(page)
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("button", name="Sign in").wait_for()
    assert page.errors == []


async def test_what_somebody_else_does_is_seen_without_a_reload(
    browser: Any, simulated: Site, program: Program
) -> None:
    page = await at_home(browser, simulated)
    number = program.create(name="From afar")["conf_id"]
    await card(page, "From afar").wait_for()
    program.delete(f"mc/confs/{number}")
    await page.get_by_text("“From afar” has ended.").wait_for()


async def test_a_full_licence_is_said_in_words_with_what_to_do(
    browser: Any, simulated: Site, program: Program
) -> None:
    license_for(simulated, 1, 0)
    page = await at_home(browser, simulated)
    await start_conference(page, "First")
    await card(page, "First").wait_for()
    await start_conference(page, "Second")
    await page.get_by_role("alert").get_by_text("The licence is full").wait_for()
    await start_conference(page, "Third", "64")
    await page.get_by_role("alert").get_by_text("choose 8 places").wait_for()


async def test_a_phone_shows_all_of_it_without_scrolling_sideways(
    browser: Any, simulated: Site, program: Program
) -> None:
    page = await at_home(browser, simulated, width=360, height=740)
    await start_conference(page, "A conference whose name is as long as it may be")
    article = page.get_by_role("article")
    await article.get_by_role("button", name="Manage").click()
    await article.get_by_role("button", name="Mute all", exact=True).wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await shot(page, "console-phone")


async def test_all_of_it_can_be_done_with_the_keyboard(
    browser: Any, simulated: Site, program: Program
) -> None:
    page = await at_home(browser, simulated)
    await page.get_by_role("form").get_by_label("Name").focus()
    await page.keyboard.type("By keys")
    await page.keyboard.press("Enter")
    await card(page, "By keys").wait_for()
    join = card(page, "By keys").get_by_role("link", name="Join")
    await page.wait_for_function("() => document.activeElement.matches('[data-join]')")
    assert (await join.get_attribute("href")).startswith("/join/")
    for _ in range(3):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_role("dialog").wait_for()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await page.get_by_text("No conference is held now").wait_for()

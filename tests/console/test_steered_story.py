"""A guest comes by number, waits in the lobby, becomes co-chair, locks the conference, and ends it."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.stand.stand import Stand
from tests.browser import join, person_of, sees
from tests.console.steps import card, signed_in

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("with_core")]


async def by_number(browser: Any, site: str, number: str, name: str) -> Any:
    """Type the number on a telephone's screen, as people write it, and press Join."""
    page = await person_of(browser, width=390, height=800)
    await page.goto(f"{site}/join/")
    await page.get_by_label("Number of the conference").fill(
        f"{number[:3]} {number[3:6]}-{number[6:]}"
    )
    await page.get_by_role("button", name="Go to the conference").click()
    await join(page, name)
    return page


async def steer(page: Any, *names: str) -> None:
    """Press these buttons in the dialog by which the conference is steered."""
    await page.locator("#steer").click()
    dialog = page.get_by_role("dialog", name="Steer the conference")
    for name in names:
        await dialog.get_by_role("button", name=name, exact=True).click()
    if "End for all" not in names:
        await dialog.get_by_role("button", name="Close").click()


async def test_a_guest_is_let_in_from_the_lobby_and_steers_as_co_chair(
    browser: Any, with_core: Stand
) -> None:
    east = with_core.sites["east"]
    account = next(row for row in east.demo["accounts"] if row["username"] == "anna")
    console = await signed_in(browser, east.http, "anna", account["password"])
    form = console.get_by_role("form", name="Start a conference")
    await form.get_by_label("Name").fill("Steered")
    await form.get_by_label("Guests wait until they are let in").check()
    await form.get_by_role("button", name="Start now").click()
    await card(console, "Steered").get_by_text("running").wait_for()
    async with console.context.expect_page() as opened:
        await card(console, "Steered").get_by_role("link", name="Join").click()
    anna = await opened.value
    await join(anna)
    live = (await console.evaluate("fetch('/console/live').then((r) => r.json())"))["confs"]
    number = next(shown["number"] for shown in live if shown["name"] == "Steered")

    ben = await by_number(browser, east.http, number, "Ben")
    await ben.get_by_role("heading", name="The chair will let you in").wait_for()
    await card(console, "Steered").get_by_role("button", name="Refuse Ben").wait_for()
    await anna.get_by_text("Somebody waits to be let in").wait_for()
    await steer(anna, "Let in: Ben")
    await ben.get_by_text("You are in the conference").wait_for()
    await anna.get_by_text("2 people").wait_for()
    await steer(anna, "Make co-chair: Ben")
    await steer(ben, "Lock")
    await card(console, "Steered").get_by_text("locked", exact=True).wait_for()

    carl = await by_number(browser, east.http, number, "Carl")
    await sees(carl, "The chair has locked this conference.")
    await ben.reload()
    await join(ben, "Ben")
    await ben.get_by_text("You are in the conference").wait_for()
    await steer(ben, "End for all", "Press again to end it for all")
    for page in (anna, ben):
        await page.get_by_text("This conference has ended").wait_for()
    assert [page.errors for page in (console, ben, carl)] == [[], [], []]

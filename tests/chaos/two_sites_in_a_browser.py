"""Two people meet at east in a browser, all of east is killed, and they hear each other again at west.

East comes back and serves again by itself; the conference, still at west, is led from there. It takes
minutes, so it is told on demand: make test ARGS="tests/chaos/two_sites_in_a_browser.py -s -n 0".
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser import MOVING_PICTURES, SOUND, enter, join, shot
from tests.console.steps import card, signed_in, start_conference
from tests.failover.two import Two, two_sites, until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("media")]

TAKEN_WITHIN = 30.0
NAME, LATER = "RegisterView of both", "RegisterView, at west"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Yield a core, east and west, each with a Janus."""
    with two_sites(tmp_path_factory.mktemp("browser"), media="janus", units=1) as sites:
        yield sites


async def aside(work: Callable[[], Any]) -> Any:
    """Do something that blocks, while the pages go on."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def test_a_site_dies_under_two_people_and_they_meet_again(browser: Any, two: Two) -> None:
    await aside(two.at_rest)
    operator = await at_the_live_page(browser, two)
    anna = await signed_in(browser, two.east.http, "anna", password_of(two, "anna"))
    people = await two_in_a_conference(browser, anna)

    struck = time.monotonic()
    await aside(two.east.kill)
    await aside(lambda: until(lambda: two.running(two.east, two.west, two.west) == 1, 60, "there"))
    runs = time.monotonic() - struck
    await serves(operator, "west")
    await asyncio.gather(*map(meet_again, people))
    seconds = time.monotonic() - struck
    print(f"killed and running at west: {runs:.1f} s; heard again: {seconds:.1f} s")
    assert seconds < TAKEN_WITHIN
    await shot(operator, "sites-taken-over")

    began = time.monotonic()
    await aside(lambda: two.come_back(two.east))
    await aside(two.at_rest)
    print(f"east serves again {time.monotonic() - began:.1f} s after it was switched on")
    await serves(operator, "east")
    assert two.running(two.east, two.east, two.west) == 1
    await led_from_home(anna, people)
    assert operator.errors == anna.errors == []


async def at_the_live_page(browser: Any, two: Two) -> Any:
    """Let an operator look at the sites on the live page, which is never reloaded."""
    url = f"{two.core.http}/admin/sites/"
    page = await signed_in(browser, url, "admin", password_of(two, "admin"))
    await serves(page, "east")
    await page.locator("[data-cell=west]").get_by_text("protected", exact=True).wait_for()
    return page


async def serves(page: Any, name: str) -> None:
    """Return whether the live page says that this site serves east's platform."""
    served = page.locator("[data-cell=east] .op-unit").filter(has_text="served by")
    await served.get_by_text(name, exact=True).wait_for()


def password_of(two: Two, username: str) -> str:
    accounts: list[dict[str, str]] = two.east.demo["accounts"]
    return next(a["password"] for a in accounts if a["username"] == username)


async def two_in_a_conference(browser: Any, anna: Any) -> tuple[Any, Any]:
    """Let her start a conference and join, and Ben come by the link, until they see and hear each other."""
    await start_conference(anna, NAME)
    await card(anna, NAME).get_by_text("running").wait_for()
    async with anna.context.expect_page() as opened:
        await card(anna, NAME).get_by_role("link", name="Join").click()
    hers = await opened.value
    await join(hers)
    link = (await anna.evaluate("fetch('/console/live').then((r) => r.json())"))["confs"][0]["link"]
    people = hers, await enter(browser, link, "Ben")
    for page in people:
        await sees_and_hears(page)
    return people


async def sees_and_hears(page: Any) -> None:
    await page.wait_for_function(MOVING_PICTURES, arg=2, timeout=60_000)
    assert await page.evaluate(SOUND)


async def meet_again(page: Any) -> None:
    """Assert that they see and hear each other again although nobody touches the page."""
    await page.get_by_text("The conference goes on. You are back.").wait_for(timeout=60_000)
    await sees_and_hears(page)


async def led_from_home(anna: Any, people: tuple[Any, Any]) -> None:
    """Rename, extend, mute and end the conference on east's page, where she is still signed in."""
    await anna.reload()
    board = card(anna, NAME)
    await board.get_by_role("button", name="Manage").click()
    await board.get_by_label("Longer by").select_option("30")
    await board.get_by_role("button", name="Extend").click()
    await board.get_by_text(re.compile("1 h [12][0-9] min left")).wait_for()
    await board.get_by_label("New name").fill(LATER)
    await board.get_by_role("button", name="Rename").click()
    board = card(anna, LATER)
    await board.get_by_text("2 of 8 people").wait_for()
    await board.get_by_role("button", name="Mute Ben").click()
    await people[1].get_by_role("button", name="Unmute").wait_for()
    for page in people:
        assert await page.evaluate("document.body.dataset.state") == "in"
    await board.get_by_role("button", name="End", exact=True).click()
    await anna.get_by_role("button", name="End it").click()
    for page in people:
        await page.get_by_text("This conference has ended").wait_for()
    await anna.get_by_text("No conference is held now").wait_for()

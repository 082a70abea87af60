"""A story in real browsers: registration by invitation, numbers, circle, moment, like, comment, on a phone."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.browser import person_of, shot
from tests.console.steps import signed_in
from tests.social.people.town import picture

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("im")]

PASSWORD = "Siskin-Quarry-65"
NO_SIDEWAYS = "() => document.documentElement.scrollWidth <= innerWidth"
TAB_STOPS = 40


@pytest.fixture
def site(chat_site: Site) -> Site:
    """Return a site with instant messages."""
    return chat_site


async def anna_of(browser: Any, site: Site) -> Any:
    """Open the contacts of anna."""
    anna = next(account for account in site.demo["accounts"] if account["username"] == "anna")
    return await signed_in(browser, f"{site.http}/people/", "anna", anna["password"])


async def register(browser: Any, anna: Any) -> Any:
    """Let anna invite gus, who registers on a phone; return his page."""
    await anna.get_by_role("button", name="Make a link").click()
    text = await anna.get_by_role("status").inner_text()
    path = re.search(r"/people/invited/[\w-]+/", text)
    assert path is not None
    gus = await person_of(browser, width=390, height=800)
    await gus.goto(re.sub(r"/people/.*", path[0], anna.url))
    await gus.get_by_label("Your name").fill("Gus")
    await gus.get_by_label("Name to sign in with").fill("gus")
    await gus.get_by_label("Password").fill(PASSWORD)
    await gus.get_by_role("button", name="Register").click()
    await gus.get_by_text("You and").wait_for()
    return gus


async def give_number(page: Any, number: str) -> None:
    """Write a number into one's own card, shown to nobody."""
    await page.get_by_role("link", name="Profile", exact=True).click()
    await page.get_by_label("Telephone", exact=True).fill(number)
    await page.get_by_label("Telephone: Shown to").select_option("nobody")
    await page.get_by_role("button", name="Save the card").click()
    await page.get_by_text("Your card is saved.").wait_for()


async def exchange_numbers(anna: Any, gus: Any) -> None:
    """Let anna ask for gus' number, and gus agree; each sees the other's then."""
    await give_number(anna, "+8613800138001")
    await give_number(gus, "+8613800138002")
    await anna.get_by_role("link", name="Contacts", exact=True).click()
    await anna.get_by_role("link", name="Gus", exact=True).click()
    await anna.get_by_role("button", name="Exchange numbers").click()
    await gus.get_by_role("link", name="Contacts", exact=True).click()
    await gus.get_by_role("link", name="anna", exact=True).click()
    await gus.get_by_role("button", name="Agree").click()
    await gus.get_by_text("+8613800138001").wait_for()
    await anna.reload()
    await anna.get_by_text("+8613800138002").wait_for()


async def found_circle(anna: Any) -> None:
    """Let anna found a circle with gus in it."""
    await anna.get_by_role("link", name="Circles").click()
    form = anna.get_by_role("form", name="New circle")
    await form.get_by_label("Name", exact=True).fill("Choir")
    await form.get_by_label("Gus").check()
    await form.get_by_role("button", name="Found the circle").click()
    await anna.get_by_role("heading", name="Choir", level=1).wait_for()


async def post(page: Any, text: str, *files: Path) -> None:
    """Post a moment with pictures."""
    form = page.get_by_role("form", name="New moment")
    await form.get_by_label("Text").fill(text)
    await form.get_by_label("Pictures, voice or video").set_input_files([str(f) for f in files])
    await form.get_by_role("button", name="Post", exact=True).click()
    await page.get_by_text(text).wait_for()


async def reach_by_keyboard(page: Any, name: str) -> None:
    """Press Tab until the focus is on the button of this name, then Enter."""
    for _ in range(TAB_STOPS):
        await page.keyboard.press("Tab")
        if name in await page.evaluate("() => document.activeElement.textContent"):
            await page.keyboard.press("Enter")
            return
    raise AssertionError(f"{name} is not reached by the keyboard")


async def test_people_register_share_and_answer(browser: Any, site: Site, tmp_path: Path) -> None:
    files = []
    for color in ("teal", "gold", "navy"):
        files.append(tmp_path / f"{color}.png")
        files[-1].write_bytes(picture(color))
    anna = await anna_of(browser, site)
    gus = await register(browser, anna)
    await exchange_numbers(anna, gus)
    await found_circle(anna)
    await post(anna, "Our first rehearsal", *files)
    assert await anna.locator(".pictures img").count() == 3

    await gus.get_by_role("link", name="Moments").click()
    await gus.get_by_text("Our first rehearsal").wait_for()
    assert await gus.evaluate(NO_SIDEWAYS)
    await gus.wait_for_function(
        "() => [...document.querySelectorAll('.pictures img')].every((i) => i.naturalWidth > 0)"
    )
    await shot(gus, "moments-phone")
    await reach_by_keyboard(gus, "Like")
    await gus.get_by_role("button", name="Liked").wait_for()
    await gus.get_by_role("link", name="Comments").click()
    await gus.get_by_label("Your comment").fill("Wonderful!")
    await gus.get_by_role("button", name="Comment", exact=True).click()
    await gus.get_by_text("Wonderful!").wait_for()

    await gus.get_by_role("link", name="Moments", exact=True).click()
    await anna.get_by_role("link", name="Moments", exact=True).click()
    await post(anna, "And the second one")
    await gus.get_by_role("link", name="anna: has posted a moment").click()
    await gus.get_by_text("And the second one").wait_for()

    await anna.get_by_text("Gus: likes your moment").wait_for()
    await anna.get_by_text("Gus: commented on your moment").click()
    await anna.get_by_text("Shown to 1: Gus").wait_for()
    await anna.emulate_media(color_scheme="dark")
    await shot(anna, "moment-dark")
    ground = await anna.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(14, 20, 25)"
    for name in ("Circles", "Contacts", "Album", "Profile", "Messages", "My conferences"):
        await anna.get_by_role("link", name=name, exact=True).first.click()
        await anna.get_by_role("navigation", name="Pages").wait_for()
        await anna.set_viewport_size({"width": 390, "height": 800})
        assert await anna.evaluate(NO_SIDEWAYS), name
        await shot(anna, f"people-{name}-phone")
        await anna.set_viewport_size({"width": 1100, "height": 700})
        await shot(anna, f"people-{name}")
    await asyncio.gather(anna.close(), gus.close())
    assert anna.errors == gus.errors == []

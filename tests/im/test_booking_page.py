"""A person books, changes and cancels a conference in a browser, and is told of each step in the chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.console.steps import signed_in

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("im")]

NAME = "Choir practice"


@asynccontextmanager
async def told(chat: Any, words: str) -> AsyncIterator[None]:
    """Expect that the chat page shows these words, which stay for some seconds, because of what happens inside."""
    shown = asyncio.ensure_future(chat.locator("#notice").filter(has_text=words).wait_for())
    yield
    await shown


async def test_all_dates_are_booked_changed_and_cancelled_and_the_chat_says_so(
    browser: Any, chat_site: Site
) -> None:
    people = {account["username"]: account["password"] for account in chat_site.demo["accounts"]}
    chat = await signed_in(browser, f"{chat_site.http}/chat/", "anna", people["anna"])
    await chat.locator("body[data-line=up]").wait_for()
    page = await chat.context.new_page()
    await page.goto(f"{chat_site.http}/console/bookings/")

    form = page.get_by_role("form", name="Book a conference")
    await form.get_by_label("Name", exact=True).fill(NAME)
    await form.get_by_label("Repeated").select_option("daily")
    await form.get_by_label("How often").fill("3")
    await form.get_by_label("Guests").fill("Gus <gus@example.org>, mei@example.org")
    async with told(chat, f"“{NAME}” is booked for"):
        await form.get_by_role("button", name="Book it").click()
    dates = page.get_by_role("article").filter(has_text=NAME)
    await dates.filter(has_text="09:00").nth(2).wait_for()

    await dates.first.get_by_label(f"Guests {NAME}").click()
    await dates.first.get_by_label("E-mail addresses").fill("mei@example.org")
    async with told(chat, f"“{NAME}”, "):
        await dates.first.get_by_role("button", name="Save guests").press("Enter")
    await dates.nth(2).get_by_text("Guests: mei@example.org").wait_for()
    await page.get_by_text("My dates in another calendar").press("Enter")
    await page.get_by_role("button", name="Make an address").press("Enter")
    await page.get_by_text("My dates in another calendar").press("Enter")
    address = await page.get_by_label("Address of my calendar").input_value()
    assert NAME in await (await page.context.request.get(address)).text()
    await page.set_viewport_size({"width": 390, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390

    second = dates.nth(1)
    await second.get_by_label(f"Change {NAME}").click()
    await second.get_by_label("Time", exact=True).fill("14:30")
    async with told(chat, f"“{NAME}”, "):
        await second.get_by_role("button", name="Change all dates").click()
    await dates.filter(has_text="14:30").nth(2).wait_for()
    assert await dates.count() == 3

    await dates.first.get_by_label(f"Cancel {NAME}").click()
    async with told(chat, "was cancelled"):
        await dates.first.get_by_role("button", name="Cancel all dates").click()
    await dates.first.wait_for(state="detached")
    assert chat.errors == []

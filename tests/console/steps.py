"""The steps of people on the pages, for tests and pictures."""

from __future__ import annotations

import re
from typing import Any

from tests.browser import person_of


async def signed_in(
    browser: Any, url: str, username: str, password: str, patience: int = 1, **size: int
) -> Any:
    """Open `url`, sign in, and return the page.

    It is tried `patience` times: an account arrives at a site some seconds after the core has made it.
    """
    page = await person_of(browser, **size)
    for _ in range(patience):
        await page.goto(url)
        await sign_in(page, username, password)
        if not at_sign_in(page.url):
            return page
        await page.wait_for_timeout(1000)
    raise AssertionError(f"{username} does not come in at {url}")


def at_sign_in(url: str) -> bool:
    """Tell whether an address is that of a sign-in page."""
    return "/login" in url


async def sign_in(page: Any, username: str, password: str) -> None:
    """Fill in the sign-in page that is shown, and wait for the next page."""
    await page.locator("[name=username]").fill(username)
    await page.locator("[name=password]").fill(password)
    async with page.expect_navigation():
        await page.locator("[name=password]").press("Enter")


async def start_conference(page: Any, name: str, places: str = "8") -> None:
    """Fill in the console's form, and start a conference."""
    form = page.get_by_role("form", name="Start a conference")
    await form.get_by_label("Name").fill(name)
    await form.get_by_label("Places").select_option(places)
    await form.get_by_role("button", name="Start now").click()


def card(page: Any, name: str) -> Any:
    """Return the conference with this name in the console's list."""
    return page.get_by_role("article", name=name, exact=True)


# ---- the admin ----------------------------------------------------------------------------------


async def add_row(page: Any, core: str, model: str, tick: str = "", **fields: str) -> None:
    """Fill in the form for a new row, and save it. A field `x__` is chosen from a list by its name."""
    await page.goto(f"{core}/admin/{model}/add/")
    for name, value in fields.items():
        if name.endswith("__"):
            await choose(page, name.removesuffix("__"), value)
        else:
            await page.locator(f"[name={name}]").fill(value)
    if tick:
        await page.locator(f"[name={tick}]").check()
    async with page.expect_navigation():
        await page.locator("[name=_save]").first.click()
    assert not page.url.endswith("/add/"), await page.locator("main, #main").first.inner_text()


async def choose(page: Any, field: str, text: str) -> None:
    """Search in a field with completion, and choose the result with just this text.

    Before the search is answered, the list may show others whose text begins with it.
    """
    exactly = re.compile(rf"^\s*{re.escape(text)}\s*$")
    await page.locator(f"select[name={field}] + .select2").click()
    await page.locator(".select2-search__field").last.fill(text)
    await page.locator(".select2-results__option").filter(has_text=exactly).first.click()


async def text_of_list(page: Any, core: str, model: str) -> str:
    """Return the text of a model's list."""
    await page.goto(f"{core}/admin/{model}/")
    return str(await page.locator("#changelist, main, #main").first.inner_text())

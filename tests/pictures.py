"""`make pictures`: the main pages of a running stand, as pictures for the documentation.

Needs `make up` in another terminal, best with a core and Janus units. Writes docs/pictures/*.png;
the conference that it holds for that is ended again.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from tests.browser import CHROMIUM, FLAGS, enter, join
from tests.console.steps import card, signed_in, start_conference

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 800}
NAME = "Weekly board"

ADMIN = {
    "tree": "domains/domain/tree/",
    "service-domain-form": "domains/servicedomain/add/",
    "platform-form": "domains/platformdomain/add/",
    "user-domain-form": "domains/userdomain/add/",
    "accounts": "domains/account/",
    "account-form": "domains/account/add/",
    "licences": "licensing/licence/",
    "licence-import": "licensing/licence/add/",
    "audit": "auditlog/logentry/",
}


async def main() -> None:
    """Take all pictures, one after the other."""
    up = json.loads((ROOT / "var" / "up.json").read_text())
    site = next(s["http"] for name, s in up["sites"].items() if name != "core")
    core = up["sites"].get("core", {}).get("http", site)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        await of_the_admin(browser, core, _one(up, "operator"))
        await of_a_conference(browser, site, _one(up, "user"))
        await of_a_chat(
            browser, site, [account for account in up["accounts"] if account["role"] == "user"]
        )
        await browser.close()


def _one(up: Any, role: str) -> Any:
    return next(account for account in up["accounts"] if account["role"] == role)


async def of_the_admin(browser: Any, core: str, account: Any) -> None:
    """Take pictures of the operator's pages."""
    page = await signed_in(
        browser, f"{core}/admin/", account["username"], account["password"], **SIZE
    )
    for name, path in ADMIN.items():
        reply = await page.goto(f"{core}/admin/{path}")
        if reply.ok:
            await take(page, name)
        else:
            print(f"{name}: {reply.status} {path}")


async def of_a_conference(browser: Any, site: str, account: Any) -> None:
    """Take pictures of the console with a conference of two people, and of the join page as they see it."""
    page = await signed_in(browser, site, account["username"], account["password"], **SIZE)
    await take(page, "console-empty")
    await start_conference(page, NAME)
    mine = card(page, NAME)
    await mine.get_by_text("running").wait_for()
    async with page.context.expect_page() as opened:
        await mine.get_by_role("link", name="Join").click()
    hers = await opened.value
    await hers.get_by_text("Ready:").wait_for()
    await take(hers, "join")
    await join(hers)
    (conference,) = (await page.evaluate("fetch('/console/live').then((r) => r.json())"))["confs"][
        :1
    ]
    await enter(browser, conference["link"], "Ben Berger")
    await hers.get_by_text("2 people").wait_for()
    await hers.wait_for_timeout(2000)
    await take(hers, "in-conference")
    await mine.get_by_text("2 of 8 people").wait_for()
    await mine.get_by_role("button", name="Manage").click()
    await mine.get_by_role("button", name="Mute Ben Berger").wait_for()
    await take(page, "console")
    await mine.get_by_role("button", name="End", exact=True).click()
    await page.get_by_role("button", name="End it").click()
    await mine.wait_for(state="detached")


async def of_a_chat(browser: Any, site: str, people: list[Any]) -> None:
    """Take pictures of two people who write to each other."""
    anna, ben = [
        await signed_in(browser, f"{site}/chat/", who["username"], who["password"], **SIZE)
        for who in people[:2]
    ]
    await anna.get_by_role("button", name="New conversation").click()
    await anna.get_by_label("With whom").fill(people[1]["username"])
    await anna.get_by_role("button", name="Begin", exact=True).click()
    await _write(anna, "Good morning! Are the slides ready?")
    await ben.locator("#talks .entry").first.click()
    await _write(ben, "Nearly. I send them before ten.")
    fields = {"name": "budget.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n"}
    await ben.locator("#file").set_input_files(fields)
    await anna.locator(".file:not([hidden])").last.wait_for()
    await _write(anna, "Thank you. See you in the board meeting.")
    await ben.get_by_text("See you in the board meeting.").last.wait_for()
    await take(anna, "chat")


async def _write(page: Any, text: str) -> None:
    field = page.get_by_role("textbox", name="Your message", exact=True)
    await field.fill(text)
    await field.press("Enter")
    await page.locator("#log .message:not(.waits)").filter(has_text=text).last.wait_for()


async def take(page: Any, name: str) -> None:
    """Take one picture."""
    await page.wait_for_timeout(300)  # what appears softly has appeared
    await page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/pictures/{name}.png")


if __name__ == "__main__":
    asyncio.run(main())

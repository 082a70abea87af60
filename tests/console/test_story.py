"""An operator, an administrator and two people need only browsers from nothing to a conference."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from deploy.stand.site import PYTHON, REPOSITORY
from deploy.stand.stand import Stand
from tests import licences
from tests.browser import MOVING_PICTURES, SOUND, enter, join, shot
from tests.console.steps import add_row, card, sign_in, signed_in, start_conference, text_of_list
from tests.stories.facts import live, seats

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("with_core")]

PASSWORD = "Plover-Lantern-71"


def licence_for(stand: Stand, platform: str, issue: int) -> str:
    """Return a licence as the issuer sends it, sealed with the core's keys."""
    core = stand.sites["core"]
    keys = [f"--key={core.directory}/license.signing.key"]
    keys += [f"--sealing-key={core.directory}/license.sealing.key"]
    words = ["license_issue", *keys, f"--platform={platform}", f"--issue={issue}", "--small=20"]
    issued = subprocess.run(
        [str(PYTHON), "manage.py", *words],
        cwd=REPOSITORY,
        env={**os.environ, **core.env},
        capture_output=True,
        text=True,
        check=True,
    )
    return issued.stdout.strip()


async def bring(page: Any, site: str, licence: str, issue: int) -> None:
    """Paste a licence, preview it, and load it."""
    await page.goto(f"{site}/admin/licensing/licence/add/")
    await page.locator("textarea[name=text]").fill(licence)
    await page.locator("main form button:not([name=load]), #content form button").first.click()
    await page.locator("[name=load]").click()
    await page.get_by_text(f"Licence {issue} is loaded").wait_for()


async def test_from_nothing_to_a_conference_in_the_browser_only(
    browser: Any, with_core: Stand
) -> None:
    core, east = with_core.sites["core"], with_core.sites["east"]
    before = live(east), seats(east)
    operator = next(a for a in core.demo["accounts"] if a["role"] == "operator")
    page = await signed_in(
        browser, f"{core.http}/admin/", operator["username"], operator["password"]
    )
    await tree_and_people(page, core.http)
    issue = licences.next_issue(east.vault.platform_moid, core, east)
    licence = licence_for(with_core, east.vault.platform_moid, issue)
    await sign_in_elsewhere_and_bring(page, operator, east.http, licence, issue)

    admin = await signed_in(browser, f"{core.http}/admin/", "acme-admin", PASSWORD)
    assert "acme-anna" in (people := await text_of_list(admin, core.http, "domains/account"))
    assert "acme-admin" in people
    assert operator["username"] not in people.split()
    tenants = await text_of_list(admin, core.http, "domains/userdomain")
    assert "Acme" in tenants
    assert "Demo tenant" not in tenants

    anna = await signed_in(browser, east.http, "acme-anna", PASSWORD, patience=20)
    await conference_of_two(browser, anna, east)
    assert anna.errors == []
    assert (live(east), seats(east)) == before


async def tree_and_people(page: Any, core: str) -> None:
    """Add a service domain, a platform, a tenant bound to east, its administrator and a person."""
    await add_row(page, core, "domains/servicedomain", name="Acme group", parent__="Demo service")
    north = {"name": "north", "parent__": "Demo service", "e164_prefix": "7700"}
    await add_row(page, core, "domains/platformdomain", **north)
    bound = {"name": "Acme", "parent__": "Acme group", "platform__": "east"}
    await add_row(page, core, "domains/userdomain", **bound)
    for name in ("acme-admin", "acme-anna"):
        account = {"username": name, "password1": PASSWORD, "password2": PASSWORD}
        tick = "is_staff" if name == "acme-admin" else ""
        await add_row(page, core, "domains/account", tick, **account, domain__="Acme")


async def sign_in_elsewhere_and_bring(
    page: Any, operator: Any, site: str, licence: str, issue: int
) -> None:
    """Let the operator load the licence at the platform itself."""
    await page.goto(f"{site}/admin/")
    await sign_in(page, operator["username"], operator["password"])
    await bring(page, site, licence, issue)


async def conference_of_two(browser: Any, anna: Any, east: Any) -> None:
    """Let anna start and join a conference, Ben join by its link, and anna end it."""
    await start_conference(anna, "Kick-off")
    mine = card(anna, "Kick-off")
    await mine.get_by_text("running").wait_for()
    async with anna.context.expect_page() as opened:
        await mine.get_by_role("link", name="Join").click()
    hers = await opened.value
    await join(hers)
    link = (await anna.evaluate("fetch('/console/live').then((r) => r.json())"))["confs"][0]["link"]
    ben = await enter(browser, link, "Ben")
    for page in (hers, ben):
        await page.get_by_text("2 people").wait_for()
        await page.wait_for_function(MOVING_PICTURES, arg=2)
        assert await page.evaluate(SOUND)
    await hers.get_by_text("acme-anna").first.wait_for()
    await mine.get_by_text("2 of 8 people").wait_for()
    await mine.get_by_role("button", name="Manage").click()
    await mine.get_by_role("button", name="Mute Ben").click()
    await ben.get_by_role("button", name="Unmute").wait_for()
    await shot(anna, "console")
    await mine.get_by_role("button", name="End", exact=True).click()
    await anna.get_by_role("button", name="End it").click()
    for page in (hers, ben):
        await page.get_by_text("This conference has ended").wait_for()
    await anna.get_by_text("No conference is held now").wait_for()
    await anna.get_by_role("link", name="Past conferences").click()
    await anna.get_by_role("link", name="Kick-off").click()
    for name in ("acme-anna", "Ben (guest)"):
        await anna.get_by_role("rowheader", name=name, exact=True).wait_for()

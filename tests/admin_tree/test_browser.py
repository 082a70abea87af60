"""A real browser opens the tree, fills in forms that fit their level, and tries a table, also in Chinese."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account, Domain, PlatformDomain
from tests.browser import CHROMIUM, FLAGS, PATIENCE_MS
from tests.media.pages import served
from tests.web_clients import Browser


@pytest.fixture
def site(transactional_db: None) -> Iterator[tuple[str, str]]:
    """Yield the whole site, and the session of a superuser."""
    from django.conf import settings
    from django.core.management import call_command

    if not os.path.exists(CHROMIUM):
        pytest.skip("needs Debian's chromium, which `make test` installs unless BROWSER=0")
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    client = Browser()
    client.force_login(Account.objects.get(username="admin"))
    with served() as address:
        yield address, client.cookies[settings.SESSION_COOKIE_NAME].value


def is_blocked(line: Any) -> bool:
    """Return whether the browser reports that the page's policy has blocked something."""
    return "Content Security Policy" in line.text


async def opened(started: Any, site: tuple[str, str], path: str) -> Any:
    """Return a page of somebody who has signed in."""
    address, session = site
    context = await started.new_context(viewport={"width": 1400, "height": 900})
    await context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: page.errors.append(line.text) if is_blocked(line) else None)
    await page.goto(address + path)
    return page


async def go(page: Any, site: tuple[str, str], path: str) -> None:
    """Go to another page."""
    await page.goto(site[0] + path)


async def test_an_operator_browses_and_imports(site: tuple[str, str], tmp_path: Path) -> None:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await opened(browser, site, "/admin/domains/domain/tree/")
        await _the_tree(page)
        await _the_form(page)
        await _the_table(page, site, tmp_path)
        await _the_trail(page, site)
        await _in_chinese(page)
        await _other_pages(page, site)
        assert page.errors == []
        await browser.close()


async def _the_tree(page: Any) -> None:
    """Check that the branch below the service domain is loaded when it is opened."""
    tree = page.get_by_role("tree", name="Tree of domains")
    tenant = tree.get_by_role("link", name="Demo tenant", exact=True)
    assert await tenant.count() == 0
    await tree.get_by_role("button", name="What is below Demo service").click()
    await tenant.wait_for()
    await page.get_by_label("Find a domain").fill("Demo ten")
    await page.get_by_role("button", name="Search", exact=True).click()
    await page.get_by_role("link", name="Demo tenant", exact=True).click()


async def _the_form(page: Any) -> None:
    """Check that the form shows the path of its domain, and leads up and to a new one below."""
    line = page.get_by_role("navigation", name="Where it stands")
    await line.get_by_role("link", name="Demo service").click()
    below = page.get_by_role("link", name="Add a platform domain below")
    await below.wait_for()
    assert await page.get_by_label("Number prefix").count() == 0
    await below.click()
    await page.locator("[name=e164_prefix]").wait_for()


async def _the_table(page: Any, site: tuple[str, str], folder: Path) -> None:
    """Try a table with a bad row, then import a good table."""
    parent = Domain.objects.aget
    service = (await parent(name="Demo service")).pk
    platform = (await PlatformDomain.objects.afirst()).pk  # type: ignore[union-attr]
    file = folder / "tenants.csv"
    for rows, button in ((f"Bad,{DEMO_TENANT}", "Try it"), (f"Good,{service}", "Import it")):
        file.write_text(f"name,parent,platform\n{rows},{platform}\n")
        await go(page, site, "/admin/domains/userdomain/import/")
        await page.locator("[name=import_file]").set_input_files(file)
        await page.get_by_label("Format").select_option("csv")
        await page.get_by_role("button", name="Try it").click()
        if button == "Try it":
            table = page.get_by_role("table", name="Bad rows")
            assert "Choose a service domain above it." in await table.inner_text()
        else:
            await page.get_by_role("button", name=button).click()
    await page.get_by_text("Imported: 1 new, 0 changed.").wait_for()


async def _the_trail(page: Any, site: tuple[str, str]) -> None:
    """Assert that the audit trail names the import."""
    await go(page, site, "/admin/auditlog/logentry/")
    row = page.get_by_role("row").filter(has_text="Good")
    assert "admin" in await row.first.inner_text()


async def _other_pages(page: Any, site: tuple[str, str]) -> None:
    """Assert that the policy allows pages whose scripts come from libraries."""
    for path in ("/admin/", f"/admin/domains/userdomain/{DEMO_TENANT}/change/"):
        await go(page, site, path)
    await go(page, site, "/api/docs/")
    await page.locator("#operations-tag-mc").click()
    await page.get_by_text("/api/v1/mc/confs").first.wait_for()


async def _in_chinese(page: Any) -> None:
    """Switch the language at the account's menu, and assert that the page is Chinese."""
    await page.evaluate(
        """async () => {
          const form = document.querySelector('form input[value="zh-hans"]').closest('form');
          form.submit();
        }"""
    )
    await page.get_by_role("link", name="审计日志").first.wait_for()

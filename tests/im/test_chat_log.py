"""From pushes and fetches in any order, the chat page's log becomes what the platform has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser import PATIENCE_MS

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "/log.js": ROOT / "im/pages/static/im/log.js",
    "/unsent.js": ROOT / "im/pages/static/im/unsent.js",
    "/world.js": ROOT / "tests/im/log_world.js",
}
WORLDS = 500

pytestmark = pytest.mark.e2e


@pytest.fixture
async def page(browser: Any) -> Any:
    """Return an empty page with our scripts beside it."""
    page = await browser.new_page()
    page.set_default_timeout(PATIENCE_MS)

    async def give(route: Any) -> None:
        path = "/" + route.request.url.rsplit("/", 1)[1]
        if path in SCRIPTS:
            await route.fulfill(path=str(SCRIPTS[path]))
        else:
            await route.fulfill(body="<!doctype html>", content_type="text/html")

    await page.route("**/*", give)
    await page.goto("https://chat.example/")
    return page


async def test_a_device_shows_what_the_platform_has_once_and_in_order(page: Any) -> None:
    shown = await page.evaluate(
        """async (worlds) => {
          const { run } = await import("/world.js");
          for (let seed = 0; seed < worlds; seed++) run(seed);
          return worlds;
        }""",
        WORLDS,
    )
    assert shown == WORLDS


async def test_what_is_not_answered_outlives_a_reload_and_keeps_its_id(page: Any) -> None:
    shown = await page.evaluate(
        """async () => {
          const { Unsent } = await import("/unsent.js");
          const first = new Unsent("anna", sessionStorage);
          const made = [1, 2, 3, 4].map((n) => first.add("msg", { conversation_id: "1", body: `${n}` }));
          const [one, two, three, four] = made.map(({ data }) => data.client_msg_id);
          first.drop(one);
          first.refuse(two, "muted");
          first.placed(three, 7);
          const again = new Unsent("anna", sessionStorage);
          const bodies = (some) => [...some].map(({ data }) => data.body);
          return {
            same: [...again.waiting()][0].data.client_msg_id === four,
            waiting: bodies(again.waiting()),
            shown: bodies(again.messages("1")),
            foreign: bodies(new Unsent("ben", sessionStorage).waiting()),
          };
        }"""
    )
    assert shown == {"same": True, "waiting": ["4"], "shown": ["2", "3", "4"], "foreign": []}

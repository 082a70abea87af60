"""The player of a recording, in a browser: chapters, speed, keys, a narrow window, and a film being made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import orjson
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.core.management import call_command
from pytest_django import Settings

from conferences.data import recording_store
from conferences.models import Recording
from domains.models import Account
from foundation.cells.directory import own_platform
from media_unit.film_hls import write_hls
from tests.admin.conftest import conference_row
from tests.browser import PATIENCE_MS, person_of
from tests.console.test_past import browser_of

pytestmark = pytest.mark.e2e
RECORDING = "b" * 32
SECONDS = 60


@pytest.fixture
def recorded(transactional_db: None, live_server: Any, settings: Settings, tmp_path: Path) -> str:
    """Let a conference of anna's have a film of a minute, with chapters; return the address of its page."""
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    settings.PUBLIC_URL, settings.RECORDINGS = live_server.url, str(tmp_path)
    anna = Account.objects.get(username="anna")
    row = conference_row(own_platform(), confid="held", creator_moid=anna.moid, name="Board")
    folder = recording_store.folder_of(RECORDING)
    folder.mkdir(parents=True)
    write_film(folder / "film.mp4")
    write_hls(folder / "film.mp4")
    chapters = [
        {"at": 0.0, "kind": "begin"},
        {"at": 20.0, "kind": "join", "name": "Ben <b>"},
        {"at": 40.0, "kind": "gap", "seconds": 7.0},
    ]
    (folder / "chapters.json").write_bytes(orjson.dumps(chapters))
    Recording.objects.create(
        id=RECORDING,
        confid="held",
        e164=row.e164,
        name="Board",
        user_domain=row.user_domain,
        begun_at=datetime.now(UTC),
        state="done",
        film_bytes=(folder / "film.mp4").stat().st_size,
        film_ms=SECONDS * 1000,
    )
    return f"{live_server.url}/console/recordings/{RECORDING}/"


def write_film(path: Path) -> None:
    """Write a film that shows nothing, a key frame each two seconds, as the film program's have them."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        options = {"preset": "ultrafast", "x264-params": "keyint=10:min-keyint=10"}
        stream = container.add_stream("libx264", rate=5, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        picture = av.VideoFrame(320, 180, "yuv420p")
        for number in range(5 * SECONDS):
            picture.pts, picture.time_base = number, Fraction(1, 5)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


async def open_page(browser: Any, address: str) -> Any:
    """Open the page of the recording in a narrow window in which anna has signed in."""
    page = await person_of(browser, width=390, height=800)
    session = await sync_to_async(
        lambda: browser_of("anna").cookies[django_settings.SESSION_COOKIE_NAME].value
    )()
    name = django_settings.SESSION_COOKIE_NAME
    await page.context.add_cookies([{"name": name, "value": session, "url": address}])
    await page.goto(address)
    return page


async def becomes_true(page: Any, script: str) -> None:
    """Wait until a script's value is true; the page's own policy forbids Playwright to wait for it."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not await page.evaluate(script):
            await asyncio.sleep(0.05)


async def test_a_person_watches_by_chapters_speed_and_keys_in_a_narrow_window(
    browser: Any, recorded: str
) -> None:
    page = await open_page(browser, recorded)
    await becomes_true(page, "document.getElementById('film').readyState >= 1")
    assert await page.evaluate("document.getElementById('film').duration") == pytest.approx(60, 1)
    await page.get_by_role("button", name="0:20 Ben <b> joins").click()
    await becomes_true(page, "document.getElementById('film').currentTime >= 20")
    await becomes_true(
        page, "document.querySelector('#chapters [aria-current]')?.textContent.includes('joins')"
    )
    await page.locator("#speed").select_option("2")
    assert await page.evaluate("document.getElementById('film').playbackRate") == 2
    await page.locator("#film-title").click()
    await page.keyboard.press("n")
    await becomes_true(page, "document.getElementById('film').currentTime >= 40")
    await page.keyboard.press("<")
    assert await page.evaluate("document.getElementById('film').playbackRate") == 1.5
    await page.keyboard.press("k")
    await becomes_true(page, "document.getElementById('film').paused")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.errors == []


async def test_the_page_follows_a_film_that_is_being_made_until_it_is_ready(
    browser: Any, recorded: str
) -> None:
    change: Callable[..., Any] = sync_to_async(lambda **row: Recording.objects.update(**row))
    await change(state="running", progress=10, film_bytes=0)
    page = await open_page(browser, recorded)
    await page.locator("progress[value='10']").wait_for()
    assert await page.locator("video").count() == 0
    await change(progress=60)
    await page.locator("output", has_text="60 %").wait_for()
    await change(state="done", film_bytes=1)
    await page.locator("video").wait_for()
    assert page.errors == []

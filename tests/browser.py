"""A real browser for tests: Debian's Chromium with a simulated camera and microphone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-dev-shm-usage",
]

PATIENCE_MS = 90_000
"""A page that has not done in this time what is waited for is broken, on however slow a machine."""


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    """Start a headless Chromium."""
    if not os.path.exists(CHROMIUM):
        pytest.skip("needs Debian's chromium, which `make test` installs unless BROWSER=0")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        await started.close()


async def person_of(browser: Any, width: int = 1100, height: int = 700) -> Any:
    """Open a page with cookies of its own; its `errors` are those of its scripts and its security policy."""
    context = await browser.new_context(
        permissions=["camera", "microphone"], viewport={"width": width, "height": height}
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    note_errors(page)
    return page


def note_errors(page: Any) -> None:
    """Note in `page.errors` the errors of a page's scripts, and what its Content Security Policy forbids."""
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on(
        "console",
        lambda line: "Content Security Policy" in line.text and page.errors.append(line.text),
    )


async def enter(browser: Any, url: str, name: str, password: str = "") -> Any:
    """Open a conference's page and press Join."""
    page = await person_of(browser)
    await page.goto(url)
    await join(page, name, password)
    return page


async def join(page: Any, name: str = "", password: str = "") -> None:
    """Press Join on the join page."""
    if name:
        await page.get_by_label("Your name").fill(name)
    if password:
        await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Join", exact=True).click()


async def sees(page: Any, text: str) -> None:
    """Wait for a text; if it does not come, say what the page shows instead."""
    try:
        await page.get_by_text(text).wait_for()
    except Exception as error:
        shown = await page.evaluate("document.body.innerText")
        raise AssertionError(f"no {text!r} at {page.url}, but: {shown}") from error


MOVING_PICTURES = """(wanted) => {
  const shown = [...document.querySelectorAll(".tile video")].filter((v) => !v.hidden);
  return shown.length === wanted && shown.every((v) => v.videoWidth > 0 && v.currentTime > 0.3);
}"""
"""JavaScript: whether so many pictures are shown, and all of them move."""


SOUND = """async () => {
  const listening = new AudioContext();
  const ear = listening.createAnalyser();
  listening.createMediaStreamSource(document.getElementById("mix").srcObject).connect(ear);
  const heard = new Float32Array(ear.fftSize);
  for (const ends = Date.now() + 60000; Date.now() < ends; await new Promise((r) => setTimeout(r, 50))) {
    ear.getFloatTimeDomainData(heard);
    if (Math.max(...heard) > 0.01) return true;
  }
  return false;
}"""
"""JavaScript: whether the others, whose simulated microphones beep, are heard within a minute."""


async def shot(page: Any, name: str) -> None:
    """Save a picture of the page, if SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png")

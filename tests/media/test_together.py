"""Two people do things together in a call, which moves to another unit; all is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from conferences.data.join_links import join_link
from conferences.pages import entrance, in_call
from domains.data.hooks import RunningConference
from domains.management.commands.load_demo import DEMO_TENANT
from im.flows import conferences
from tests.browser import enter, join, person_of, shot
from tests.im.http.town import someone
from tests.media.conftest import Platform, Unit
from tests.media.page_scripts import ELEMENT_STEPS, ELEMENT_STORY, TEXT_STEPS, TEXT_STORY
from tests.media.pages import restore, served
from tests.media.whereabouts import Whereabouts
from tests.web_clients import Browser

NEWS = entrance.news_for_insiders


@pytest.fixture
def kept_conference(
    transactional_db: None, platform: str, conference: Whereabouts, monkeypatch: pytest.MonkeyPatch
) -> Whereabouts:
    """Return a conference whose conversation lies in the database."""
    conference.platform, conference.user_domain = platform, DEMO_TENANT
    monkeypatch.setattr(entrance, "news_for_insiders", NEWS)
    monkeypatch.setattr(in_call, "join_info", conference)
    monkeypatch.setattr(in_call, "is_served_here", lambda platform: True)
    about = RunningConference("c1", 1, "Weekly Board", DEMO_TENANT, "", frozenset())
    conferences._find_or_create_conversation("default", about)
    return conference


async def test_what_people_do_together_in_a_call_survives_its_unit(
    browser: Any,
    unit: Unit,
    units: Callable[[str], Unit],
    platform_side: Platform,
    kept_conference: Whereabouts,
) -> None:
    await units("u2").start()
    platform_side.hear_of_people = kept_conference.note_present
    kept_conference.join = (await platform_side.creates("u1"))["join"]
    with served() as site:
        url = site + join_link("c1", "8800001")
        anna = await person_of(browser)
        await sign_in(anna, site)
        await anna.goto(url)
        await join(anna, "Anna")
        ben = await person_of(browser, width=390, height=780)
        await ben.goto(url)
        await join(ben, "Ben")
        for page in (anna, ben):
            await page.get_by_text("2 people").wait_for(state="attached")
        await chat(anna, ben)
        await hold_poll(anna, ben)
        await write_notes(anna, ben)
        await draw_on_board(anna, ben)

        kept_conference.state = "pending_restore"
        listed = (await platform_side.controls("u1", "GETMTLIST"))["mts"]
        unit.kill_janus()
        await anna.get_by_text("The conference is moving").wait_for()
        await draw(anna, "Rectangle", (0.6, 0.6), (0.9, 0.9))
        kept_conference.join = await restore(platform_side, listed[0]["mtid"], listed, {})
        kept_conference.state = "running"
        await anna.get_by_text("You are in the conference").wait_for()
        cara = await enter(browser, url, "Cara")
        await chat_is_kept(anna, cara)
        await poll_is_kept(anna, cara)
        await notes_and_board_are_kept(anna, ben, cara)
        for page in (anna, ben, cara):
            assert page.errors == []


async def sign_in(page: Any, site: str) -> None:
    """Sign in as Anna, who has an account of the tenant."""
    browser = Browser()
    await sync_to_async(browser.force_login)(await sync_to_async(lambda: someone("anna").account)())
    session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    await page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}]
    )


async def chat(anna: Any, ben: Any) -> None:
    """Let Anna write while Ben's chat is closed, and Ben answer on a phone, by keyboard alone."""
    await anna.get_by_role("button", name="Chat", exact=True).wait_for()
    await anna.keyboard.press("c")
    await anna.keyboard.type("Coffee at ten?")
    await anna.keyboard.press("Enter")
    await ben.get_by_text(": Coffee at ten?").wait_for()
    await ben.get_by_role("button", name="Chat, unread messages: 1").wait_for()
    await ben.keyboard.press("c")
    await ben.locator("#chat-log").get_by_text("Coffee at ten?").wait_for()
    await shot(ben, "chat-phone")
    await ben.keyboard.type("Yes")
    await ben.keyboard.press("Enter")
    await anna.locator("#chat-log").get_by_text("Yes").wait_for()
    await shot(anna, "chat")
    assert await ben.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await ben.keyboard.press("Escape")
    await ben.get_by_role("button", name="Chat", exact=True).wait_for()


async def chat_is_kept(anna: Any, cara: Any) -> None:
    """See that who comes later reads all, and that writing goes on."""
    await cara.get_by_role("button", name="Chat", exact=True).click()
    await cara.locator("#chat-log").get_by_text("Coffee at ten?").wait_for()
    await cara.get_by_label("Message to all").fill("Me too")
    await cara.get_by_role("button", name="Send").click()
    await anna.locator("#chat-log").get_by_text("Me too").wait_for(state="attached")


async def hold_poll(anna: Any, ben: Any) -> None:
    """Let Anna, who has an account, ask, and the guest Ben vote, and think better of it."""
    await anna.keyboard.press("Escape")
    await anna.keyboard.press("o")
    await anna.get_by_text("Ask something").click()
    await anna.get_by_label("Question").fill("Where?")
    await anna.get_by_label("Answers, one a line").fill("Here\nThere\nNowhere")
    await anna.get_by_role("button", name="Ask everybody").click()
    await ben.get_by_text("A question to all: Where?").wait_for()
    await ben.keyboard.press("o")
    await ben.get_by_role("radio", name="Here", exact=False).first.check()
    await anna.get_by_text("1 · 100 %").wait_for()
    await ben.locator("#polls").get_by_role("radio").nth(1).check()
    await anna.locator("#polls").get_by_role("radio").nth(0).check()
    await ben.get_by_text("1 · 50 %").nth(1).wait_for()
    await shot(ben, "poll-phone")
    await shot(anna, "poll")
    assert await ben.get_by_text("Ask something").is_hidden()
    assert await ben.get_by_role("button", name="Close this poll").count() == 0
    assert await ben.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def poll_is_kept(anna: Any, cara: Any) -> None:
    """See that who comes later sees the result, that Anna closes the poll, and that the focus stays in the panel."""
    await cara.get_by_role("button", name="More").click()
    await cara.get_by_role("button", name="Polls").click()
    await cara.get_by_text("1 · 50 %").nth(1).wait_for()
    await cara.locator("#polls").get_by_text("Ben (guest)").wait_for()
    await anna.keyboard.press("o")
    await anna.get_by_role("button", name="Close this poll").click()
    await cara.get_by_text("Votes: 2 · closed").wait_for()
    assert await cara.locator("#polls").get_by_role("radio").nth(2).is_disabled()


async def write_notes(anna: Any, ben: Any) -> None:
    """Let Anna and Ben, whose page speaks Chinese, write into one text, until Anna lets the others only read."""
    await ben.keyboard.press("Escape")
    await ben.locator("#language").select_option("zh-hans")
    await anna.keyboard.press("Escape")
    await anna.keyboard.press("n")
    await anna.locator("#notes-text:not([readonly])").wait_for()
    await anna.keyboard.type("Agenda: budget")
    await ben.get_by_text("有人在写共享笔记").wait_for()
    await ben.get_by_role("button", name="更多").click()
    await ben.get_by_role("button", name="共享笔记").click()
    await notes_are(ben, "Agenda: budget")
    await ben.get_by_role("textbox", name="大家一起写的笔记").press("Control+Home")
    await asyncio.gather(anna.get_by_text("Ben writes…").wait_for(), ben.keyboard.type("会议 "))
    await notes_are(anna, "会议 Agenda: budget")
    await anna.keyboard.type(", coffee")
    await notes_are(ben, "会议 Agenda: budget, coffee")
    await shot(ben, "notes-phone")
    await shot(anna, "notes")
    await anna.locator("#notes-read-only").check()
    await ben.get_by_text("您只能阅读。").wait_for()
    assert await ben.locator("#notes-text[readonly]").count() == 1
    assert await ben.locator("#notes-clear").is_hidden()
    assert await ben.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await anna.locator("#notes-read-only").uncheck()
    await ben.locator("#notes-text:not([readonly])").wait_for()


async def notes_are(page: Any, text: str) -> None:
    """Wait until a page shows this text as the notes."""
    await page.wait_for_function(
        "(text) => document.getElementById('notes-text').value === text", arg=text
    )


async def draw_on_board(anna: Any, ben: Any) -> None:
    """Let Anna draw, type and undo, and Ben rub out on a phone; each sees what the other does."""
    assert await anna.evaluate(TEXT_STEPS) == TEXT_STORY
    assert await anna.evaluate(ELEMENT_STEPS) == ELEMENT_STORY
    await anna.locator("#notes").press("Escape")
    await anna.keyboard.press("b")
    await anna.get_by_role("button", name="Pen").wait_for()
    await draw(anna, "Pen", (0.1, 0.1), (0.2, 0.3), (0.4, 0.1))
    await ben.locator("#notes").press("Escape")
    await ben.get_by_role("button", name="更多").click()
    await ben.get_by_role("button", name="白板").click()
    await ben.locator("#board-elements polyline").first.wait_for(state="attached")
    await draw(ben, "直线", (0.1, 0.5), (0.9, 0.5))
    await elements_are(anna, "line", 1)
    await anna.get_by_role("button", name="Text").click()
    await anna.keyboard.type("预算 2027")
    await anna.keyboard.press("Enter")
    await ben.locator("#board-elements").get_by_text("预算 2027").wait_for(state="attached")
    await shot(ben, "board-phone")
    await shot(anna, "board")
    assert await ben.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await anna.get_by_role("button", name="Undo").click()
    await elements_are(ben, "text", 0)
    await draw(ben, "橡皮", (0.5, 0.4), (0.5, 0.5))
    await elements_are(anna, "line", 0)
    async with anna.expect_download() as saved:
        await anna.get_by_role("button", name="Save as picture").click()
    assert (await saved.value).suggested_filename == "whiteboard.png"


async def draw(page: Any, tool: str, *points: tuple[float, float]) -> None:
    """Choose a tool, and draw with it from point to point, each a part of the width and height of the whiteboard."""
    await page.get_by_role("button", name=tool, exact=True).click()
    box = await page.locator("#board-picture > rect").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    await page.mouse.move(*places[0])
    await page.mouse.down()
    for place in places[1:]:
        await page.mouse.move(*place, steps=4)
    await page.mouse.up()


async def elements_are(page: Any, kind: str, count: int) -> None:
    """Wait until a page shows so many elements of a kind on its whiteboard."""
    await page.wait_for_function(
        "([kind, count]) => document.querySelectorAll(`#board-elements ${kind}`).length === count",
        arg=[kind, count],
    )


async def notes_and_board_are_kept(anna: Any, ben: Any, cara: Any) -> None:
    """See that what was written before the failure and while the call was away is on all pages."""
    await elements_are(ben, "rect", 1)
    await cara.locator("#polls").press("Escape")
    await cara.keyboard.press("n")
    await notes_are(cara, "会议 Agenda: budget, coffee")
    await cara.locator("#notes").press("Escape")
    await cara.keyboard.press("b")
    await elements_are(cara, "rect", 1)
    assert await cara.locator("#board-elements polyline").count() >= 1
    await anna.keyboard.press("Escape")
    await anna.keyboard.press("b")
    await anna.get_by_role("button", name="Clear", exact=True).click()
    await anna.get_by_role("button", name="Press again to clear it for all").click()
    for page in (ben, cara):
        await elements_are(page, "*", 0)

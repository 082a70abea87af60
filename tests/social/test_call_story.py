"""Two people call each other in browsers, on a real site with media units: they ring, hear each other, and hang up."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from deploy.stand.site import Site
from im.conformance.device import Device
from im.conformance.person import Person
from tests.browser import SOUND, shot
from tests.console.steps import signed_in
from tests.im.killed import PASSWORD

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("calls")]

IS_UP = "() => document.getElementById('call-view').dataset.media === 'up'"
WAYS = ("amqp", "mqtt", "stomp", "web_stomp")


def password_of(site: Site, name: str) -> str:
    """Return the password of a person of the demonstration, or of those added for the tests."""
    known = {account["username"]: account["password"] for account in site.demo["accounts"]}
    return str(known.get(name, PASSWORD))


async def page_of(browser: Any, site: Site, name: str, path: str = "/chat/") -> Any:
    """Open a page of a person, signed in; on the chat page its connection is up."""
    page = await signed_in(browser, f"{site.http}{path}", name, password_of(site, name))
    if path == "/chat/":
        await page.locator("body[data-line=up]").wait_for()
    return page


async def calls(page: Any, site: Site, name: str) -> None:
    """Open the conversation with a person, and press the button that calls."""
    await page.get_by_role("button", name="New conversation").click()
    await page.get_by_label("With whom").fill(name)
    await page.get_by_role("button", name="Begin", exact=True).click()
    await page.locator("#talk-tools").get_by_role("button", name="Call", exact=True).click()


async def hears(page: Any) -> None:
    """Wait until the page is in the conference, and the other one's tone is heard."""
    await page.wait_for_function(IS_UP)
    await page.wait_for_function("() => document.getElementById('mix').srcObject")
    assert await page.evaluate(SOUND)


async def test_all_pages_ring_one_answers_and_both_hear_each_other(
    browser: Any, call_site: Site
) -> None:
    anna = await page_of(browser, call_site, "anna")
    chat = await page_of(browser, call_site, "ben")
    console = await page_of(browser, call_site, "ben", "/console/")
    await calls(anna, call_site, "ben")
    for page in (chat, console):
        await page.locator("#ringing[open]").wait_for()
        await page.get_by_text("anna is calling").wait_for()
    await anna.get_by_text("It rings…").wait_for()
    await shot(chat, "ringing")
    answered = time.monotonic()
    await chat.get_by_role("button", name="Accept", exact=True).press("Enter")
    await console.locator("#ringing:not([open])").wait_for(state="attached")
    silent_after = time.monotonic() - answered
    await asyncio.gather(hears(anna), hears(chat))
    heard_after = time.monotonic() - answered
    await shot(anna, "call")
    await chat.get_by_role("button", name="Hang up").click()
    for page in (anna, chat):
        await page.locator("#call-view").wait_for(state="hidden")
    await anna.locator("#log .event").filter(has_text="Call, 0:").first.wait_for()
    print(f"\nsilent elsewhere after {silent_after:.2f} s, both heard after {heard_after:.2f} s")
    assert silent_after < 3  # 1 s on a machine that does nothing else
    assert anna.errors == chat.errors == console.errors == []


async def test_a_missed_call_shows_on_a_phone_and_a_message_is_left(
    browser: Any, call_site: Site
) -> None:
    dora = await page_of(browser, call_site, "dora")
    emil = await page_of(browser, call_site, "emil")
    await emil.set_viewport_size({"width": 390, "height": 760})
    await calls(dora, call_site, "emil")
    await emil.locator("#ringing[open]").wait_for()
    await shot(emil, "ringing-phone")
    await dora.get_by_role("button", name="Hang up").click()
    await emil.locator("#ringing:not([open])").wait_for(state="attached")
    await emil.get_by_text("Missed call").first.wait_for()
    await emil.context.set_offline(True)
    assert emil.errors == dora.errors == []


def device_of(site: Site, name: str, way: str) -> Device:
    """Return a connected device of a person."""
    device = Device(Person(site.http, name, password_of(site, name)), way)
    device.wait(lambda: device.connected)
    return device


def notices(device: Device, cmd: str, call: str) -> list[Any]:
    """Return the notices of a kind that a device has got about a call."""
    return [n["data"] for n in device.beside if n["cmd"] == cmd and n["data"]["call_id"] == call]


def test_devices_of_all_protocols_ring_one_answers_by_the_broker_and_all_are_told(
    call_site: Site,
) -> None:
    caller = Person(call_site.http, "fay", PASSWORD)
    devices = [device_of(call_site, "dora", way) for way in WAYS]
    dora = devices[0].person
    try:
        wanted = {"user": dora.id, "device": "f1"}
        call = caller.call("POST", "calls", wanted, app="social")["call"]
        number = call["call_id"]
        for device in devices:
            device.wait(lambda device=device: notices(device, "call.ringing", number))  # type: ignore[misc]
        answering = devices[1]
        said = {"act": "answer", "call_id": number, "device": answering.name}
        answering.send_command("call", "0", **said)
        for device in devices:
            device.wait(lambda device=device: notices(device, "call.answered", number))  # type: ignore[misc]
            assert notices(device, "call.answered", number)[0]["answered_by"] == answering.name
        path = f"calls/{number}"
        media = caller.call("GET", f"{path}/media", app="social")
        assert media["call"]["has_media"]
        assert media["media"]["join"]["webrtc"]["audioroom"]
        late = devices[2].person
        ended = late.call("POST", f"{path}/hangup", app="social")["call"]
        assert (ended["reason"], ended["ended_by"]) == ("hung_up", dora.id)
        for device in devices:
            device.wait(lambda device=device: notices(device, "call.ended", number))  # type: ignore[misc]
        assert caller.call("GET", f"{path}/media", app="social")["state"] == "ended"
    finally:
        for device in devices:
            device.close()

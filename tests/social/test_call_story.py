"""Two people call each other in browsers, on a real site with media units: they ring, hear each other, and hang up."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from deploy.stand.site import Site
from im.conformance.device import Device
from im.conformance.person import Person, Refused
from tests.browser import SOUND, shot
from tests.console.steps import signed_in
from tests.http.program import Program
from tests.im.killed import PASSWORD
from tests.media.people import until
from tests.stories.faults import BY_NAME

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("calls")]

IS_UP = "() => document.getElementById('call-view').dataset.media === 'up'"
WAYS = ("amqp", "mqtt", "stomp", "web_stomp")


LISTENED = 6
"""A page is listened to so often, some seconds each time, until it counts as silent."""
COUNT_PEERS = """() => {
  window.peers = [];
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(setup, ...more) {
      super(setup, ...more);
      this.isDirect = (setup?.iceServers ?? []).length > 0;
      window.peers.push(this);
    }
  };
}"""
"""JavaScript: remember the connections that the page opens from now on."""


def last_number(site: Site) -> str:
    """Return the number of the conference that carried the newest call."""
    query = "SELECT e164 FROM social_call WHERE e164<>'' ORDER BY id DESC LIMIT 1"
    return str(site.mariadb.sql(query, schema=site.name)).split()[-1]


def is_live(site: Site, e164: str) -> bool:
    """Return whether there is a conference with this number."""
    query = f"SELECT state FROM conferences_conference WHERE live_e164='{e164}'"
    return bool(str(site.mariadb.sql(query, schema=site.name)).strip())


def kill_unit(site: Site) -> None:
    """Kill the Janus that carries the only call of the site."""
    query = "SELECT unit_pid FROM conferences_conference WHERE live_e164 IS NOT NULL"
    unit = str(site.mariadb.sql(query, schema=site.name)).split()[-1]
    BY_NAME["Janus killed -9"].strike(site, unit)


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


async def calls(page: Any, name: str) -> None:
    """Open the conversation with a person, and press the button that calls."""
    await page.get_by_role("button", name="New conversation").click()
    await page.get_by_label("With whom").fill(name)
    await page.get_by_role("button", name="Begin", exact=True).click()
    await page.locator("#talk-tools").get_by_role("button", name="Call", exact=True).click()


async def sounds(page: Any, listen: str) -> bool:
    """Return whether the page plays a tone within some seconds. `listen`: SOUND, or the same for another element."""
    for _ in range(LISTENED):
        if await page.evaluate(listen):
            return True
    return False


async def hears(page: Any) -> None:
    """Wait until the page is in the conference, and the other one's tone is heard.

    For a moment after its unit was killed a page still believes to be in, so it is listened to again.
    """
    for _ in range(LISTENED):
        await page.wait_for_function(IS_UP)
        await page.wait_for_function("() => document.getElementById('mix').srcObject")
        if await page.evaluate(SOUND):
            return
    raise AssertionError("the page hears nothing")


async def test_all_pages_ring_one_answers_and_both_hear_each_other(
    browser: Any, call_site: Site
) -> None:
    anna = await page_of(browser, call_site, "anna")
    chat = await page_of(browser, call_site, "ben")
    console = await page_of(browser, call_site, "ben", "/console/")
    await calls(anna, "ben")
    for page in (chat, console):
        await page.locator("#ringing[open]").wait_for()
        await page.get_by_text("anna is calling").wait_for()
        assert await page.title() == "anna is calling"
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
    number = last_number(call_site)
    assert await until(lambda: not is_live(call_site, number))
    print(f"\nsilent elsewhere after {silent_after:.2f} s, both heard after {heard_after:.2f} s")
    assert silent_after < 3  # 1 s on a machine that does nothing else
    assert anna.errors == chat.errors == console.errors == []


async def test_after_a_missed_call_a_message_is_left_and_heard_on_a_phone(
    browser: Any, call_site: Site
) -> None:
    dora = await page_of(browser, call_site, "dora")
    emil = await page_of(browser, call_site, "emil")
    await emil.set_viewport_size({"width": 390, "height": 760})
    await calls(dora, "emil")
    await emil.locator("#ringing[open]").wait_for()
    await shot(emil, "ringing-phone")
    due = "UPDATE social_call SET ring_until=created_at, due_at=created_at WHERE state<>'ended'"
    call_site.mariadb.sql(due, call_site.name)  # as if the minute was over
    await dora.get_by_text("emil does not answer.").wait_for()
    await emil.locator("#ringing:not([open])").wait_for(state="attached")
    await dora.get_by_role("button", name="Leave a message").click()
    await dora.get_by_text("Recording 0:04").wait_for()
    await dora.get_by_role("button", name="Send the message").click()
    await dora.get_by_text("Your message is left.").wait_for()
    await emil.locator("#mailbox-count", has_text="1").wait_for()
    await emil.locator("#talks .entry").filter(has_text="dora").click()
    await emil.get_by_text("Missed call from dora").wait_for()
    await shot(emil, "missed-phone")
    await emil.get_by_role("button", name="Back to the list").click()
    await emil.locator("#mailbox-open").click()
    await shot(emil, "mailbox-phone")
    await emil.locator("#mailbox-list audio").evaluate("(audio) => audio.play()")
    await emil.locator("#mailbox-list li.heard").wait_for()
    await emil.locator("#mailbox-count").wait_for(state="hidden")
    assert emil.errors == dora.errors == []


async def test_a_talk_goes_directly_and_back_over_the_relay_and_outlives_its_unit(
    browser: Any, call_site: Site
) -> None:
    anna = await page_of(browser, call_site, "anna")
    ben = await page_of(browser, call_site, "ben")
    for page in (anna, ben):
        await page.evaluate(COUNT_PEERS)
    await calls(anna, "ben")
    await ben.get_by_role("button", name="Accept", exact=True).click()
    await asyncio.gather(hears(anna), hears(ben))
    for page in (anna, ben):
        await page.locator("#call-view[data-path=direct]").wait_for()
        assert await sounds(page, SOUND.replace('"mix"', '"direct"'))
    await anna.evaluate("() => window.peers.filter((peer) => peer.isDirect).at(-1).close()")
    for page in (anna, ben):
        await page.locator("#call-view[data-path=relay]").wait_for()
        assert await page.evaluate("() => !document.getElementById('mix').muted")
    assert await sounds(anna, SOUND)
    began = time.monotonic()
    kill_unit(call_site)
    await anna.locator("#call-view[data-media=lost]").wait_for()
    await asyncio.gather(hears(anna), hears(ben))
    print(f"\nheard again {time.monotonic() - began:.1f} s after the unit was killed")
    await ben.get_by_role("button", name="Hang up").click()
    await anna.locator("#call-view").wait_for(state="hidden")
    assert anna.errors == ben.errors == []


def social(person: Person, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Make a call under `/api/v1/social/`. Raises Refused."""
    return person.call(method, path, body, app="social")


def device_of(site: Site, name: str, way: str) -> Device:
    """Return a connected device of a person."""
    device = Device(Person(site.http, name, password_of(site, name)), way)
    device.wait(lambda: device.connected)
    return device


def notices(device: Device, cmd: str, call: str) -> list[Any]:
    """Return the notices of a kind that a device has got about a call."""
    return [n["data"] for n in device.beside if n["cmd"] == cmd and n["data"]["call_id"] == call]


def test_a_call_grows_and_goes_on_until_one_is_left(call_site: Site) -> None:
    people = [Person(call_site.http, name, PASSWORD) for name in ("fay", "dora", "emil")]
    fay, dora, emil = people
    devices = [Device(person, "amqp") for person in people]
    try:
        for device in devices:
            device.wait(lambda device=device: device.connected)  # type: ignore[misc]
        first = social(fay, "POST", "calls", {"user": dora.id, "device": "f1"})["call"]["call_id"]
        media = social(dora, "POST", f"calls/{first}/answer", {"device": "d1"})["media"]
        wanted = {"users": [emil.id], "device": "d1"}
        [added] = social(dora, "POST", f"calls/{first}/people", wanted)["calls"]
        number = added["call_id"]
        devices[2].wait(lambda: notices(devices[2], "call.ringing", number))
        joined = social(emil, "POST", f"calls/{number}/answer", {"device": "e1"})["media"]
        assert joined["e164"] == media["e164"]
        social(fay, "POST", f"calls/{first}/hangup")
        assert social(dora, "GET", f"calls/{first}")["call"]["state"] == "active"
        social(emil, "POST", f"calls/{number}/hangup")
        devices[1].wait(lambda: notices(devices[1], "call.ended", first))
        devices[1].wait(lambda: not is_live(call_site, media["e164"]))
        assert social(dora, "GET", f"calls/{first}/media")["state"] == "ended"
    finally:
        for device in devices:
            device.close()


def test_the_members_of_a_group_ring_and_enter_one_conference(call_site: Site) -> None:
    fay, dora = (Person(call_site.http, name, PASSWORD) for name in ("fay", "dora"))
    stranger = Person(call_site.http, "emil", PASSWORD)
    device = Device(dora, "stomp")
    try:
        device.wait(lambda: device.connected)
        group = fay.group("Choir", [dora.id])
        with pytest.raises(Refused, match="not_found"):
            social(stranger, "POST", "calls/group", {"conversation_id": group})
        called = social(fay, "POST", "calls/group", {"conversation_id": group})
        assert called["link"].startswith(f"/join/{called['e164']}/")
        device.wait(lambda: [n for n in device.beside if n["cmd"] == "call.ringing"])
        number = next(n["data"]["call_id"] for n in device.beside if n["cmd"] == "call.ringing")
        media = social(dora, "POST", f"calls/{number}/answer", {"device": "d1"})["media"]
        assert (media["e164"], media["state"]) == (called["e164"], "running")
        social(dora, "POST", f"calls/{number}/hangup")
    finally:
        device.close()


def test_a_conference_calls_people_who_ring_and_enter_it(call_site: Site) -> None:
    program, ben = Program(call_site), Person(call_site.http, "ben", password_of(call_site, "ben"))
    device = Device(ben, "mqtt")
    try:
        device.wait(lambda: device.connected)
        program.log_in("anna")
        number = program.create()["conf_id"]
        program.post(f"vc/confs/{number}/mts", {"mts": [{"account": "ben", "account_type": 1}]})
        device.wait(lambda: [n for n in device.beside if n["cmd"] == "call.ringing"])
        call = next(n["data"] for n in device.beside if n["cmd"] == "call.ringing")
        assert call["caller"]["name"] == "anna"
        path = f"calls/{call['call_id']}"
        media = social(ben, "POST", f"{path}/answer", {"device": "b1"})["media"]
        assert (media["e164"], media["state"]) == (number, "running")
        assert media["join"]["webrtc"]["audioroom"]
        social(ben, "POST", f"{path}/hangup")
        assert program.get(f"vc/confs/{number}")["conf_id"] == number
        program.delete(f"vc/confs/{number}")
    finally:
        device.close()


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

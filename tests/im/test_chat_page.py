"""The chat page: two people in browsers and a third with a plain MQTT client, a real site below."""

from __future__ import annotations

import io
import json
import queue
import random
import threading
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image

from deploy.stand.site import Site
from tests.browser import shot
from tests.console.steps import signed_in
from tests.http.program import Program

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("im")]

PASSWORD = "Siskin-Quarry-64"
CAROL = (
    "from domains.flows import people; from domains.models import Account;"
    " people.create({!r}, username='carol',"
    " domain_id=Account.objects.get(username='anna').domain_id)"
)
EVERYTHING_SAID = """() => [...document.querySelectorAll("#log .message:not(.waits)")]
  .map((one) => one.querySelector("[data-body]").textContent || one.querySelector("img").alt)"""
PICTURE_IS_SHOWN = """() => [...document.querySelectorAll("[data-picture]:not([hidden]) img")]
  .some((one) => one.naturalWidth > 0)"""


@pytest.fixture
def site(chat_site: Site) -> Site:
    """Return a site with instant messages."""
    return chat_site


class Carol:
    """A program that chats over MQTT, and does nothing that a program of anybody could not do."""

    def __init__(self, site: Site) -> None:
        site.manage("shell", "-c", CAROL.format(PASSWORD))
        self.http, self.heard = Program(site), queue.Queue[dict[str, Any]]()
        self.http.token = self.http.post("system/token", **site.demo["api_key"])["account_token"]
        self.http.post("system/login", username="carol", password=PASSWORD)
        self.http.cookie = self.http.headers["Set-Cookie"].partition(";")[0]
        self.me = self.http.call("POST", "im/login")
        prefix, address = self.me["mqtt"]["client_id_prefix"], self.me["addresses"]["mqtt"]
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"{prefix}carol")
        self.client.username_pw_set(self.me["user_id"], self.me["token"])
        self.client.on_message = lambda _, __, got: self.heard.put(json.loads(got.payload))
        self.client.on_connect = self._listen
        self.client.on_subscribe = lambda *_: self.beat()
        self.ends = threading.Event()
        host, _, port = address.removeprefix("mqtt://").partition(":")
        self.client.connect(host, int(port))
        self.client.loop_start()
        threading.Thread(target=self._live, daemon=True).start()

    def _listen(self, *_: Any) -> None:
        self.client.subscribe(self.me["mqtt"]["in"], 1)

    def beat(self) -> None:
        self.say("heartbeat", device="carol", seqs={})

    def _live(self) -> None:
        while not self.ends.wait(self.me["heartbeat_seconds"]):
            self.beat()

    def close(self) -> None:
        self.ends.set()
        self.client.disconnect()
        self.client.loop_stop()

    def say(self, cmd: str, **data: Any) -> None:
        body = {"token": f"Tricolor{self.me['token']}", "cmd": cmd, "data": data}
        self.client.publish(self.me["mqtt"]["out"], json.dumps(body), 1)

    def write(self, conversation: str, text: str) -> None:
        by = {"publisher_id": self.me["user_id"], "publisher_name": "carol"}
        mark = f"carol-{random.randrange(10**9)}"
        fields = {"conversation_id": conversation, "type": "text", "body": text}
        self.say("msg", client_msg_id=mark, **by, **fields)

    def hear(self, cmd: str, **data: Any) -> dict[str, Any]:
        """Return the next thing of this kind that looks like this."""
        while True:
            entry = self.heard.get(timeout=60)
            given: dict[str, Any] = entry["data"]
            if entry["cmd"] == cmd and given.items() >= data.items():
                return given

    def history(self, conversation: str) -> list[str]:
        """Return all messages as the platform has them."""
        path, texts = f"im/conversations/{conversation}/messages", []
        after, last = 0, 1
        while after < last:
            answer = self.http.call("GET", path, after=after)
            after, last = answer["to_seq"], answer["last_seq"]
            texts += [item["data"] for item in answer["entries"] if item["cmd"] == "msg"]
        gone = "This message was taken back."
        return [gone if "recalled_seq" in item else item["body"] for item in texts]


@pytest.fixture
def carol(site: Site) -> Iterator[Carol]:
    person = Carol(site)
    yield person
    person.close()


async def chatting(browser: Any, site: Site, name: str) -> Any:
    """Return a page of somebody, whose line is up."""
    who = next(account for account in site.demo["accounts"] if account["username"] == name)
    page = await signed_in(browser, f"{site.http}/chat/", name, who["password"])
    await is_up(page)
    return page


async def is_up(page: Any) -> None:
    await page.locator("body[data-line=up]").wait_for()


def field(page: Any) -> Any:
    return page.get_by_role("textbox", name="Your message", exact=True)


async def write(page: Any, text: str) -> None:
    await field(page).fill(text)
    await field(page).press("Enter")


async def sees(page: Any, text: str) -> None:
    await page.locator("#log .message").filter(has_text=text).first.wait_for()


def message(page: Any, text: str) -> Any:
    return page.locator("#log .message").filter(has_text=text)


async def choose_action(page: Any, text: str, what: str) -> None:
    """Choose an action from the menu of a message."""
    await message(page, text).hover()
    await message(page, text).get_by_role("button", name=what, exact=True).click()


async def test_three_people_chat_and_one_who_was_away_has_everything_once(
    browser: Any, site: Site, carol: Carol
) -> None:
    anna, ben = [await chatting(browser, site, name) for name in ("anna", "ben")]
    number = await begin_group(anna, carol)
    await ben.get_by_role("button", name="Trip").first.click()
    await in_order(anna, ben, carol, number)
    await marks(anna, ben, carol, number)
    await a_picture(anna, ben, carol)
    await changes(anna, ben)
    await shot(anna, "chat")
    await away_and_back(anna, ben, carol, number)
    assert anna.errors == ben.errors == []


async def begin_group(anna: Any, carol: Carol) -> str:
    """Create a group with the two others and return its id."""
    await anna.get_by_role("button", name="New conversation").click()
    await anna.get_by_label("With whom").fill("ben, nobody-of-that-name")
    await anna.get_by_role("button", name="Begin", exact=True).click()
    await anna.get_by_text("Nobody signs in with the name “nobody-of-that-name”").wait_for()
    await anna.get_by_label("With whom").fill("ben, carol")
    await anna.get_by_label("Name of the group").fill("Trip")
    await anna.get_by_role("button", name="Begin", exact=True).click()
    await anna.get_by_text("You created the group.").wait_for()
    return str(carol.hear("conversation", what="created")["conversation_id"])


async def in_order(anna: Any, ben: Any, carol: Carol, number: str) -> None:
    """Check that everybody sees the same when all write at once."""
    for n in range(10):
        carol.write(number, f"carol {n}")
        await write(anna, f"anna {n}")
        await write(ben, f"ben {n}")
    await write(anna, "<img src=x onerror=alert(1)> & <b>text</b>")
    for page in (anna, ben):
        for name in ("anna", "ben", "carol"):
            await sees(page, f"{name} 9")
        await sees(page, "<b>text</b>")
    truth = carol.history(number)
    assert len(truth) == 31
    assert await anna.evaluate(EVERYTHING_SAID) == truth == await ben.evaluate(EVERYTHING_SAID)


async def marks(anna: Any, ben: Any, carol: Carol, number: str) -> None:
    """Check the signs of who is writing and who has read."""
    carol.say("typing", conversation_id=number)
    await anna.locator("#typing", has_text="carol is writing").wait_for()
    await field(ben).press_sequentially("wait")
    carol.hear("typing", conversation_id=number)
    await field(ben).fill("")
    await write(anna, "Have you read this?")
    await message(anna, "Have you read this?").get_by_text("read by 1").wait_for()
    seq = carol.hear("msg", body="Have you read this?")["seq"]
    carol.say("read", conversation_id=number, seq=seq)
    await message(anna, "Have you read this?").get_by_text("read by 2").wait_for()


async def a_picture(anna: Any, ben: Any, carol: Carol) -> None:
    """Send a picture, which is shown small, and fetched whole by people in the conversation."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((900, 600)).save(out, "PNG")
    fields = {"name": "valley.png", "mimeType": "image/png", "buffer": out.getvalue()}
    await anna.locator("#file").set_input_files(fields)
    for page in (anna, ben):
        await page.wait_for_function(PICTURE_IS_SHOWN)
    message = carol.hear("msg", type="image", body="valley.png")
    status, content = carol.http.raw(
        "GET", f"/api/v1/im/files/{message['file_id']}?account_token={carol.http.token}"
    )
    assert (status, content) == (200, out.getvalue())


async def changes(anna: Any, ben: Any) -> None:
    """Answer a message, change it, take it back, and put a sign below it."""
    await choose_action(ben, "carol 3", "Reply")
    await write(ben, "To the third one")
    await message(anna, "To the third one").get_by_text("carol: carol 3").wait_for()
    await choose_action(ben, "ben 4", "Edit")
    await write(ben, "ben four")
    await message(anna, "ben four").get_by_text("edited").wait_for()
    await write(ben, "ben regrets")  # only what is younger than two minutes is taken back
    await (
        message(ben, "ben regrets")
        .get_by_text("sent")
        .or_(message(ben, "ben regrets").get_by_text("read by"))
        .wait_for()
    )
    await choose_action(ben, "ben regrets", "Take back")
    await sees(anna, "This message was taken back.")
    await choose_action(anna, "ben four", "React")
    await anna.get_by_role("menuitemcheckbox", name="🎉").click()
    await message(ben, "ben four").get_by_role("button", name="🎉 1").wait_for()
    await choose_action(anna, "anna 1", "Delete for me")
    await anna.locator("#log .message", has_text="anna 1").wait_for(state="detached")


async def away_and_back(anna: Any, ben: Any, carol: Carol, number: str) -> None:
    """Cut Ben's network: what he writes meanwhile, and what he has missed, comes once when he is back."""
    await ben.context.set_offline(True)
    await ben.locator("body[data-line=down]").wait_for()
    for n in range(15):
        carol.write(number, f"missed {n}")
        await write(anna, f"anna meanwhile {n}")
    await choose_action(anna, "anna meanwhile 3", "Edit")
    await write(anna, "anna changed her mind")
    for n in range(3):
        await write(ben, f"ben alone {n}")
    assert await ben.locator("#log .waits").count() == 3
    await ben.context.set_offline(False)
    await is_up(ben)
    for page in (anna, ben):
        await sees(page, "ben alone 2")
        await sees(page, "anna changed her mind")
        await sees(page, "missed 14")
    await ben.locator("#log .waits").first.wait_for(state="detached")
    truth = carol.history(number)
    assert await ben.evaluate(EVERYTHING_SAID) == truth
    assert await anna.evaluate(EVERYTHING_SAID) == [text for text in truth if text != "anna 1"]
    await ben.reload()
    await is_up(ben)
    await ben.get_by_role("button", name="Trip").first.click()
    await sees(ben, "missed 14")


async def test_a_voice_message_is_heard(browser: Any, site: Site) -> None:
    anna, ben = [await chatting(browser, site, name) for name in ("anna", "ben")]
    await anna.get_by_role("button", name="New conversation").click()
    await anna.get_by_label("With whom").fill("ben")
    await anna.get_by_role("button", name="Begin", exact=True).click()
    await anna.get_by_role("button", name="Record a voice message").click()
    await anna.get_by_text("Recording 0:02").wait_for()
    await anna.get_by_role("button", name="Record a voice message").click()
    await ben.locator("#talks .entry").filter(has_text="Voice message").click()
    audio = ben.locator("#log audio:not([hidden])")
    await audio.wait_for()
    assert "Voice message 0:0" in await audio.get_attribute("aria-label")
    await audio.evaluate("(one) => one.play()")
    await ben.wait_for_function(
        "() => document.querySelector('#log audio:not([hidden])').currentTime > 0.3"
    )
    assert anna.errors == ben.errors == []


async def test_on_a_phone_there_is_one_thing_at_a_time(browser: Any, site: Site) -> None:
    anna = await chatting(browser, site, "anna")
    await anna.set_viewport_size({"width": 390, "height": 760})
    await anna.locator("#talks .entry").first.click()
    await field(anna).wait_for()
    assert not await anna.locator("#talks").is_visible()
    await shot(anna, "chat-phone")
    await anna.get_by_role("button", name="Back to the list").click()
    assert await anna.locator("#talks").is_visible()
    assert not await field(anna).is_visible()

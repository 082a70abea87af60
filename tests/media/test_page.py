"""Browsers in a conference: devices, a conference that moves, and one that is arranged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from conferences.data.join_links import join_link
from tests.browser import MOVING_PICTURES, enter, join, person_of, shot
from tests.media.conftest import Platform, Unit
from tests.media.page_scripts import (
    DEVICES,
    FIRST,
    HAND_STEPS,
    HAND_STORY,
    JUDGED,
    LOSSES,
    SHOWN,
    STAGED,
    STAGES,
    USED,
)
from tests.media.pages import lower_hands, raise_hands, restore, served
from tests.media.people import Person
from tests.media.whereabouts import Whereabouts
from wire.arrangement import Arrangement, Banned


async def test_a_person_chooses_devices_before_the_entry_and_learns_what_is_wrong_with_them(
    browser: Any, conference: Whereabouts
) -> None:
    page = await person_of(browser)
    await page.add_init_script(DEVICES)
    with served() as site:
        await page.goto(site + join_link("c1", "8800001"))
        await page.get_by_text("Camera and microphone are not allowed.").wait_for()
        await page.get_by_text("Click the sign at the left end of the address bar").wait_for()
        await page.evaluate("window.refused = false")
        await page.get_by_role("button", name="Try again").click()
        await page.get_by_text("Ready: camera and microphone.").wait_for()
        assert await page.get_by_role("button", name="Try again").is_hidden()

        await page.wait_for_function("() => document.getElementById('level').value > 0.3")
        microphone = page.get_by_label("Microphone", exact=True)
        await microphone.select_option(label="Fake Audio Input 2")
        await page.wait_for_function(f"() => ({USED})() === 'Fake Audio Input 2'")
        await page.evaluate("unplug('Fake Audio Input 2')")
        await page.get_by_text("Fake Audio Input 2 is gone. Fake Audio Input 1 is used").wait_for()
        await page.evaluate("plugIn('Fake Audio Input 2')")
        await page.wait_for_function(f"() => ({USED})() === 'Fake Audio Input 2'")
        await page.get_by_role("button", name="Mute", exact=True).click()
        await page.get_by_role("button", name="Unmute").wait_for()
        await page.get_by_role("button", name="Camera off").click()
        await page.get_by_text("No camera. The others will see your initials.").wait_for()
        await page.get_by_label("Language").select_option("zh-hans")
        await page.get_by_role("heading", name="加入会议").wait_for()
        await page.get_by_role("button", name="打开摄像头").wait_for()
        assert await page.evaluate(STAGES) == STAGED
        assert await page.evaluate(HAND_STEPS) == HAND_STORY
        assert await page.evaluate(JUDGED) == ["good", "good", "bad", "only", "only", "back"]
        assert page.errors == []


async def test_browsers_follow_a_conference_that_moves(
    browser: Any,
    unit: Unit,
    units: Callable[[str], Unit],
    platform_side: Platform,
    conference: Whereabouts,
) -> None:
    await units("u2").start()
    conference.password = "4711"
    conference.join = (await platform_side.creates("u1"))["join"]
    carl = await Person("Carl", 660).join(conference.join)
    with served() as site:
        url = site + join_link("c1", "8800001")
        anna = await enter(browser, url, "Anna", "4711")
        ben = await enter(browser, url, "Ben Berger", "4711")
        for page in (anna, ben):
            await page.wait_for_function(MOVING_PICTURES, arg=2)
            await page.get_by_text("3 people").wait_for()
        await share_screen(ben, anna)
        await platform_side.controls("u1", "SENDMSG", text="Coffee at ten.")
        await ben.get_by_text("Coffee at ten.").wait_for()
        listed = (await platform_side.controls("u1", "GETMTLIST"))["mts"]
        mtid = {one["name"]: one["mtid"] for one in listed}
        await platform_side.controls("u1", "MUTE", mtid=mtid["Anna"], value=1)
        await anna.get_by_role("button", name="Unmute").wait_for()
        await platform_side.controls("u1", "SILENCE", mtid=mtid["Anna"], value=1)
        await anna.get_by_text("switched your loudspeaker off").wait_for()

        settings = await raise_hands(ben, anna, platform_side, mtid)
        conference.state = "pending_restore"
        unit.kill_janus()
        await anna.get_by_text("The conference is moving").wait_for()
        await shot(anna, "moving")
        conference.join = await restore(platform_side, mtid["Ben Berger"], listed, settings)
        conference.state = "running"
        await carl.rejoin(conference.join)
        for page, pictures in ((anna, 3), (ben, 2)):
            await page.wait_for_function(MOVING_PICTURES, arg=pictures)
            await page.get_by_text("You are in the conference").wait_for()
        assert await carl.hears_on()
        await lower_hands(ben, anna)
        await stop_sharing(ben, anna)

        await ben.get_by_role("button", name="Leave").click()
        await anna.get_by_text("2 people").wait_for()
        conference.state = "ended"
        await anna.get_by_text("This conference has ended").wait_for()
        assert anna.errors == []
        assert ben.errors == []
    await carl.leave()


async def test_a_page_shows_what_the_conference_is_arranged_to_show_and_its_person_is_asked_to_talk(
    browser: Any, unit: Unit, platform_side: Platform, conference: Whereabouts
) -> None:
    conference.join = (await platform_side.creates("u1"))["join"]
    carl, dora = [await Person(name, tone).join(conference.join) for name, tone in PEOPLE]
    with served() as site:
        anna = await enter(browser, site + join_link("c1", "8800001"), "Anna", "")
        await anna.get_by_text("3 people").wait_for()
        notice = await platform_side.hears_people("8800001", lambda mts: len(present(mts)) == 3)
        mtid = {row["name"]: row["mtid"] for row in notice["mts"]}
        place = {"chn_idx": 0, "member_type": 1, "mt_id": mtid["Carl"]}
        layout = {"mode": 1, "layout": 1, "members": [place]}
        await platform_side.controls("u1", "ARRANGE", changes={"layout": layout})
        await anna.wait_for_function(f"() => ({SHOWN})() === 'Carl'")
        await platform_side.controls("u1", "ARRANGE", changes={"layout": None})
        await anna.wait_for_function(f"() => ({SHOWN})().split(',').length === 3")

        await platform_side.controls("u1", "MUTE", value=1, hold=1)
        await anna.wait_for_function("() => document.getElementById('mic').disabled")
        await platform_side.controls("u1", "MUTE", mtid=mtid["Anna"], value=0)
        await anna.get_by_text("The chair asks you to unmute.").wait_for()
        await anna.locator("#asked-yes").click()
        await platform_side.hears_people("8800001", lambda mts: heard(mts) == ["Anna"])

        await platform_side.controls("u1", "DROPMT", mtids=[mtid["Anna"]], ban=1)
        await anna.get_by_text("You were removed from the conference").wait_for()
        visitor = next(row["visitor"] for row in notice["mts"] if row["name"] == "Anna")
        conference.arrangement = Arrangement(banned=(Banned(visitor=visitor),))
        await anna.get_by_role("button", name="Join again").click()
        await anna.locator("#enter-error", has_text="You were removed").wait_for()
        again = [{"mtid": mtid["Anna"], "account": "Anna"}]
        await platform_side.controls("u1", "ADDMT", mts=again)
        conference.arrangement = Arrangement()
        await anna.locator("#join").click()
        await anna.get_by_text("You are in the conference").wait_for()
        await platform_side.hears_people("8800001", lambda mts: "Anna" in present(mts))

        await unit.hang_up("janus.plugin.audiobridge", "Anna")
        await anna.get_by_text("The conference goes on. You are back.").wait_for()
        await anna.get_by_text("3 people").wait_for()
        assert anna.errors == []
    await carl.leave()
    await dora.leave()


async def test_a_page_follows_a_poll_a_view_of_its_own_and_how_loud_it_is_to_be(
    browser: Any, unit: Unit, platform_side: Platform, conference: Whereabouts
) -> None:
    conference.join = (await platform_side.creates("u1"))["join"]
    carl, dora = [await Person(name, tone, True).join(conference.join) for name, tone in PEOPLE]
    with served() as site:
        anna = await person_of(browser)
        await anna.add_init_script(LOSSES)
        await anna.goto(site + join_link("c1", "8800001"))
        await join(anna, "Anna")
        await anna.get_by_text("3 people").wait_for()
        notice = await platform_side.hears_people("8800001", lambda mts: len(present(mts)) == 3)
        mtid = {row["name"]: row["mtid"] for row in notice["mts"]}
        await see_what_is_seen(anna)
        await anna.evaluate("window.lossy = true")

        async def arrange(**changes: object) -> None:
            await platform_side.controls("u1", "ARRANGE", changes=changes)

        began = datetime.now(UTC).isoformat(timespec="milliseconds")
        members = [mtid["Carl"], mtid["Dora"]]
        await arrange(poll={"mode": 1, "keep_time": 2, "members": members, "since": began})
        for name in ("Dora", "Carl", "Dora"):
            await anna.wait_for_function(f"() => ({FIRST})() === {name!r}")
        await arrange(poll=None)
        await anna.wait_for_function(f"() => !({FIRST})()")

        await arrange(views=[{"mode": 1, "src": mtid["Dora"], "dst": mtid["Anna"]}])
        await anna.wait_for_function(f"() => ({FIRST})() === 'Dora'")
        await arrange(views=[{"mode": 1, "src": mtid["Dora"], "dst": mtid["Carl"]}])
        await anna.wait_for_function(f"() => !({FIRST})()")

        await arrange(volumes={mtid["Anna"]: {"1": 7}})
        await anna.wait_for_function(
            "() => document.getElementById('mix').volume.toFixed(1) === '0.2'"
        )
        await arrange(volumes={mtid["Carl"]: {"1": 7}})
        await anna.wait_for_function("() => document.getElementById('mix').volume === 1")

        await anna.get_by_text("video is off, so that the sound goes on").wait_for()
        await anna.wait_for_function(MOVING_PICTURES, arg=0)
        await anna.evaluate("window.lossy = false")
        await anna.get_by_label("Language").select_option("zh-hans")
        await anna.get_by_role("button", name="显示视频").click()
        await anna.wait_for_function(MOVING_PICTURES, arg=3)
        assert anna.errors == []
    await carl.leave()
    await dora.leave()


async def share_screen(ben: Any, anna: Any) -> None:
    """Share Ben's screen, which Anna sees large; his camera goes off, on and off beside it."""
    await ben.keyboard.press("s")
    await anna.get_by_text("Ben Berger shares the screen.").wait_for()
    await anna.wait_for_function(MOVING_PICTURES, arg=3)
    for _ in range(3):  # In less time than a change takes.
        await ben.keyboard.press("v")
    await anna.wait_for_function(MOVING_PICTURES, arg=2)
    assert await anna.evaluate(FIRST) == "Screen of Ben Berger"
    await shot(anna, "in")
    await ben.keyboard.press("v")


async def stop_sharing(ben: Any, anna: Any) -> None:
    """Stop sharing Ben's screen, which Anna sees large until then."""
    assert await anna.evaluate(FIRST) == "Screen of Ben Berger"
    await ben.get_by_text("You are sharing your screen.").wait_for()
    await ben.locator("#share-stop").click()
    await anna.wait_for_function(MOVING_PICTURES, arg=2)


async def see_what_is_seen(anna: Any) -> None:
    """See Anna, Carl and Dora by pages and as a speaker; what is not shown is not received."""
    await anna.wait_for_function(MOVING_PICTURES, arg=3)
    await anna.set_viewport_size({"width": 390, "height": 320})
    await anna.wait_for_function(MOVING_PICTURES, arg=2)
    (unseen,) = {name for name, _ in PEOPLE} - set((await anna.evaluate(SHOWN)).split(","))
    await anna.get_by_role("button", name="Next page").click()
    await anna.wait_for_function(f"() => ({SHOWN})() === {unseen!r}")
    await anna.wait_for_function(MOVING_PICTURES, arg=1 + 1)  # Her, and Anna's own camera.
    await anna.set_viewport_size({"width": 1100, "height": 700})
    await anna.wait_for_function(MOVING_PICTURES, arg=3)
    await anna.keyboard.press("t")
    await anna.wait_for_function(f"() => ['Carl', 'Dora'].includes(({FIRST})())")
    for name in ("Dora", "Carl"):
        await anna.get_by_role("button", name=f"Pin {name}").click()
        await anna.wait_for_function(f"() => ({FIRST})() === {name!r}")
    await anna.get_by_role("button", name="Unpin Carl").click()
    await anna.keyboard.press("t")
    await anna.wait_for_function(f"() => !({FIRST})()")


PEOPLE = (("Carl", 660), ("Dora", 880))


def present(mts: list[Any]) -> list[str]:
    """Return the names of those who are there with sound, picture or text."""
    return [row["name"] for row in mts if row["online"]]


def heard(mts: list[Any]) -> list[str]:
    """Return the names of those whose microphones are open."""
    return [row["name"] for row in mts if row["online"] and not row["mute"]]

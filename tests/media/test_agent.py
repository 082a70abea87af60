"""The real media unit: real RabbitMQ, real Janus, people who sing."""

from __future__ import annotations

import asyncio
import json
import signal
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.media.conftest import Platform, Unit, create
from tests.media.people import Person, Refused, loud_tones, until

Body = dict[str, Any]


def online(mts: list[Body]) -> list[str]:
    return sorted(terminal["name"] for terminal in mts if terminal["online"])


async def test_people_hear_each_other_and_the_platform_sees_them(
    unit: Unit, platform_side: Platform, person: Callable[..., Person]
) -> None:
    invited = [{"account": "anna@u", "name": "Anna", "type": "user"}]
    ack = await platform_side.creates("u1", confpwd="4711", mts=invited)
    anna = await person("anna", 440, camera=True).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: online(mts) == ["Anna"])
    ben = await person("Ben", 880).join(ack["join"])
    assert await anna.hears(880)
    assert await ben.hears(440)
    notice = await platform_side.hears_people("8800001", lambda mts: len(online(mts)) == 2)
    first, second = notice["mts"]
    assert (first["mtid"], first["account"], first["name"]) == ("1", "anna@u", "Anna")
    assert (second["mtid"], second["name"], second["type"]) == ("2", "Ben", "user")
    await ben.leave()
    notice = await platform_side.hears_people("8800001", lambda mts: online(mts) == ["Anna"])
    assert len(notice["mts"]) == 2


async def test_terminals_that_nobody_can_call_are_refused_at_create_and_kept_at_restore(
    unit: Unit, platform_side: Platform
) -> None:
    for number, kind in enumerate(("sip", "h323"), 1):
        phone = {"account": "a", "name": "Phone", "type": kind, "mtid": "1"}
        await platform_side.tell("u1", create("8800001", number, mts=[phone]))
        nack = await platform_side.hears("MCU_MAU_CREATECONF_NACK", incarnation=number)
        assert nack["detail"] == f"mts: nobody can call {kind} terminals here: no gateway"
        assert nack["errcode"] == "29015"
    restore = {**create("8800001", 3, mts=[phone]), "type": "MAU_CMU_RESTORECONF_REQ"}
    await platform_side.tell("u1", {**restore, "restored": 1})
    await platform_side.hears("CMU_MAU_RESTORECONF_ACK", incarnation=3)


async def test_who_has_no_pin_or_no_token_stays_outside(
    unit: Unit, platform_side: Platform, person: Callable[..., Person]
) -> None:
    ack = await platform_side.creates("u1")
    good = ack["join"]["webrtc"]
    for credentials in (
        {"pin": "guess"},
        {"token": "forged"},
        {"token": good["token"][:-4] + "AAA="},
    ):
        with pytest.raises(Refused):
            await person("eve", 440).join(good | credentials)
    secrets = (unit.directory / "secrets.json").read_text()
    assert good["pin"] not in secrets
    assert good["token"] not in secrets
    assert (unit.directory / "secrets.json").stat().st_mode & 0o777 == 0o600


async def test_a_repeated_create_is_answered_again_and_ghosts_are_refused(
    unit: Unit, platform_side: Platform
) -> None:
    first = await platform_side.creates("u1", incarnation=2)
    again = await platform_side.creates("u1", incarnation=2)
    assert again["join"]["webrtc"]["pin"] == first["join"]["webrtc"]["pin"]
    await platform_side.tell("u1", create("8800001", 1))
    nack = await platform_side.hears("MCU_MAU_CREATECONF_NACK", confE164="8800001", incarnation=1)
    assert nack["errcode"] == "29015"
    await platform_side.creates("u1", incarnation=3)
    await platform_side.tell(
        "u1", {"type": "MAU_MCU_RELEASECONF_CMD", "confE164": "8800001", "incarnation": 2}
    )
    assert await holds(platform_side, {"8800001": 3})
    await platform_side.tell(
        "u1", {"type": "MAU_MCU_RELEASECONF_CMD", "confE164": "8800001", "incarnation": 7}
    )
    assert await holds(platform_side, {})
    await platform_side.tell("u1", create("8800001", 7))
    await platform_side.hears("MCU_MAU_CREATECONF_NACK", incarnation=7)


async def holds(platform: Platform, wanted: dict[str, int]) -> bool:
    """Tell whether the unit comes to report that it holds just these conferences."""
    for _ in range(50):
        platform.said.clear()
        await platform.tell("u1", {"type": "MAU_CMU_GETCONFLIST_CMD"})
        report = await platform.hears("CMU_MAU_CONFLIST_NTF", ip="127.0.0.1", pid="u1")
        if {
            conference["confE164"]: conference["incarnation"] for conference in report["confs"]
        } == wanted:
            return True
        await asyncio.sleep(0.1)  # what was ordered before may still be at work
    return False


async def test_capacity_is_never_exceeded(unit: Unit, platform_side: Platform) -> None:
    await platform_side.creates("u1", "1", maxjoinedmt=32)
    for e164 in ("2", "3"):
        await platform_side.tell("u1", create(e164, 1, maxjoinedmt=8))
    await platform_side.hears("MCU_MAU_CREATECONF_NACK", errcode="29015")
    beat = await platform_side.hears(
        "RMS_NODE_STATE_NTF", restype="mcu", load={"confs": 2, "ports": 40, "hd": 0}
    )
    assert beat["capacity"] == {"confs": 3, "ports": 40, "hd": 3}


async def test_garbage_never_stops_it(unit: Unit, platform_side: Platform) -> None:
    deep = b'{"type":"MAU_MCU_CREATECONF_REQ","a":' + b"[" * 5000 + b"]" * 5000 + b"}"
    rubbish: list[bytes | Body] = [
        b"",
        b"\xff\xfe",
        b"[1]",
        b"{}",
        b'{"type":1}',
        deep,
        b"x" * 300_000,
    ]
    rubbish += [{"type": "NO_SUCH_THING"}, {"type": "MAU_MCU_RELEASECONF_CMD"}]
    rubbish += [{"type": "CM_MCU_MUTE_REQ"}, {"type": "CM_MCU__REQ", "confE164": "1"}]
    rubbish += [{"type": "MAU_CMU_CONFDURATION_NTF", "confE164": {}, "endtime": []}]
    for body in rubbish:
        await platform_side.tell("u1", body)
    await platform_side.tell("u1", create("1", 1) | {"maxjoinedmt": "many"})
    await platform_side.hears("MCU_MAU_CREATECONF_NACK", confE164="1", errcode="29001")
    await platform_side.creates("u1", "2", confid="../../../../tmp/x", confname="<script>\"'")
    await platform_side.tell("u1", {"type": "CM_MCU_FLY_REQ", "confE164": "2", "reqid": "r"})
    nack = await platform_side.hears("MCU_CM_FLY_NACK", reqid="r", confE164="2", errcode="29015")
    assert "FLY" in nack["detail"]


async def test_control(unit: Unit, platform_side: Platform, person: Callable[..., Person]) -> None:
    ack = await platform_side.creates("u1")
    anna = await person("anna", 440).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: online(mts) == ["anna"])
    await person("ben", 880).join(ack["join"])
    assert await anna.hears(880)
    mts = (await platform_side.hears_people("8800001", lambda mts: len(online(mts)) == 2))["mts"]
    number = {terminal["name"]: terminal["mtid"] for terminal in mts}
    await platform_side.controls("u1", "MUTE", mtid=number["ben"], value=1)
    assert await anna.hears_no(880)
    await platform_side.hears_people(
        "8800001", lambda mts: [terminal["mute"] for terminal in mts].count(1) == 1
    )
    await platform_side.controls("u1", "MUTE", value=0)
    assert await anna.hears(880)
    await platform_side.controls("u1", "SETCHAIRMAN", mtid=number["anna"])
    await platform_side.hears("MCU_MAU_CONFSTATECHANGE_NTF", chairman=number["anna"])
    carl = {"account": "carl@u", "name": "Carl", "type": "e164", "protocol": 1, "bitrate": 768}
    added = (await platform_side.controls("u1", "ADDMT", mts=[carl]))["mts"]
    assert (added[0]["mtid"], carl.items() <= added[0].items()) == ("3", True)
    for kind in ("sip", "h323"):
        uncalled = {"account": "a", "name": "Phone", "type": kind}
        body = {"type": "CM_MCU_ADDMT_REQ", "confE164": "8800001", "reqid": kind}
        await platform_side.tell("u1", body | {"mts": [uncalled]})
        nack = await platform_side.hears("MCU_CM_ADDMT_NACK", reqid=kind, errcode="29015")
        assert "no gateway" in nack["detail"]
    listed = (await platform_side.controls("u1", "GETMTLIST"))["mts"]
    assert online(listed) == ["anna", "ben"]
    assert (listed[2]["name"], listed[2]["online"]) == ("Carl", 0)
    await platform_side.controls("u1", "MODIFYCONFNAME", confname="Board of directors")
    await platform_side.hears("MCU_MAU_CONFSTATECHANGE_NTF", confname="Board of directors")
    await platform_side.controls("u1", "SENDMSG", text="Welcome")
    await platform_side.controls("u1", "DROPMT", mtids=[number["ben"]])
    await platform_side.hears_people("8800001", lambda mts: online(mts) == ["anna"])
    assert await anna.hears_no(880)
    await platform_side.controls("u1", "DELMT", mtids=[number["ben"]])
    listed = (await platform_side.controls("u1", "GETMTLIST"))["mts"]
    assert [terminal["name"] for terminal in listed] == ["anna", "Carl"]
    await platform_side.tell(
        "u1",
        {"type": "CM_MCU_MUTE_REQ", "confE164": "8800001", "reqid": "x", "mtid": "99", "value": 1},
    )
    await platform_side.hears("MCU_CM_MUTE_NACK", reqid="x", errcode="29015")


async def test_janus_killed_is_told_at_once_and_restored_elsewhere(
    unit: Unit, units: Callable[[str], Unit], platform_side: Platform, person: Callable[..., Person]
) -> None:
    await units("u2").start()
    ack = await platform_side.creates("u1", "7", incarnation=1)
    anna = await person("anna", 440).join(ack["join"])
    notice = await platform_side.hears_people("7", lambda mts: online(mts) == ["anna"])
    platform_side.said.clear()
    unit.kill_janus()
    await platform_side.hears("RMS_NODE_UNREGISTER_NTF", restype="mcu", pid="u1")
    restore = create("7", 2) | {
        "type": "MAU_CMU_RESTORECONF_REQ",
        "restored": 1,
        "mts": notice["mts"],
    }
    await platform_side.tell(
        "u2", restore | {"started": "", "chairman": "1", "speaker": "", "settings": {}}
    )
    ack = await platform_side.hears("CMU_MAU_RESTORECONF_ACK", confE164="7", incarnation=2)
    await platform_side.hears("RMS_NODE_REGISTER_NTF", restype="mcu", pid="u1")
    empty = await platform_side.hears("CMU_MAU_CONFLIST_NTF", pid="u1")
    assert empty["confs"] == []
    ben = await person("ben", 880).join(ack["join"])
    await anna.rejoin(ack["join"])
    assert await anna.hears(880)
    assert await ben.hears(440)
    notice = await platform_side.hears_people("7", lambda mts: len(online(mts)) == 2)
    assert [(terminal["mtid"], terminal["name"]) for terminal in notice["mts"]] == [
        ("1", "anna"),
        ("2", "ben"),
    ]
    assert notice["chairman"] == "1"


async def test_a_janus_that_hangs_is_killed(unit: Unit, platform_side: Platform) -> None:
    await platform_side.creates("u1")
    before = unit.janus
    unit.kill_janus(signal.SIGSTOP)
    await platform_side.hears("RMS_NODE_UNREGISTER_NTF", restype="mcu", pid="u1")
    await platform_side.hears("RMS_NODE_REGISTER_NTF", restype="mcu", pid="u1")
    assert unit.janus != before
    assert await holds(platform_side, {})
    await platform_side.creates("u1", incarnation=2)


async def test_the_agent_killed_disturbs_nobody(
    unit: Unit, platform_side: Platform, person: Callable[..., Person]
) -> None:
    ack = await platform_side.creates("u1")
    anna = await person("anna", 440).join(ack["join"])
    ben = await person("ben", 880).join(ack["join"])
    assert await anna.hears(880)
    await platform_side.hears_people("8800001", lambda mts: len(online(mts)) == 2)
    janus = unit.janus
    unit.kill_agent()
    assert await anna.hears_on()
    await ben.leave()
    platform_side.said.clear()
    await unit.start()
    assert unit.janus == janus
    report = await platform_side.hears("CMU_MAU_CONFLIST_NTF", pid="u1")
    assert [conference["confE164"] for conference in report["confs"]] == ["8800001"]
    await platform_side.hears_people("8800001", lambda mts: online(mts) == ["anna"])
    await ben.rejoin(ack["join"])
    assert await anna.hears(880)
    await platform_side.tell("u1", create("8800001", 1))
    await platform_side.hears("MCU_MAU_CREATECONF_ACK", confE164="8800001")
    assert await anna.hears_on()


async def test_rooms_that_nobody_answers_for_are_dropped(
    unit: Unit, platform_side: Platform, person: Callable[..., Person]
) -> None:
    ack = await platform_side.creates("u1")
    unit.kill_agent()
    for path in unit.directory.glob("unit.sqlite3*"):
        path.unlink()
    await unit.start()
    assert await holds(platform_side, {})
    with pytest.raises(Refused):
        await person("anna", 440).join(ack["join"])


async def test_recording_goes_on_as_the_next_segment(
    unit: Unit, platform_side: Platform, person: Callable[..., Person]
) -> None:
    ack = await platform_side.creates("u1", confid="c1", record=1, vrs={"ip": "127.0.0.1"})
    await platform_side.hears(
        "RMS_NODE_STATE_NTF", restype="vrs", load={"confs": 1, "ports": 8, "hd": 0}
    )
    anna = await person("anna", 440, camera=True).join(ack["join"])
    ben = await person("ben", 880).join(ack["join"])
    assert await anna.hears(880)
    assert await anna.hears_on(60)
    for name in ("STOPRECORD", "STARTRECORD"):  # at once, as fast as they can be said
        await platform_side.tell("u1", {"type": f"CM_MCU_{name}_CMD", "confE164": "8800001"})
    await platform_side.hears("MCU_CM_RECORDSTATE_NTF", confE164="8800001", recording=0)
    await platform_side.hears("MCU_CM_RECORDSTATE_NTF", confE164="8800001", recording=1)
    assert await ben.hears_on(60)
    await platform_side.controls("u1", "STOPRECORD")
    restore = {"type": "MAU_CMU_RESTORECONF_REQ", "restored": 1, "started": "", "chairman": ""}
    await platform_side.tell("u1", create("2", 1, record=1) | restore | {"speaker": ""})
    await platform_side.hears("CMU_MAU_RESTORECONF_ACK", confE164="2")
    await platform_side.hears("MCU_CM_RECORDSTATE_NTF", confE164="2", recording=0)
    granted = {"type": "CM_MCU_STARTRECORD_CMD", "confE164": "2", "vrs": {"ip": "127.0.0.1"}}
    await platform_side.tell("u1", granted)  # one has become free
    await platform_side.hears("MCU_CM_RECORDSTATE_NTF", confE164="2", recording=1)
    another = {"ip": "127.0.0.1", "pid": "u2"}  # this unit cannot record by another's hand
    await platform_side.creates("u1", "3", confid="c3", record=1, vrs=another)
    await platform_side.hears("MCU_CM_RECORDSTATE_NTF", confE164="3", recording=0)
    assert not (unit.directory / "rec" / "c3").exists()
    segments = sorted((unit.directory / "rec" / "c1").iterdir())
    assert [one.name for one in segments] == ["000001-001", "000001-002"]
    for segment in segments:
        assert await until((segment / "audio.wav").exists), sorted(segment.iterdir())
        assert loudest_tones(segment / "audio.wav") == {440, 880}
        (picture,) = segment.glob("*.mjr")
        note = json.loads((segment / "segment.json").read_text())
        assert note["people"][anna.id]["name"] == "anna"
        assert f"-user-{anna.id}-" in picture.name
        assert {picture.name, "audio.wav"} == set(note["files"])


def loudest_tones(path: Path) -> set[int]:
    """Return which of these tests' tones are loud in a recording."""
    with wave.open(str(path)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return loud_tones(sound, file.getframerate())


async def test_who_sends_nothing_any_more_is_removed(
    unit: Unit, platform_side: Platform, person: Callable[..., Person]
) -> None:
    ack = await platform_side.creates("u1")
    anna = await person("anna", 440).join(ack["join"])
    ben = await person("ben", 880).join(ack["join"])
    carl = await person("carl", 660).join(ack["join"])
    assert await anna.hears(880)
    assert await anna.hears(660)
    await carl.mute(True)
    carl.voice.paused = ben.voice.paused = True
    await platform_side.hears_people("8800001", lambda mts: online(mts) == ["anna", "carl"])
    assert "ben sends no media" in unit.log()
    assert online((await platform_side.controls("u1", "GETMTLIST"))["mts"]) == ["anna", "carl"]


async def test_it_says_goodbye_and_takes_its_janus_along(
    unit: Unit, platform_side: Platform
) -> None:
    await unit.stop()
    await platform_side.hears("RMS_NODE_UNREGISTER_NTF", restype="mcu", pid="u1")
    assert not unit.janus_lives
    assert not (unit.directory / "ready").exists()


async def test_a_janus_that_is_kept_goes_on_without_a_word(
    units: Callable[[str], Unit], platform_side: Platform
) -> None:
    unit = await units("u1").start(CMU_KEEP_JANUS="1")
    await platform_side.creates("u1")
    await unit.stop()
    assert unit.janus_lives
    assert not platform_side.has_said("RMS_NODE_UNREGISTER_NTF")
    await unit.start()
    assert await holds(platform_side, {"8800001": 1})


async def test_it_ends_by_itself_what_nobody_ends(unit: Unit, platform_side: Platform) -> None:
    await platform_side.creates("u1", endtime="2020-01-01T00:00:00+00:00")
    await platform_side.hears(
        "MCU_MAU_RELEASECONF_NTF", confE164="8800001", incarnation=1, reason="expired"
    )
    assert await holds(platform_side, {})

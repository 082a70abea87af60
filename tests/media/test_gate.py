"""What strangers, participants and former participants may say to a real Janus, request by request."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from media_unit.gate_rules import PLUGINS
from media_unit.janus_config import load_secrets
from media_unit.janus_link import JanusError, JanusLink
from media_unit.janus_rooms import JanusRooms
from media_unit.text_rates import MOST_TEXTS
from tests.media.conftest import Platform, Unit
from tests.media.people import AUDIO, PATIENCE, VIDEO, DataChannel, Person, Refused, Session, until
from wire.visitor_token import visitor_token

Body = dict[str, Any]
TEXT = "janus.plugin.textroom"

ELSEWHERE = "/tmp/no-participant-writes-here"
NOT_FOR_PARTICIPANTS: dict[str, list[Body]] = {
    AUDIO: [
        *({"request": name} for name in ("list", "exists", "listparticipants", "create", "edit")),
        *({"request": name} for name in ("destroy", "allowed", "kick", "kick_all", "mute")),
        *({"request": name} for name in ("unmute", "mute_room", "unmute_room", "suspend")),
        *({"request": name} for name in ("resume", "resetdecoder", "enable_recording")),
        *({"request": name} for name in ("enable_mjrs", "rtp_forward", "stop_rtp_forward")),
        *({"request": name} for name in ("listforwarders", "play_file", "stop_file")),
        *({"request": name} for name in ("is_playing", "listannouncements", "changeroom")),
        {"request": "configure", "record": True, "filename": f"{ELSEWHERE}/a"},
        {"request": "configure", "filename": f"{ELSEWHERE}/a"},
        {"request": "configure", "volume": 10_000},
        {"request": "configure", "group": "listened1"},
        {"request": "configure", "muted": False, "secret": "guess"},
        {"request": "join", "record": True, "filename": f"{ELSEWHERE}/b"},
        {"request": "join", "rtp": {"ip": "192.0.2.1", "port": 5004}},
        {"request": "join", "room": "another"},
        {"request": "join", "group": "listened1"},
        {"request": "join", "display": "x" * 600},
        {"request": ["join"]},
    ],
    VIDEO: [
        *({"request": name} for name in ("list", "exists", "listparticipants", "create", "edit")),
        *({"request": name} for name in ("destroy", "allowed", "kick", "moderate", "mute")),
        *({"request": name} for name in ("enable_recording", "rtp_forward", "stop_rtp_forward")),
        *({"request": name} for name in ("listforwarders", "add_remote_publisher")),
        *({"request": name} for name in ("update_remote_publisher", "remove_remote_publisher")),
        *({"request": name} for name in ("publish_remotely", "unpublish_remotely")),
        {"request": "configure", "record": True, "filename": f"{ELSEWHERE}/c"},
        {"request": "publish", "record": True},
        {"request": "publish", "filename": f"{ELSEWHERE}/c"},
        {"request": "configure", "bitrate": 100_000_000},
        {"request": "joinandconfigure", "room": "another"},
        {"request": "subscribe", "streams": [{"feed": "a", "secret": "guess"}]},
    ],
    TEXT: [
        *({"request": name} for name in ("list", "exists", "listparticipants", "create", "edit")),
        *({"request": name} for name in ("destroy", "allowed", "kick", "announcement", "join")),
        {"request": "message", "text": "x"},
        {"request": "setup", "secret": "guess"},
    ],
}
COMMANDS_NOT_FOR_PARTICIPANTS: list[Body] = [
    *({"janus": name} for name in ("info", "ping", "claim", "list_sessions", "message_plugin")),
    *({"janus": name} for name in ("add_token", "start_pcap", "handle_info", 7)),
    {"janus": "attach", "plugin": "janus.plugin.echotest"},
    {"janus": "attach", "plugin": AUDIO, "force-bundle": True},
    {"janus": "keepalive", "apisecret": "guess"},
    {"janus": "hangup", "handle_id": 12345},
    {"janus": "create"},
]


async def refusals(join: Body, plugin: str, bodies: list[Body]) -> list[str]:
    """Ask all of this on a connection of its own each; the reasons, "" for what Janus did."""
    reasons = []
    for body in bodies:
        session = await Session(join).open()
        try:
            handle = await session.attach(plugin)
            room = {"room": join["audioroom"], "pin": join["pin"]}
            defaults = room if body["request"] in ("join", "joinandconfigure") else {}
            await session.ask(handle, defaults | body)
            reasons.append("")
        except Refused as refusal:
            reasons.append(str(refusal))
        finally:
            await session.close()
    return reasons


async def test_a_participant_may_say_what_the_pages_need_and_nothing_else(
    unit: Unit, platform_side: Platform
) -> None:
    join = (await platform_side.creates("u1"))["join"]["webrtc"]
    for plugin, bodies in NOT_FOR_PARTICIPANTS.items():
        reasons = await refusals(join, plugin, bodies)
        asked = zip(bodies, reasons, strict=True)
        assert [body for body, why in asked if "'code': 403" not in why] == []
    assert not Path(ELSEWHERE).exists()
    await a_session_is_one_participants_own(join)


async def a_session_is_one_participants_own(join: Body) -> None:
    anna, ben = await Session(join).open(), await Session(join).open()
    handle = await anna.attach(AUDIO)
    try:
        for message in COMMANDS_NOT_FOR_PARTICIPANTS:
            with pytest.raises(Refused, match="403"):
                await ben.send(dict(message))
        ben._id = anna._id
        with pytest.raises(Refused, match="session_id"):
            await ben.ask(handle, {"request": "leave"})
    finally:
        await anna.close()
        await ben.close()


async def test_a_token_is_good_for_its_own_conference_while_that_runs(
    unit: Unit, platform_side: Platform
) -> None:
    first = (await platform_side.creates("u1", "1"))["join"]["webrtc"]
    second = (await platform_side.creates("u1", "2"))["join"]["webrtc"]
    assert first["audioroom"].startswith("1-1-")
    assert len(first["audioroom"]) > 20
    strangers = [{"token": None}, {"token": ""}, {"token": "a,b:c"}, {"token": 7}]
    for stranger in strangers:
        with pytest.raises(Refused, match="token"):
            await Session(first | stranger).open()
    as_other = first | {"audioroom": second["audioroom"], "pin": second["pin"]}
    for plugin in (AUDIO, VIDEO):
        bodies = (
            [{"request": "join", "ptype": "publisher"}]
            if plugin == VIDEO
            else [{"request": "join"}]
        )
        assert "room: not the one" in (await refusals(as_other, plugin, bodies))[0]
    member = await Session(first).open()
    handle = await member.attach(AUDIO)
    room = {"room": first["audioroom"], "pin": first["pin"]}
    await member.ask(handle, {"request": "join", **room})
    ended = {"type": "MAU_MCU_RELEASECONF_CMD", "confE164": "1", "incarnation": 1}
    await platform_side.tell("u1", ended)
    assert await until(lambda: any("destroyed" in str(event) for event in member.events))
    with pytest.raises(Refused, match="does not run here"):
        await member.attach(VIDEO)
    with pytest.raises(Refused, match="does not run here"):
        await Session(first).open()
    await (await Session(second).open()).close()
    await member.close()


async def test_a_visitors_token_is_nobody_elses_and_ends_with_a_removal(
    unit: Unit, platform_side: Platform
) -> None:
    room = (await platform_side.creates("u1"))["join"]["webrtc"]
    assert room["visitortokens"] == 1
    ben, eve = "be" * 8, "e0" * 8
    bens, eves = (room | {"token": visitor_token(room["token"], who)} for who in (ben, eve))
    as_ben = {"request": "join", "id": f"{ben}00000001"}
    assert "visitor's id" in (await refusals(eves, AUDIO, [as_ben]))[0]
    assert "visitor's id" in (await refusals(eves, AUDIO, [{"request": "join"}]))[0]
    forged = eves | {"token": eves["token"].replace(eve, ben)}
    with pytest.raises(Refused, match="token"):
        await Session(forged).open()
    with pytest.raises(Refused, match="token"):
        await Session(room | {"token": room["token"][:-1]}).open()

    people = [await enter(join, who) for join, who in ((bens, ben), (eves, eve))]
    notice = await platform_side.hears_people("8800001", lambda mts: len(online(mts)) == 2)
    mtids = {row["visitor"]: row["mtid"] for row in notice["mts"]}
    await platform_side.controls("u1", "DROPMT", mtids=[mtids[eve]], ban=1)
    await asyncio.wait_for(people[1].closed.wait(), PATIENCE)
    with pytest.raises(Refused, match="removed"):
        await Session(eves).open()
    os.kill(unit.gate, signal.SIGKILL)
    assert await until_open(bens)
    with pytest.raises(Refused, match="removed"):
        await Session(eves).open()
    eve_again = [{"account": eve, "name": eve, "type": "user"}]
    await platform_side.controls("u1", "ADDMT", mts=eve_again)
    assert await until_open(eves)
    for person in people:
        await person.close()


async def enter(join: Body, visitor: str) -> Session:
    """Enter the sound mixer as this visitor, by whose id it goes, too; return the connection."""
    session = await Session(join).open()
    entry = {"room": join["audioroom"], "pin": join["pin"], "display": visitor}
    handle = await session.attach(AUDIO)
    await session.ask(handle, {"request": "join", "id": f"{visitor}00000001", **entry})
    return session


def online(mts: list[Body]) -> list[Body]:
    return [row for row in mts if row["online"]]


async def test_over_a_data_channel_nobody_reaches_a_room_that_is_not_his(
    unit: Unit, platform_side: Platform
) -> None:
    mine = (await platform_side.creates("u1", "1", confpwd="4711"))["join"]["webrtc"]
    other = (await platform_side.creates("u1", "2"))["join"]["webrtc"]
    session = await Session(mine).open()
    channel = DataChannel(session)
    me = {"username": "mallory", "display": "Mallory"}
    try:
        await channel.open()
        entered = await channel.say(textroom="join", room=mine["textroom"], pin=mine["pin"], **me)
        assert entered["textroom"] == "success"
        theirs = {"room": other["textroom"]}  # as if its name were known
        for pin in (mine["pin"], "", None):
            answer = await channel.say(textroom="join", pin=pin, **theirs, **me)
            assert answer["textroom"] == "error", "the pin of another room opens none"
        managing: list[Body] = [
            {"textroom": "message", **theirs, "text": "hello"},
            {"textroom": "announcement", **theirs, "text": "{}"},
            {"textroom": "announcement", "room": mine["textroom"], "text": "{}"},
            {"textroom": "announcement", "room": mine["textroom"], "text": "{}", "secret": "guess"},
            {"textroom": "kick", **theirs, "username": "anna"},
            {"textroom": "kick", "room": mine["textroom"], "username": "mallory"},
            {"textroom": "edit", **theirs, "new_pin": "1"},
            {"textroom": "allowed", **theirs, "action": "disable"},
            {"textroom": "destroy", **theirs},
            {"textroom": "create", "room": "1-1-mine"},
        ]
        answers = [await channel.say(**body) for body in managing]
        done = [
            body
            for body, answer in zip(managing, answers, strict=True)
            if answer["textroom"] != "error"
        ]
        assert done == []
        assert (await channel.say(textroom="list")).get("list") == [], "no room is listed"
    finally:
        await channel.close()
        await session.close()


async def test_who_floods_the_text_room_is_put_out_of_it(
    unit: Unit, platform_side: Platform
) -> None:
    join = (await platform_side.creates("u1", "1"))["join"]["webrtc"]
    session = await Session(join).open()
    channel, me = DataChannel(session), {"username": "mallory", "display": "Mallory"}
    room = {"room": join["textroom"], "pin": join["pin"]}
    try:
        await channel.open()
        assert (await channel.say(textroom="join", **room, **me))["textroom"] == "success"

        async def is_still_in() -> bool:
            answer = await channel.say(
                textroom="message", room=join["textroom"], text="{}", ack=True
            )
            return bool(answer["textroom"] == "success")

        accepted_texts = 0
        while await is_still_in():
            accepted_texts += 1
            assert accepted_texts < 100 * MOST_TEXTS, "nobody puts the flooder out"
        assert accepted_texts >= MOST_TEXTS
    finally:
        await channel.close()
        await session.close()


async def test_only_who_is_in_the_room_may_watch_pictures(
    unit: Unit, platform_side: Platform
) -> None:
    anna = Person("anna", 440, camera=True)
    join = (await platform_side.creates("u1"))["join"]["webrtc"]
    await anna.join(join)
    try:
        unseen = {"request": "join", "ptype": "subscriber", "streams": [{"feed": anna.id}]}
        while "428" in (why := (await refusals(join, VIDEO, [unseen]))[0]):
            await asyncio.sleep(0.1)  # she does not send yet
        assert "433" in why
    finally:
        await anna.leave()


async def test_the_gate_outlives_the_agent_and_a_dead_one_is_replaced(
    unit: Unit, platform_side: Platform
) -> None:
    join = (await platform_side.creates("u1"))["join"]["webrtc"]
    anna, gate, janus = await Session(join).open(), unit.gate, unit.janus
    unit.kill_agent()
    await anna.attach(AUDIO)
    await unit.start()
    await anna.attach(VIDEO)
    assert (unit.gate, unit.janus) == (gate, janus)
    os.kill(gate, signal.SIGKILL)
    await asyncio.wait_for(anna.closed.wait(), PATIENCE)
    assert await until(lambda: unit.gate != gate)
    assert await until_open(join)
    assert unit.janus == janus
    assert not platform_side.has_said("RMS_NODE_UNREGISTER_NTF")


async def until_open(join: Body) -> bool:
    """Wait until participants can come in."""
    for _ in range(200):
        try:
            await (await Session(join).open()).close()
        except (OSError, Refused):
            await asyncio.sleep(0.1)
        else:
            return True
    return False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start programs as somebody else")
async def test_janus_is_a_user_of_its_own_that_can_write_recordings_only(
    unit: Unit, platform_side: Platform, units: Callable[[str], Unit]
) -> None:
    await platform_side.creates("u1", confid="c1", record=1, vrs={"ip": "127.0.0.1"})
    segment = unit.directory / "rec" / "c1" / "000001-001"
    assert await until(lambda: bool(list(segment.glob("audio.wav*")))), unit.log()
    assert "Uid:\t65534\t65534" in Path(f"/proc/{unit.janus}/status").read_text()
    for pid in (unit.janus, unit.gate):
        assert "AMQP_URL" not in Path(f"/proc/{pid}/environ").read_text()
    own = [path for path in unit.directory.rglob("*") if path.stat().st_uid == 65534]
    assert {path.parent for path in own} == {segment}
    writable = [path for path in unit.directory.rglob("*") if path.stat().st_mode & 0o022]
    assert writable == [segment]


async def test_disconnecting_a_participant_who_has_left_is_no_error(
    unit: Unit, platform_side: Platform
) -> None:
    room = (await platform_side.creates("u1"))["join"]["webrtc"]["textroom"]
    keys = load_secrets(unit.directory)
    link = JanusLink(f"ws://127.0.0.1:{unit.port_base + 5}/", keys.api, PLUGINS)
    await link.open()
    try:
        for plugin in PLUGINS:
            await JanusRooms(link, keys).kick(room, plugin, "nobody")
        await JanusRooms(link, keys).mute(room, "nobody", True)
        for plugin in PLUGINS:
            with pytest.raises(JanusError, match=r"nauthorized|secret"):
                await JanusRooms(link, replace(keys, rooms="guess")).kick(room, plugin, "nobody")
    finally:
        await link.close()

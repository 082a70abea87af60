"""Our Janus unit sends the sound and picture of a terminal as RTP to an address (CSS §10)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import av
import pytest

from tests.media.conftest import Platform, Unit
from tests.media.people import LOUD, QUIET, Ear, Person, until

Body = dict[str, Any]
SOUND, PICTURE = 1, 0
HERE = "127.0.0.1/32"


class Receiver(asyncio.DatagramProtocol):
    """A receiver takes RTP packets at an address of its own, and hears Opus."""

    def __init__(self, ip: str = "127.0.0.1") -> None:
        self.ip = ip
        self.packets: list[bytes] = []
        self.ear = Ear()
        self._decoder = av.CodecContext.create("libopus", "r")

    async def open(self) -> Receiver:
        """Listen at a free port."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.ip, 0), family=socket.AF_INET
        )
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    def close(self) -> None:
        self._transport.close()

    @property
    def address(self) -> Body:
        return {"ip": self.ip, "port": self.port}

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.packets = [*self.packets[-200:], data]
        if data[1] & 0x7F != 111:
            return
        with suppress(av.FFmpegError):
            for frame in self._decoder.decode(av.Packet(data[12:])):
                assert isinstance(frame, av.AudioFrame)
                wave = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
                self.ear.take(wave, frame.sample_rate)

    async def hears(self, tone: int) -> bool:
        return await until(lambda: self.ear.strength(tone) > LOUD)

    async def hears_no(self, tone: int) -> bool:
        return await until(lambda: self.ear.strength(tone) < QUIET)

    async def falls_silent(self) -> bool:
        """Tell whether packets end."""
        for _ in range(100):
            self.packets.clear()
            await asyncio.sleep(0.2)
            if not self.packets:
                return True
        return False


@pytest.fixture
async def receiver() -> AsyncIterator[Callable[..., Any]]:
    """Make receivers."""
    made_receivers: list[Receiver] = []

    async def make() -> Receiver:
        made_receivers.append(await Receiver().open())
        return made_receivers[-1]

    yield make
    for made_receiver in made_receivers:
        made_receiver.close()


@pytest.fixture
async def unit(units: Callable[[str], Unit], platform_side: Platform) -> Unit:
    """Return a running unit whose operator allows monitors on this machine."""
    started = await units("u1").start(MONITOR_NETWORKS=HERE)
    await platform_side.hears("CMU_MAU_CONFLIST_NTF")
    return started


async def starts(platform_side: Platform, mtid: str, to: Receiver, mode: int = SOUND) -> Body:
    """Ask for a monitor, and return the answer."""
    reqid = uuid4().hex
    request = {"type": "MAU_MCU_STARTMONITOR_REQ", "reqid": reqid, "confE164": "8800001"}
    await platform_side.tell(
        "u1", request | {"incarnation": 1, "mtid": mtid, "mode": mode, **to.address}
    )

    def answer() -> Body | None:
        bodies = (body for body, _ in platform_side.said)
        kind = "MCU_MAU_STARTMONITOR_"
        return next((b for b in bodies if b["type"].startswith(kind) and b["reqid"] == reqid), None)

    assert await until(lambda: answer() is not None)
    found = answer()
    assert found
    platform_side.said = [entry for entry in platform_side.said if entry[0] is not found]
    return found


async def stops(platform_side: Platform, *receivers: Receiver) -> None:
    command = {"type": "MAU_MCU_STOPMONITOR_CMD", "confE164": "8800001"}
    await platform_side.tell("u1", command | {"monitors": [r.address for r in receivers]})


async def test_a_terminal_is_heard_and_seen_by_whoever_monitors_it(
    unit: Unit, platform_side: Platform, receiver: Callable[..., Any]
) -> None:
    ack = await platform_side.creates("u1")
    anna = await Person("anna", 440, camera=True).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: sum(m["online"] for m in mts) == 1)
    ben = await Person("ben", 880).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: sum(m["online"] for m in mts) == 2)
    sound, again, mix, picture = [await receiver() for _ in range(4)]
    for watched, mtid, mode in ((sound, "1", SOUND), (again, "1", SOUND), (mix, "", SOUND)):
        assert (await starts(platform_side, mtid, watched, mode))["payload"] == 111
    assert (await starts(platform_side, "1", picture, PICTURE))["payload"] == 96
    for watched in (sound, again):
        assert await watched.hears(440)
        assert await watched.hears_no(880)
    assert await mix.hears(440)
    assert await mix.hears(880)
    assert await until(lambda: len(picture.packets) > 20)
    assert {packet[1] & 0x7F for packet in picture.packets} == {96}
    assert await ben.hears(440), "who is listened to is heard by all as before"
    assert await anna.hears(880)
    await stops(platform_side, sound, mix)
    assert await sound.falls_silent()
    assert await mix.falls_silent()
    await _is_known_to_the_next_agent(unit, platform_side, again)
    await anna.leave()
    assert await again.falls_silent()
    assert await picture.falls_silent()
    await _refuses_by_name(platform_side, sound)
    assert (await starts(platform_side, "2", sound))["type"] == "MCU_MAU_STARTMONITOR_ACK"
    assert await sound.hears(880)
    drop = {"type": "MAU_MCU_RELEASECONF_CMD", "confE164": "8800001", "incarnation": 1}
    await platform_side.tell("u1", drop)
    assert await sound.falls_silent()
    await ben.leave()


async def _is_known_to_the_next_agent(unit: Unit, platform_side: Platform, to: Receiver) -> None:
    """Assert that monitors outlive the agent, and that the next one can stop and start them."""
    unit.kill_agent()
    await unit.start(MONITOR_NETWORKS=HERE)
    await platform_side.hears("CMU_MAU_CONFLIST_NTF")
    assert await to.hears(440)
    await stops(platform_side, to)
    assert await to.falls_silent()
    assert (await starts(platform_side, "1", to))["type"] == "MCU_MAU_STARTMONITOR_ACK"
    assert await to.hears(440)


async def _refuses_by_name(platform_side: Platform, to: Receiver) -> None:
    """Assert that unknown terminals, cameras and monitors, and forbidden addresses, are refused by name."""
    refusals = [
        await starts(platform_side, "nobody", to),
        await starts(platform_side, "2", to, PICTURE),
        await starts(platform_side, "", to, PICTURE),
    ]
    request = {"type": "MAU_MCU_STARTMONITOR_REQ", "reqid": "far", "confE164": "8800001"}
    far = {"incarnation": 1, "mtid": "2", "mode": SOUND, "ip": "192.0.2.7", "port": 6000}
    await platform_side.tell("u1", request | far)
    refusals.append(await platform_side.hears("MCU_MAU_STARTMONITOR_NACK", reqid="far"))
    assert {body["errcode"] for body in refusals} == {"29015"}
    assert [body["detail"][:4] for body in refusals] == ["mtid", "mtid", "mtid", "ip: "]

"""A unit with the role `mps` makes one video stream of the pictures of a conference, which viewers watch and decode."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import av
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from tests.media.conftest import Platform, Unit, create, lives
from tests.media.people import Colour, Person, Refused, Session, until
from tests.media.test_monitors import HERE, PICTURE, Receiver, starts

Body = dict[str, Any]
RED, BLUE = (200, 40, 40), (40, 60, 200)
LEFT, RIGHT = (320, 240), (960, 240)
"""Points in the upper part of the pictures that lie side by side, where the white square does not move."""
STREAMING = "janus.plugin.streaming"
ME = {"ip": "127.0.0.1", "pid": "u1"}


class Viewer:
    """A viewer watches the composed picture of a conference, as a browser would."""

    def __init__(self) -> None:
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._tasks: set[asyncio.Task[None]] = set()
        self.frame: av.VideoFrame | None = None

    async def watch(self, join: Body, **other: str) -> Viewer:
        """Watch the stream that the `join` of a unit's ACK leads to. Raises Refused."""
        webrtc = join["webrtc"]
        self._session = await Session(webrtc).open()
        handle = await self._session.attach(STREAMING)
        body = {"request": "watch", "id": webrtc["videoroom"], "pin": webrtc["pin"], **other}
        _, offer = await self._session.ask(handle, body)
        self._peer.on("track", self._on_track)
        await self._peer.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        answer = {"type": "answer", "sdp": self._peer.localDescription.sdp}
        await self._session.ask(handle, {"request": "start"}, answer)
        return self

    async def leave(self) -> None:
        await self._peer.close()
        await self._session.close()

    def _on_track(self, track: MediaStreamTrack) -> None:
        task = asyncio.ensure_future(self._look(track))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.VideoFrame)
            self.frame = frame

    async def sees(self, left: Colour, right: Colour) -> bool:
        """Tell whether these colours are shown, left and right, now or soon."""
        return await until(lambda: self._is(LEFT, left) and self._is(RIGHT, right), 40)

    def _is(self, point: tuple[int, int], colour: Colour) -> bool:
        if self.frame is None:
            return False
        x, y = point
        pixel = self.frame.to_ndarray(format="rgb24")[y, x]
        return all(abs(int(have) - want) < 40 for have, want in zip(pixel, colour, strict=True))


@pytest.fixture
async def unit(units: Callable[[str], Unit], platform_side: Platform) -> Unit:
    """Return a running unit that may compose the pictures of one conference."""
    started = await units("u1").start(CMU_CAPACITY_COMPOSITIONS="1", MONITOR_NETWORKS=HERE)
    registered = await platform_side.hears("RMS_NODE_REGISTER_NTF", restype="mps")
    assert registered["capacity"]["confs"] == 1
    return started


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = await Receiver().open()
    yield receiver
    receiver.close()


def side_by_side(left: str, right: str) -> Body:
    """Return the layout that shows two terminals beside each other."""
    places = [{"chn_idx": n, "member_type": 1, "mt_id": mt} for n, mt in enumerate((left, right))]
    return {"layout": {"mode": 1, "layout": 2, "members": places}}


def composer_of(unit: Unit) -> int:
    """Return the process id of the composer that was started last."""
    return int(re.findall(r"composed by process (\d+)", unit.log())[-1])


async def test_a_composed_picture_follows_the_layout_and_outlives_its_process(
    unit: Unit, platform_side: Platform, receiver: Receiver
) -> None:
    ack = await platform_side.creates("u1", mps=ME, hasxmpu=1)
    anna = await Person("anna", 440, camera=RED).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: sum(m["online"] for m in mts) == 1)
    ben = await Person("ben", 880, camera=BLUE).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: sum(m["online"] for m in mts) == 2)
    await platform_side.controls("u1", "ARRANGE", changes=side_by_side("1", "2"))
    viewer = await Viewer().watch(ack["join"])
    assert await viewer.sees(RED, BLUE), unit.log()
    await platform_side.controls("u1", "ARRANGE", changes=side_by_side("2", "1"))
    assert await viewer.sees(BLUE, RED), unit.log()

    first = composer_of(unit)
    os.kill(first, signal.SIGKILL)
    assert await until(lambda: composer_of(unit) != first)
    await platform_side.controls("u1", "ARRANGE", changes=side_by_side("1", "2"))
    assert await viewer.sees(RED, BLUE), unit.log()

    assert (await starts(platform_side, "", receiver, PICTURE))["payload"] == 96
    assert await until(lambda: len(receiver.packets) > 20)
    stranger = Viewer()
    with pytest.raises(Refused):
        await stranger.watch(ack["join"], id="another")

    drop = {"type": "MAU_MCU_RELEASECONF_CMD", "confE164": "8800001", "incarnation": 1}
    await platform_side.tell("u1", drop)
    second = composer_of(unit)
    assert await until(lambda: not lives(second))
    await _is_composed_again_after_a_move(unit, platform_side)
    for person in (anna, ben, viewer, stranger):
        await person.leave()


async def _is_composed_again_after_a_move(unit: Unit, platform_side: Platform) -> None:
    """Assert that a conference which is restored with its layout has a composed picture without anybody's order."""
    former = composer_of(unit)
    settings = {"mute": 0, "silence": 0, **side_by_side("1", "2")}
    moved = create("8800001", 3, mps=ME, hasxmpu=1, settings=settings)
    await platform_side.tell("u1", moved | {"type": "MAU_CMU_RESTORECONF_REQ", "restored": 1})
    ack = await platform_side.hears("CMU_MAU_RESTORECONF_ACK", incarnation=3)
    assert await until(lambda: composer_of(unit) != former)
    red = await Person("anna", 440, camera=RED).join(ack["join"])
    await platform_side.hears_people("8800001", lambda mts: sum(m["online"] for m in mts) == 1)
    blue = await Person("ben", 880, camera=BLUE).join(ack["join"])
    viewer = await Viewer().watch(ack["join"])
    assert await viewer.sees(RED, BLUE), unit.log()
    for person in (red, blue, viewer):
        await person.leave()

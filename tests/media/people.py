"""Participants for tests: real WebRTC by aiortc. Each sings one tone and can say which tones it hears.

anna = await Person("anna", 440).join(join)
ben = await Person("ben", 880).join(join)
assert await anna.hears(880)
"""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import itertools
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import aiohttp
import aioice.ice
import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

AUDIO, VIDEO = "janus.plugin.audiobridge", "janus.plugin.videoroom"
TEXT = "janus.plugin.textroom"
RATE = 48000
LOUD, QUIET = 2000.0, 400.0
"""Of a tone of 8,000 that is mixed: heard, and not heard. What lies between is asked again."""

PATIENCE = 60.0
"""Seconds in which whatever is waited for comes, on however slow a machine."""

Body = dict[str, Any]
Colour = tuple[int, int, int]

# aioice leaves loopback out; here everybody sits on one machine.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Refused(Exception):
    """Janus refused a request."""


class Tone(MediaStreamTrack):
    """The sound of a microphone into which somebody sings one note for ever."""

    kind = "audio"

    def __init__(self, frequency: int) -> None:
        super().__init__()
        self._frequency = frequency
        self._sample = 0
        self._began = 0.0
        self.paused = False

    async def recv(self) -> av.AudioFrame:
        """Return the next frame when it is due."""
        self._began = self._began or time.monotonic()
        await asyncio.sleep(self._began + self._sample / RATE - time.monotonic())
        while self.paused:
            await asyncio.sleep(0.05)
        moments = (np.arange(RATE // 50) + self._sample) / RATE
        wave = (np.sin(2 * np.pi * self._frequency * moments) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self._sample
        frame.time_base = fractions.Fraction(1, RATE)
        self._sample += RATE // 50
        return frame


class Picture(MediaStreamTrack):
    """The picture of a camera before a wall of one colour, on which a white square moves."""

    kind = "video"

    def __init__(self, colour: Colour = (30, 90, 160)) -> None:
        super().__init__()
        self._colour, self._number, self._began = colour, 0, 0.0

    async def recv(self) -> av.VideoFrame:
        """Return the next of fifteen pictures a second."""
        self._began = self._began or time.monotonic()
        await asyncio.sleep(self._began + self._number / 15 - time.monotonic())
        image = np.full((180, 320, 3), self._colour, np.uint8)
        left = self._number * 8 % 280
        image[70:110, left : left + 40] = 255
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = self._number * 6000, fractions.Fraction(1, 90000)
        self._number += 1
        return frame


class Ear:
    """An ear keeps the last second of a sound."""

    def __init__(self) -> None:
        self._blocks: list[np.ndarray[Any, Any]] = []
        self._rate = RATE
        self.frames = 0

    async def listen(self, track: MediaStreamTrack) -> None:
        """Listen until the track ends."""
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.AudioFrame)
                wave = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
                self.take(wave, frame.sample_rate)

    def take(self, wave: np.ndarray[Any, Any], rate: int) -> None:
        """Hear twenty milliseconds."""
        self._rate = rate
        self._blocks = [*self._blocks[-24:], wave]
        self.frames += 1

    def strength(self, frequency: int) -> float:
        """Return how loud one tone is in the last half second (Goertzel's filter with a soft window)."""
        if not self._blocks:
            return 0.0
        wave = np.concatenate(self._blocks).astype(np.float64)
        window = np.hanning(len(wave))
        turns = np.exp(-2j * np.pi * frequency * np.arange(len(wave)) / self._rate)
        return float(2 * abs(np.sum(wave * window * turns)) / window.sum())


def loud_tones(sound: np.ndarray[Any, Any], rate: int) -> set[int]:
    """Return which of these tests' tones are loud in any half second of a recording.

    On a loaded machine a person of a test falls silent for moments.
    """
    half = rate // 2
    heard: set[int] = set()
    for start in range(0, max(1, len(sound) - half), half // 4):
        ear = Ear()
        ear.take(sound[start : start + half], rate)
        heard |= {tone for tone in (440, 660, 880) if ear.strength(tone) > 1000}
    return heard


class Session:
    """A user's WebSocket to Janus, with a token and never a secret."""

    def __init__(self, join: Body) -> None:
        self._join = join
        self._waiting: dict[str, asyncio.Future[Body]] = {}
        self._numbers = itertools.count(1)
        self._id = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.events: list[Body] = []
        self.closed = asyncio.Event()

    async def open(self) -> Session:
        """Connect. Raises OSError when nobody is there."""
        self._http = aiohttp.ClientSession()
        try:
            self._socket = await self._http.ws_connect(
                self._join["url"], protocols=("janus-protocol",), max_msg_size=0
            )
        except aiohttp.ClientError:
            await self._http.close()
            raise
        self._tasks.append(asyncio.create_task(self._read()))
        try:
            self._id = (await self.send({"janus": "create"}))["data"]["id"]
        except (Refused, ConnectionError):
            await self.close()
            raise
        self._tasks.append(asyncio.create_task(self._stay()))
        return self

    async def attach(self, plugin: str) -> int:
        """Return a handle on a plugin."""
        reply = await self.send({"janus": "attach", "plugin": plugin})
        handle: int = reply["data"]["id"]
        return handle

    async def ask(self, handle: int, body: Body, jsep: Body | None = None) -> tuple[Body, Body]:
        """Ask a plugin; its final answer and its session description. Raises Refused."""
        message: Body = {"janus": "message", "handle_id": handle, "body": body}
        if jsep:
            message["jsep"] = jsep
        reply = await self.send(message)
        data = reply["plugindata"]["data"]
        if "error_code" in data:
            raise Refused(f"{data['error_code']}: {data.get('error')}")
        return data, reply.get("jsep") or {}

    async def send(self, message: Body) -> Body:
        number = str(next(self._numbers))
        message |= {"transaction": number, "token": self._join["token"]}
        if self._id:
            message["session_id"] = self._id
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(message)
        async with asyncio.timeout(PATIENCE):
            reply = await self._waiting[number]
        if reply["janus"] == "error":
            raise Refused(str(reply["error"]))
        return reply

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._socket.close()
        await self._http.close()

    async def _stay(self) -> None:
        while True:
            await asyncio.sleep(10)
            await self._socket.send_json(
                {
                    "janus": "keepalive",
                    "session_id": self._id,
                    "transaction": "k",
                    "token": self._join["token"],
                }
            )

    async def _read(self) -> None:
        async for frame in self._socket:
            message = frame.json()
            answer = self._waiting.get(message.get("transaction", ""))
            if message["janus"] == "ack":
                continue
            if answer and not answer.done():
                answer.set_result(message)
            else:
                self.events.append(message)
        self.closed.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError("Janus closed the connection"))


class Person:
    """A person has a name and a tone, and with `camera`, which may be a colour, also a picture."""

    def __init__(self, name: str, tone: int, camera: bool | Colour = False) -> None:
        self.name, self.tone = name, tone
        self.camera: Colour | None = (30, 90, 160) if camera is True else camera or None
        self.id = uuid4().hex
        self.ear = Ear()
        self.session: Session | None = None
        self.voice = Tone(tone)
        self._peers: list[RTCPeerConnection] = []
        self._listening: set[asyncio.Task[None]] = set()

    async def join(self, join: Body) -> Person:
        """Enter by the `join` of a unit's ACK (or of the join page)."""
        webrtc = join.get("webrtc", join)
        self.session = await Session(webrtc).open()
        enter = {"pin": webrtc["pin"], "display": self.name, "id": self.id}
        handle = await self.session.attach(AUDIO)
        body = {"request": "join", "room": webrtc["audioroom"], "muted": False, **enter}
        await self._offer(handle, body, self.voice, self._hear)
        self._audio = handle
        if self.camera:
            handle = await self.session.attach(VIDEO)
            body = {"request": "joinandconfigure", "ptype": "publisher", "audio": False}
            await self._offer(
                handle, {**body, "room": webrtc["videoroom"], **enter}, Picture(self.camera)
            )
        return self

    async def rejoin(self, join: Body) -> Person:
        """Leave where it is (or was), and enter there; as another connection of the same person."""
        await self.leave()
        self.id, self.ear, self.voice = uuid4().hex, Ear(), Tone(self.tone)
        return await self.join(join)

    async def leave(self) -> None:
        """Leave the conference."""
        for peer in self._peers:
            await peer.close()
        self._peers.clear()
        if self.session:
            await self.session.close()
            self.session = None

    async def mute(self, value: bool) -> None:
        """Close or open the microphone, at the mixer."""
        assert self.session is not None
        await self.session.ask(self._audio, {"request": "configure", "muted": value})

    async def hears(self, tone: int, within: float = PATIENCE) -> bool:
        """Tell whether this tone is heard, now or soon."""
        return await until(lambda: self.ear.strength(tone) > LOUD, within)

    async def hears_no(self, tone: int, within: float = PATIENCE) -> bool:
        """Tell whether this tone is heard no longer, now or soon."""
        return await until(lambda: self.ear.strength(tone) < QUIET, within)

    async def hears_on(self, frames: int = 50, within: float = PATIENCE) -> bool:
        """Tell whether sound goes on arriving."""
        goal = self.ear.frames + frames
        return await until(lambda: self.ear.frames >= goal, within)

    async def _offer(
        self,
        handle: int,
        body: Body,
        track: MediaStreamTrack,
        heard: Callable[[MediaStreamTrack], None] | None = None,
    ) -> None:
        assert self.session is not None
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.append(peer)
        peer.addTrack(track)
        if heard:
            peer.on("track", heard)
        await peer.setLocalDescription(await peer.createOffer())
        offer = {"type": "offer", "sdp": peer.localDescription.sdp}
        _, answer = await self.session.ask(handle, body, offer)
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))

    def _hear(self, track: MediaStreamTrack) -> None:
        task = asyncio.ensure_future(self.ear.listen(track))
        self._listening.add(task)
        task.add_done_callback(self._listening.discard)


async def until(true: Callable[[], bool], within: float = PATIENCE) -> bool:
    """Wait until it is true, or for so long."""
    ends = time.monotonic() + within
    while not true():
        if time.monotonic() > ends:
            return False
        await asyncio.sleep(0.05)
    return True


class DataChannel:
    """A data channel to Janus' text room: what is said over it does not pass the gate."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._answers: asyncio.Queue[Body] = asyncio.Queue()

    async def open(self) -> DataChannel:
        """Open it as the join page does."""
        opened = asyncio.Event()
        handle = await self._session.attach(TEXT)
        _, offer = await self._session.ask(handle, {"request": "setup"})
        await self._peer.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        self._channel = self._peer.createDataChannel("JanusDataChannel")
        self._channel.on("open", opened.set)
        self._channel.on("message", lambda text: self._answers.put_nowait(json.loads(text)))
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        answer = {"type": "answer", "sdp": self._peer.localDescription.sdp}
        await self._session.ask(handle, {"request": "ack"}, answer)
        async with asyncio.timeout(PATIENCE):
            await opened.wait()
        return self

    async def say(self, **body: object) -> Body:
        """Say something and return the answer to it."""
        self._channel.send(json.dumps({"transaction": uuid4().hex, **body}))
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self._answers.get()
                if answer["textroom"] in ("success", "error"):
                    return answer

    async def close(self) -> None:
        """Close it."""
        await self._peer.close()

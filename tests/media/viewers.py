"""Viewers of a conference's composed picture: by WebRTC from a mountpoint of Janus."""

from __future__ import annotations

import asyncio
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from tests.media.people import LOUD, Colour, Ear, Session, until

Body = dict[str, Any]
RED, BLUE = (200, 40, 40), (40, 60, 200)
LEFT, RIGHT = (320, 240), (960, 240)
"""Points in the upper part of the pictures that lie side by side, where the white square does not move."""
STREAMING = "janus.plugin.streaming"


class Viewer:
    """A viewer watches the composed picture of a conference, and hears its sound, as a browser would."""

    def __init__(self) -> None:
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._tasks: set[asyncio.Task[None]] = set()
        self.frame: av.VideoFrame | None = None
        self.ear = Ear()

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
        following = self.ear.listen(track) if track.kind == "audio" else self._look(track)
        task = asyncio.ensure_future(following)
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

    async def hears(self, tone: int) -> bool:
        """Tell whether this tone is heard, now or soon."""
        return await until(lambda: self.ear.strength(tone) > LOUD, 40)

    async def sees(self, left: Colour, right: Colour) -> bool:
        """Tell whether these colours are shown, left and right, now or soon."""
        return await until(lambda: self._is(LEFT, left) and self._is(RIGHT, right), 40)

    def _is(self, point: tuple[int, int], colour: Colour) -> bool:
        if self.frame is None:
            return False
        x, y = point
        pixel = self.frame.to_ndarray(format="rgb24")[y, x]
        return all(abs(int(have) - want) < 40 for have, want in zip(pixel, colour, strict=True))


def side_by_side(left: str, right: str) -> Body:
    """Return the layout, as the open API has it, that shows two terminals beside each other."""
    places = [{"chn_idx": n, "member_type": 1, "mt_id": mt} for n, mt in enumerate((left, right))]
    return {"mode": 1, "layout": 2, "members": places}

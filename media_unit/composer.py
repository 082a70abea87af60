"""The composer is a process that makes one video stream of the pictures of one conference.

Janus sends it pictures as RTP; it decodes, scales, arranges and encodes them, all on one thread, and sends the result
to the addresses in its plan. Plans come as lines of JSON on its standard input; it ends with that.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import socket
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import av
import msgspec
from av.video.codeccontext import VideoCodecContext
from PIL import Image, ImageDraw

from media_unit.fonts import font_of
from media_unit.picture_layout import (
    HEIGHT,
    WIDTH,
    Plan,
    PlannedTile,
    Rectangle,
    fit,
    overlap,
)
from media_unit.vp8_rtp import FrameAssembler, Packetizer, is_too_large, parse

FRAMES_A_SECOND = 25
_BITRATE = 1_500_000
_KEY_FRAME_EVERY = 2 * FRAMES_A_SECOND
"""Frames after which a viewer who has just come sees the picture, unless Janus has kept the last key frame."""
_SILENT_SECONDS = 5.0
"""A terminal without a new frame for so long shows its name instead."""
_NAME_HEIGHT = 28


class Source:
    """A source is the picture of one terminal: its RTP packets, its decoder and its last frame."""

    def __init__(self) -> None:
        """Begin without a frame, and with a decoder for VP8."""
        self._assembler = FrameAssembler()
        self._decoder = codec("vp8", "r")
        self.frame: av.VideoFrame | None = None
        self.seen_at = 0.0

    def add_packet(self, data: bytes) -> None:
        """Add an RTP packet (`data`), and decode the frames that it completes; `frame` is then the last of them.

        A frame that cannot be decoded is left out.
        """
        if (packet := parse(data)) is None:
            return
        for encoded in self._assembler.add(packet):
            if is_too_large(encoded):
                continue
            # Before the first key frame nothing can be decoded.
            with contextlib.suppress(av.FFmpegError):
                for frame in self._decoder.decode(av.Packet(encoded)):
                    self.frame, self.seen_at = frame, time.monotonic()


class Tile:
    """A tile draws one terminal's picture, or its name, into its rectangle of the composed frame."""

    def __init__(self, plan: PlannedTile, source: Source | None) -> None:
        """Prepare to draw the picture of `source` where `plan` says; `None`: the terminal sends no picture."""
        self._plan, self._source = plan, source
        self._drawn: av.VideoFrame | None = None
        """The frame that was drawn last; `None` while the tile shows the name."""
        self._filled: Rectangle | None = None
        """The part of the tile that the picture fills; `None` while the tile shows the name."""
        self._is_new = True

    @property
    def place(self) -> Rectangle:
        """Return the part of the composed frame that belongs to the tile."""
        return self._plan.rectangle

    def draw(self, canvas: av.VideoFrame, now: float, is_covered: bool) -> bool:
        """Draw the tile if it has changed or is covered by another that was drawn; return whether it was drawn."""
        frame = self._source.frame if self._source else None
        if self._source is None or now - self._source.seen_at > _SILENT_SECONDS:
            # A participant whose picture stands still for long is shown by name.
            frame = None
        if frame is self._drawn and not is_covered and not self._is_new:
            return False
        part = fit(frame.width, frame.height, self.place) if frame else None
        if part is None or part != self._filled or is_covered:
            # The picture does not fill the tile, or another part of it than before.
            self._draw_background(canvas, "" if frame else self._plan.name)
        if frame and part:
            small = frame.reformat(part.width, part.height, "yuv420p", interpolation="BILINEAR")
            paste(canvas, small, part.x, part.y)
            if self._plan.shows_name:
                self._draw_name(canvas)
        self._drawn, self._filled, self._is_new = frame, part, False
        return True

    def _draw_background(self, canvas: av.VideoFrame, text: str) -> None:
        """Fill the tile with grey, and `text` in its middle."""
        picture = text_picture(text, self.place.width, self.place.height)
        paste(canvas, picture, self.place.x, self.place.y)

    def _draw_name(self, canvas: av.VideoFrame) -> None:
        """Draw the terminal's name at the lower edge of the tile."""
        height = min(_NAME_HEIGHT, self.place.height)
        picture = text_picture(self._plan.name, self.place.width, height)
        paste(canvas, picture, self.place.x, self.place.y + self.place.height - height)


@lru_cache(maxsize=64)
def text_picture(text: str, width: int, height: int) -> av.VideoFrame:
    """Return a grey picture with a text in its middle, as `drawn_text` draws it; it must not be changed."""
    return drawn_text(text, width, height)


def drawn_text(text: str, width: int, height: int) -> av.VideoFrame:
    """Return a dark grey picture of this size (pixels), with a text in light grey in its middle."""
    image = Image.new("RGB", (width, height), (34, 42, 48))
    font = font_of(max(10, min(height * 2 // 3, 40)))
    place = (width / 2, height / 2)
    ImageDraw.Draw(image).text(place, text, (225, 230, 235), font, anchor="mm")
    frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # av's own gap
    return frame.reformat(format="yuv420p")


def paste(canvas: av.VideoFrame, picture: av.VideoFrame, x: int, y: int) -> None:
    """Copy a picture into the canvas; both are of the format yuv420p, whose planes 1 and 2 have half the size."""
    for number, (target, source) in enumerate(zip(canvas.planes, picture.planes, strict=True)):
        half = 2 if number else 1
        target_bytes, source_bytes = memoryview(target), memoryview(source)
        start, offset = y // half * target.line_size + x // half, 0
        for _ in range(source.height):
            target_bytes[start : start + source.width] = source_bytes[
                offset : offset + source.width
            ]
            start, offset = start + target.line_size, offset + source.line_size


class Composer:
    """A composer makes one picture of those of a conference's terminals, and sends it as RTP, 25 frames a second.

    It reads the terminals' pictures as RTP, and plans, which say where each of them lies and where to send the result.
    """

    def __init__(self, incoming: socket.socket, orders: int) -> None:
        """Begin with an empty frame.

        `incoming`: the UDP socket to which pictures come. `orders`: the file descriptor from which plans (what is
        shown where) are read.
        """
        self._incoming, self._plan_input = incoming, orders
        self._unread = b""
        self._sources: dict[int, Source] = {}
        """SSRC -> picture of a terminal."""
        self._tiles: list[Tile] = []
        self._targets: tuple[tuple[str, int], ...] = ()
        self._canvas = drawn_text("", WIDTH, HEIGHT)
        self._encoder = encoder()
        self._packetizer = Packetizer(secrets.randbits(32))
        self._outgoing: dict[int, socket.socket] = {}
        """Family of addresses (AF_INET, AF_INET6) -> the socket that sends there."""

    def run(self) -> None:
        """Compose frames and send them, at the rate FRAMES_A_SECOND, until the input of plans ends."""
        began = due = time.monotonic()
        number = -1
        while self._read(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            if now < due:
                continue
            # After a long pause the next frame is due at once, and the frames that were not drawn are skipped.
            due = max(due, now - 1 / FRAMES_A_SECOND) + 1 / FRAMES_A_SECOND
            number = max(number + 1, int((now - began) * FRAMES_A_SECOND))
            self._draw(now)
            self._send(number)

    def _read(self, max_wait: float) -> bool:
        """Read pictures and plans, after waiting up to `max_wait` seconds for some; return False once the plans end.

        Plans are lines of JSON, of which only the last one counts. The SSRC (bytes 8 to 11) of an RTP packet says whose
        picture it is of.
        """
        inputs = (self._incoming.fileno(), self._plan_input)
        readable, _, _ = select.select(inputs, (), (), max_wait)
        if self._plan_input in readable:
            if not (data := os.read(self._plan_input, 65536)):
                return False
            *lines, self._unread = (self._unread + data).split(b"\n")
            if lines:
                self._apply_plan(msgspec.json.decode(lines[-1], type=Plan))
        for packet in self._packets():
            source = self._sources.get(int.from_bytes(packet[8:12]))
            if source:
                source.add_packet(packet)
        return True

    def _packets(self) -> Iterator[bytes]:
        """Yield the RTP packets that have come, at most 200; the rest follows at the next call."""
        with contextlib.suppress(BlockingIOError):
            # At most 200, so that frames are sent in time also while very many come. A packet has at most 1500 bytes.
            for _ in range(200):
                yield self._incoming.recv(2048)

    def _apply_plan(self, plan: Plan) -> None:
        """Compose by this plan (what is shown where) from now on.

        Pictures that the former plan had, too, go on with their last frame.
        """
        ssrcs = {tile.ssrc for tile in plan.tiles if tile.ssrc}
        self._sources = {ssrc: self._sources.get(ssrc) or Source() for ssrc in ssrcs}
        self._canvas = drawn_text("", WIDTH, HEIGHT)
        self._tiles = [Tile(tile, self._sources.get(tile.ssrc)) for tile in plan.tiles]
        self._targets = plan.targets

    def _draw(self, now: float) -> None:
        """Draw the tiles that have changed at the time `now`, and those that lie upon them (one picture in another)."""
        drawn: list[Rectangle] = []
        for tile in self._tiles:
            is_covered = any(overlap(tile.place, other) for other in drawn)
            if tile.draw(self._canvas, now, is_covered):
                drawn.append(tile.place)

    def _send(self, number: int) -> None:
        """Encode the composed frame with this number (25 a second), and send it; RTP counts 90,000 ticks a second."""
        self._canvas.pts = number
        for encoded in self._encoder.encode(self._canvas):
            timestamp = number * 90_000 // FRAMES_A_SECOND
            for packet in self._packetizer.packets(bytes(encoded), timestamp):
                for ip, port in self._targets:
                    # Whoever does not receive any more must not stop the others.
                    with contextlib.suppress(OSError):
                        self._socket_for(ip).sendto(packet, (ip, port))

    def _socket_for(self, ip: str) -> socket.socket:
        """Return the UDP socket that sends to addresses of this kind, IPv4 or IPv6."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        if family not in self._outgoing:
            self._outgoing[family] = socket.socket(family, socket.SOCK_DGRAM)
        return self._outgoing[family]


def codec(name: str, mode: Literal["r", "w"]) -> VideoCodecContext:
    """Return a video decoder (`mode` "r") or encoder ("w") of the library `name`, which uses one thread."""
    context = VideoCodecContext.create(name, mode)
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    return context


def encoder() -> VideoCodecContext:
    """Return a VP8 encoder for the composed picture that gives each frame at once, without looking ahead."""
    context = codec("libvpx", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FRAMES_A_SECOND), Fraction(FRAMES_A_SECOND)
    context.bit_rate, context.gop_size = _BITRATE, _KEY_FRAME_EVERY
    context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    return context


def main() -> None:
    """Compose the pictures of one conference until the standard input, which brings the plans, ends.

    The pictures come to a UDP socket of the parent process, whose file descriptor the command line names.
    """
    os.nice(5)  # forwarding pictures is more important
    with socket.socket(fileno=int(sys.argv[1])) as incoming:
        incoming.setblocking(False)
        Composer(incoming, sys.stdin.fileno()).run()


if __name__ == "__main__":
    main()

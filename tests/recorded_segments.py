"""Recorded segments as Janus and our agent leave them, made without either: moving VP8 pictures and a tone."""

from __future__ import annotations

import json
import struct
import wave
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from media_unit.vp8_rtp import Packetizer

BEGUN = datetime(2026, 11, 30, 9, tzinfo=UTC)
FRAMES_A_SECOND, WIDTH, HEIGHT, RATE = 15, 640, 360, 16_000


@cache
def _moving_frames(seconds: int) -> tuple[bytes, ...]:
    """Return the frames of a camera before which something moves, as VP8 of 600 kbit/s."""
    context: Any = VideoCodecContext.create("libvpx", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FRAMES_A_SECOND), FRAMES_A_SECOND
    context.bit_rate, context.gop_size, context.thread_count = 600_000, 60, 1
    context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    noise = np.random.default_rng(1)
    still = noise.integers(60, 190, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    still = still.repeat(8, axis=0).repeat(8, axis=1)
    frames: list[bytes] = []
    for number in range(seconds * FRAMES_A_SECOND):
        picture = still.copy()
        left = number * 4 % (WIDTH - 160)
        picture[80:280, left : left + 160] = 255 - picture[80:280, left : left + 160]
        picture ^= noise.integers(0, 4, picture.shape, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        frames += [bytes(packet) for packet in context.encode(frame)]
    return tuple(frames)


def write_segment(folder: Path, people: int, seconds: int, after: float = 0.0) -> Path:
    """Write a segment of so many people into a folder, begun `after` seconds after 9 o'clock; return the folder."""
    folder.mkdir(parents=True)
    begun = BEGUN + timedelta(seconds=after)
    ended = begun + timedelta(seconds=seconds)
    for number in range(people):
        _write_pictures(folder / f"videoroom-1-user-p{number}-1-video-0.mjr", begun, seconds)
    with wave.open(str(folder / "audio.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        times = np.arange(seconds * RATE) / RATE
        sound.writeframes((8000 * np.sin(2 * np.pi * 440 * times)).astype("<i2").tobytes())
    note = {
        "begun": begun.isoformat(),
        "ended": ended.isoformat(),
        "people": {
            f"p{number}": {"mtid": str(number), "name": f"Person {number}"}
            for number in range(people)
        },
    }
    (folder / "segment.json").write_text(json.dumps(note))
    return folder


def _write_pictures(path: Path, begun: datetime, seconds: int) -> None:
    """Write what one camera sends into a file as of Janus (`.mjr`)."""
    header = json.dumps({"t": "v", "c": "vp8", "u": int(begun.timestamp() * 1e6)}).encode()
    packetizer = Packetizer(ssrc=1)
    with path.open("wb") as file:
        file.write(b"MJR00002" + struct.pack("!H", len(header)) + header)
        for number, frame in enumerate(_moving_frames(seconds)):
            milliseconds = number * 1000 // FRAMES_A_SECOND
            for packet in packetizer.packets(frame, number * 90_000 // FRAMES_A_SECOND):
                file.write(struct.pack("!4sIH", b"MEET", milliseconds, len(packet)) + packet)

"""The CPU that a composed picture costs: FFmpeg decodes, scales, combines and encodes four pictures.

It needs no server: `python -m benchmarks.composition`. CPU seconds count, so other load on the machine matters little.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

WIDTH, HEIGHT, FRAMES_A_SECOND, SECONDS = 1280, 720, 25, 4
TILES = 4
Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
CODECS = {
    "vp8": ("libvpx", "vp8", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "h264": ("libx264", "h264", {"preset": "ultrafast", "tune": "zerolatency"}),
}
"""Name -> encoder, decoder, and options for an encoder that never waits."""


def encoder(codec: str, width: int, height: int, bitrate: int) -> Any:
    """Return an encoder of one thread."""
    name, _, options = CODECS[codec]
    context: Any = VideoCodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FRAMES_A_SECOND), Fraction(FRAMES_A_SECOND)
    context.bit_rate, context.options, context.thread_count = bitrate, options, 1
    return context


def camera_frames() -> Iterator[av.VideoFrame]:
    """Yield frames as of a camera: a still background with noise, and a part that moves."""
    noise = np.random.default_rng(1)
    background = noise.integers(60, 190, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    still = background.repeat(8, axis=0).repeat(8, axis=1)
    for number in range(FRAMES_A_SECOND * SECONDS):
        picture = still.copy()
        left = 200 + number * 3
        picture[160:560, left : left + 320] = 255 - picture[160:560, left : left + 320]
        picture ^= noise.integers(0, 4, picture.shape, dtype=np.uint8)
        yield av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")


def encoded(codec: str) -> list[Any]:
    """Return the packets of one participant's picture."""
    context = encoder(codec, WIDTH, HEIGHT, 1_000_000)
    packets: list[Any] = []
    for number, frame in enumerate(camera_frames()):
        frame.pts = number
        packets += context.encode(frame)
    return packets


def compose(codec: str, packets: list[Any], tiles: int) -> dict[str, float]:
    """Return the CPU seconds for one second of video of each step: decode, scale, put together, encode."""
    decoders: list[Any] = [VideoCodecContext.create(CODECS[codec][1], "r") for _ in range(tiles)]
    for decoder in decoders:
        decoder.thread_count = 1
    spent = dict.fromkeys(("decode", "scale", "put together", "encode"), 0.0)
    output = encoder(codec, WIDTH, HEIGHT, 1_500_000)
    for number, packet in enumerate(packets):
        marks = [time.process_time()]
        frames = [frame for decoder in decoders for frame in decoder.decode(packet)]
        marks.append(time.process_time())
        small = [f.reformat(WIDTH // 2, HEIGHT // 2, interpolation="BILINEAR") for f in frames]
        marks.append(time.process_time())
        canvas = np.zeros((HEIGHT * 3 // 2, WIDTH), np.uint8)
        for place, tile in enumerate(small):
            _paste(canvas, tile.to_ndarray(), place % 2, place // 2)
        picture = av.VideoFrame.from_ndarray(canvas, format="yuv420p")
        picture.pts = number
        marks.append(time.process_time())
        output.encode(picture)
        marks.append(time.process_time())
        for step, seconds in zip(spent, np.diff(marks), strict=True):
            spent[step] += float(seconds) / SECONDS
    return spent


def _paste(canvas: Picture, tile: Picture, column: int, row: int) -> None:
    """Copy a quarter of the size into its place; all three planes lie below one another."""
    height, width = HEIGHT // 2, WIDTH // 2
    canvas[row * height : (row + 1) * height, column * width : (column + 1) * width] = tile[:height]
    for plane in (0, 1):
        source = tile[height:].reshape(2, height // 2, width // 2)[plane]
        target = canvas[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)[plane]
        target[
            row * height // 2 : (row + 1) * height // 2,
            column * width // 2 : (column + 1) * width // 2,
        ] = source


def main() -> None:
    """Print the table."""
    print(
        f"CPU seconds for one second of {TILES} pictures of {HEIGHT}p at {FRAMES_A_SECOND} a second"
    )
    for codec in CODECS:
        spent = compose(codec, encoded(codec), TILES)
        steps = ", ".join(f"{step} {seconds:.2f}" for step, seconds in spent.items())
        print(f"{codec:5} {sum(spent.values()):.2f}: {steps}")


if __name__ == "__main__":
    main()

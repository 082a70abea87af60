"""Facts that a stranger's file states about itself are stored only where they are possible."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from im.data.files.inspect_media import LONGEST_MS
from im.data.files.media_info import inspect_file

DURATION = b"\x44\x89\x88"
"""The mark of the element in a WebM file that states the duration, and its length: a number of 8 bytes follows."""


def webm_of(path: Path, milliseconds: float) -> None:
    """Write a WebM file with 0.4 s of silence that claims to last so many milliseconds."""
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48000)
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 48000, number * 960
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    content = bytearray(path.read_bytes())
    place = content.index(DURATION) + len(DURATION)
    content[place : place + 8] = struct.pack(">d", milliseconds)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("claimed", "duration"), [(400.0, 400), (LONGEST_MS + 1.0, None), (1e13, None), (-4e12, None)]
)
def test_a_duration_that_no_recording_has_is_unknown(
    tmp_path: Path, claimed: float, duration: int | None
) -> None:
    webm_of(tmp_path / "file", claimed)
    with inspect_file(tmp_path / "file") as (info, _):
        assert (info.content_type, info.duration_ms) == ("audio/webm", duration)


@pytest.mark.parametrize(("orientation", "size"), [(6, (20, 30)), (3, (30, 20)), (99, (30, 20))])
def test_only_a_picture_that_is_shown_turned_changes_its_sides(
    tmp_path: Path, orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 20)).save(tmp_path / "file", "JPEG", exif=exif)
    with inspect_file(tmp_path / "file") as (info, thumbnail):
        assert (info.width, info.height) == size
        assert thumbnail.exists()

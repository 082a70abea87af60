"""What Janus leaves of a segment is read up to where it is damaged."""

from __future__ import annotations

import json
import struct
import wave
from datetime import UTC, datetime
from pathlib import Path

from media_unit.picture_layout import film_rectangles, overlap
from media_unit.segment_files import packets_of, read_segment

BEGUN = datetime(2026, 11, 30, 9, tzinfo=UTC)


def segment_in(folder: Path, pictures: bytes) -> None:
    """Write a segment of ten seconds, in which anna shows her screen from the second second on."""
    header = json.dumps({"c": "vp8", "u": int(BEGUN.timestamp() * 1e6) + 2_000_000}).encode()
    start = b"MJR00002" + struct.pack("!H", len(header)) + header
    (folder / "videoroom-1-user-a-b-77-video-1.mjr.tmp").write_bytes(start + pictures)
    note = {
        "begun": BEGUN.isoformat(),
        "ended": BEGUN.replace(second=10).isoformat(),
        "people": {
            "a-b": {"mtid": "1", "name": "anna", "from": BEGUN.replace(second=2).isoformat()}
        },
    }
    (folder / "segment.json").write_text(json.dumps(note))


def packet(milliseconds: int, content: bytes) -> bytes:
    return struct.pack("!4sIH", b"MEET", milliseconds, len(content)) + content


def test_packets_are_read_up_to_one_that_was_not_written_whole(tmp_path: Path) -> None:
    segment_in(tmp_path, packet(0, b"one") + packet(40, b"two") + packet(80, b"three")[:-2])
    segment = read_segment(tmp_path)
    assert segment
    assert segment.seconds == 10
    assert (segment.people["a-b"].name, segment.people["a-b"].begin) == ("anna", 2.0)
    (picture,) = segment.pictures
    assert (picture.participant, picture.is_screen) == ("a-b", True)
    assert list(packets_of(picture)) == [(2.0, b"one"), (2.04, b"two")]


def test_what_is_no_recording_is_left_out(tmp_path: Path) -> None:
    segment_in(tmp_path, b"MEAT")
    (tmp_path / "x-user-a-1-video-0.mjr").write_bytes(b"MJR00002\xff\xff{")
    (tmp_path / "audio.wav.tmp").write_bytes(b"RIFF")
    segment = read_segment(tmp_path)
    assert segment
    assert segment.sound is None
    assert [list(packets_of(picture)) for picture in segment.pictures] == [[]]
    (tmp_path / "segment.json").write_text("{")
    assert read_segment(tmp_path) is None


def test_a_sound_file_that_was_not_closed_is_read(tmp_path: Path) -> None:
    segment_in(tmp_path, b"")
    with wave.open(str(tmp_path / "audio.wav.tmp"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
    segment = read_segment(tmp_path)
    assert segment
    assert segment.sound
    assert (segment.sound.rate, segment.sound.channels, segment.sound.offset) == (16000, 1, 44)


def test_a_shared_screen_is_large_and_covers_nobody() -> None:
    screen, *others = film_rectangles(8, has_screen=True)
    assert screen.width * screen.height > 6 * others[0].width * others[0].height
    places = [screen, *others]
    assert not any(overlap(a, b) for i, a in enumerate(places) for b in places[:i])
    assert len(film_rectangles(3, has_screen=False)) == 3

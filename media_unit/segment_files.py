"""The files of a recorded segment as Janus and our unit write them: sound, pictures, and the note of who was there.

Whatever of a file is damaged or missing, as at the end after a kill, is left out; nothing here raises for it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson

from media_unit.recording import read_note

_PICTURE = re.compile(r"-user-(?P<participant>.+)-\d+-video-(?P<number>\d+)\.mjr(\.tmp)?")
_MJR = b"MJR00002"
_PACKET = struct.Struct("!4sIH")
"""Before each RTP packet of an `.mjr` file: MEET, milliseconds since the first one, bytes of the packet."""
_WAV_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_MOST_SECONDS = 24 * 3600.0


class Person(NamedTuple):
    """A person of a segment: the terminal, its name, and from when to when it was there (seconds of the segment)."""

    mtid: str
    name: str
    begin: float
    end: float


class PictureFile(NamedTuple):
    """The pictures that one participant sent, from `begin` (seconds of the segment) on; `is_screen`: a shared one."""

    path: Path
    participant: str
    is_screen: bool
    begin: float


class Sound(NamedTuple):
    """The mixed sound of a segment: 16 bits a sample, beginning at the byte `offset` of the file."""

    path: Path
    rate: int
    channels: int
    offset: int


class Segment(NamedTuple):
    """A recorded segment: its moments, the people in it by the participant's id, its pictures, and its sound."""

    begun: datetime
    ended: datetime
    people: dict[str, Person]
    pictures: list[PictureFile]
    sound: Sound | None

    @property
    def seconds(self) -> float:
        """Return how long the segment lasted, at most a day."""
        return min(max(0.0, (self.ended - self.begun).total_seconds()), _MOST_SECONDS)


def read_segment(folder: Path) -> Segment | None:
    """Return the segment in a folder; `None` if its note does not say from when to when it was recorded."""
    note = read_note(folder)
    try:
        begun, ended = (datetime.fromisoformat(note[name]) for name in ("begun", "ended"))
    except (KeyError, TypeError, ValueError):
        return None
    people = {
        participant: Person(
            str(person.get("mtid", participant)),
            str(person.get("name") or ""),
            _seconds_after(begun, person.get("from"), 0.0),
            _seconds_after(begun, person.get("until"), _MOST_SECONDS),
        )
        for participant, person in note.get("people", {}).items()
    }
    return Segment(begun, ended, people, _pictures(folder, begun), _sound(folder))


def _seconds_after(begun: datetime, text: object, default: float) -> float:
    """Return how many seconds after the segment's begin a moment of its note is; `default` if it is none."""
    try:
        return (datetime.fromisoformat(str(text)) - begun).total_seconds()
    except (TypeError, ValueError):
        return default


def _pictures(folder: Path, begun: datetime) -> list[PictureFile]:
    """Return the files with pictures. The second stream of a participant is a shared screen."""
    picture_files: list[PictureFile] = []
    for path in sorted(folder.iterdir()):
        if match := _PICTURE.search(path.name):
            with path.open("rb") as file:
                header = _read_mjr_header(file)
            microseconds = header.get("u") or header.get("s")
            if header.get("c") == "vp8" and isinstance(microseconds, int):
                begin = microseconds / 1e6 - begun.timestamp()
                is_screen = match["number"] != "0"
                picture_files.append(PictureFile(path, match["participant"], is_screen, begin))
    return picture_files


def _read_mjr_header(file: BinaryIO) -> dict[str, object]:
    """Read and return what an `.mjr` file says of itself; {} if it is none."""
    if file.read(len(_MJR)) != _MJR:
        return {}
    try:
        (length,) = struct.unpack("!H", file.read(2))
        header = orjson.loads(file.read(length))
    except (struct.error, ValueError):
        return {}
    return header if isinstance(header, dict) else {}


def packets_of(picture: PictureFile) -> Iterator[tuple[float, bytes]]:
    """Yield the RTP packets of a file, each with its second of the segment, up to where the file is damaged."""
    with picture.path.open("rb") as file:
        _read_mjr_header(file)
        while len(head := file.read(_PACKET.size)) == _PACKET.size:
            mark, milliseconds, length = _PACKET.unpack(head)
            if mark != b"MEET":
                return
            if len(packet := file.read(length)) < length:
                return
            yield picture.begin + milliseconds / 1000, packet


def _sound(folder: Path) -> Sound | None:
    """Return the mixed sound of a segment; `None` if there is none. A header without lengths will do."""
    for path in (folder / "audio.wav", folder / "audio.wav.tmp"):
        if path.exists():
            with path.open("rb") as file:
                head = file.read(_WAV_HEADER.size)
            if len(head) < _WAV_HEADER.size:
                return None
            riff, _, wave, *_, channels, rate, _, _, bits, _, _ = _WAV_HEADER.unpack(head)
            if (riff, wave, bits) == (b"RIFF", b"WAVE", 16) and channels in (1, 2) and rate:
                return Sound(path, rate, channels, _WAV_HEADER.size)
    return None

"""The functions here read the files of a recorded segment: sound, pictures, and the note of who was there.

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
    """Represent a person in a recorded segment: the terminal, its name, and from which second to which it was there."""

    mtid: str
    name: str
    begin: float
    end: float


class PictureFile(NamedTuple):
    """Represent the file with the pictures that one participant sent, from the second `begin` of the segment on.

    `is_screen`: they are a shared screen.
    """

    path: Path
    participant: str
    is_screen: bool
    begin: float


class Sound(NamedTuple):
    """Represent the mixed sound of a segment: 16 bits a sample, beginning at the byte `offset` of the file."""

    path: Path
    rate: int
    channels: int
    offset: int


class Segment(NamedTuple):
    """A recorded segment: when it began and ended, the people in it by participant id, its pictures and sound."""

    begun: datetime
    ended: datetime
    people: dict[str, Person]
    pictures: list[PictureFile]
    sound: Sound | None

    @property
    def seconds(self) -> float:
        """Return the length of the segment in seconds, at most a day."""
        return min(max(0.0, (self.ended - self.begun).total_seconds()), _MOST_SECONDS)


def read_segment(folder: Path) -> Segment | None:
    """Return the recorded segment in a folder; `None` if its note does not say when it began and ended."""
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
    """Return how many seconds after the segment's begin a time in its note is; `default` if the text is no time."""
    try:
        return (datetime.fromisoformat(str(text)) - begun).total_seconds()
    except (TypeError, ValueError):
        return default


def _pictures(folder: Path, begun: datetime) -> list[PictureFile]:
    """Return the files with pictures in a segment's folder; those that cannot be decoded are left out.

    The second stream of a participant (`number` not 0) is a shared screen.
    """
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
    """Read and return the JSON object at the beginning of a file that Janus has recorded (`.mjr`); {} if it is none."""
    if file.read(len(_MJR)) != _MJR:
        return {}
    try:
        (length,) = struct.unpack("!H", file.read(2))
        header = orjson.loads(file.read(length))
    except (struct.error, ValueError):
        return {}
    return header if isinstance(header, dict) else {}


def packets_of(picture: PictureFile) -> Iterator[tuple[float, bytes]]:
    """Yield the RTP packets of a file of pictures, each with its second of the segment, up to where it is damaged."""
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
    """Return the mixed sound of a segment, as its WAV file describes it; `None` without a file that can be used.

    The file may lack its lengths (`.tmp`), which Janus writes at the end.
    """
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

"""The recording store: a folder for each recording, in it one for each segment, and the film that was made of them.

Web and worker processes share the folder RECORDINGS; with several machines it is one that all of them mount.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
from django.conf import settings
from django.core import signing

from conferences.rules.recordings import StoredFile

FREE_BYTES = 512 * 1024 * 1024
"""So many bytes of the store's disk stay free."""
ORDER_SECONDS = 3600
_SALT = "conferences.recordings.parts"
_PIECE = 256 * 1024


class Source(Protocol):
    """A source of bytes, such as the body of an HTTP request."""

    def read(self, size: int, /) -> bytes:
        """Return at most this many bytes, and none at the end."""


class SegmentKey(NamedTuple):
    """The key of a recorded segment: the platform that has its data, its recording's id, and its place in that.

    `incarnation` counts the media units that had the conference, `segment` the segments of each.
    """

    platform: str
    recording: str
    incarnation: int
    segment: int


class Chapter(msgspec.Struct, frozen=True):
    """A chapter of a film, as the program that has made the film writes it (`media_unit/film_chapters.py`)."""

    at: float
    kind: str
    name: str = ""
    seconds: float = 0.0


class BadOrder(ValueError):
    """The exception that says that a unit's order to upload a recorded segment is forged or has expired."""


def sign_order(key: SegmentKey) -> str:
    """Return the credential (an "order") with which a media unit may upload the files of one recorded segment."""
    return signing.dumps([*key], salt=_SALT)


def read_order(order: str) -> SegmentKey:
    """Return the recorded segment that a unit's credential (its "order") is for. Raises BadOrder."""
    try:
        return SegmentKey(*signing.loads(order, salt=_SALT, max_age=ORDER_SECONDS))
    except (signing.BadSignature, TypeError) as error:
        raise BadOrder(str(error)) from None


def folder_of(recording: str) -> Path:
    """Return the folder of a recording, by its id, which we have generated."""
    return Path(settings.RECORDINGS) / recording[-2:] / recording


def folders_of_backup() -> Mapping[str, Path | str]:
    """Return the folder of all recordings, which belongs to a backup of the site."""
    return {"recordings": Path(settings.RECORDINGS)}


def segment_folder(key: SegmentKey) -> Path:
    """Return the folder of a segment; the names of folders give the order of a recording's segments."""
    return folder_of(key.recording) / "segments" / f"{key.incarnation:010d}-{key.segment:04d}"


@contextmanager
def lock_part(key: SegmentKey, name: str) -> Iterator[BufferedRandom]:
    """Open a file of a recorded segment for writing, and lock it. Raises BlockingIOError if another request writes it.

    `name` becomes a path: the caller has checked that it is one of those that the segment's row has.
    """
    folder = segment_folder(key)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


def missing_files(key: SegmentKey, files: Iterable[StoredFile]) -> list[str]:
    """Return the names of those received files of a segment that are not in the store with all their bytes."""
    folder = segment_folder(key)
    return [
        file.name for file in files if file.received and _size_at(folder / file.name) != file.size
    ]


def _size_at(path: Path) -> int | None:
    """Return the size of a file in bytes; `None` if there is none, or it cannot be looked at."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def size_of(file: BufferedRandom) -> int:
    """Return how many bytes of a file that is being uploaded have come."""
    return os.fstat(file.fileno()).st_size


def has_room(count: int) -> bool:
    """Return whether the disk of the recordings has room for `count` bytes more, with FREE_BYTES left over."""
    return shutil.disk_usage(settings.RECORDINGS).free >= count + FREE_BYTES


def append(file: BufferedRandom, source: Source, count: int) -> None:
    """Append up to `count` bytes of a source to a file, and sync it to disk; what came before a broken line is kept."""
    file.seek(0, os.SEEK_END)
    try:
        while count and (piece := source.read(min(count, _PIECE))):
            file.write(piece)
            count -= len(piece)
    finally:
        file.flush()
        os.fdatasync(file.fileno())


def has_hash(file: BufferedRandom, sha256: str) -> bool:
    """Return whether a file's content has this SHA-256; one that has not is emptied, to be sent again."""
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
        return True
    file.truncate(0)
    return False


def has_file(recording: str, name: str) -> bool:
    """Return whether a recording has a file with this name, which is one of ours."""
    return (folder_of(recording) / name).is_file()


def chapters_of(recording: str) -> list[Chapter]:
    """Return the chapters of a recording's film; none if there is no film, or one of an older release."""
    try:
        content = (folder_of(recording) / "chapters.json").read_bytes()
        return msgspec.json.decode(content, type=list[Chapter])
    except (OSError, msgspec.MsgspecError):
        return []


def delete(recording: str) -> None:
    """Delete all files of a recording."""
    shutil.rmtree(folder_of(recording), ignore_errors=True)

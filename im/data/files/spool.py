"""Uploads on their way: a local file each, whose size says how much is here.

All web processes of a site share the folder, and its workers forget what nobody has finished.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings

from im.rules.tus_headers import TransferRefused

RESERVE = 512 * 1024 * 1024
"""Bytes that stay free on the spool's disk."""
_PIECE = 256 * 1024


class Source(Protocol):
    """What bytes come from."""

    def read(self, size: int, /) -> bytes:
        """At most so many; none at the end."""


def path_of(number: str) -> Path:
    """Where an upload lies; `number` is a UUID of ours."""
    return Path(settings.IM_SPOOL) / number


def begin(number: str, size: int) -> None:
    """Make room. Raises Refused 507 where there is none."""
    folder = Path(settings.IM_SPOOL)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if shutil.disk_usage(folder).free < size + RESERVE:
        raise TransferRefused(
            507, "disk_full", "the platform has no room for it now; try again later"
        )
    path_of(number).touch(mode=0o600)


@contextmanager
def held(number: str) -> Iterator[BinaryIO]:
    """The upload, for this process alone. Raises Refused: 423 while another has it, 410 where it is gone."""
    try:
        file = path_of(number).open("r+b")
    except FileNotFoundError:
        raise TransferRefused(410, "gone", "this upload is not here any more; begin anew") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TransferRefused(
                423, "busy", "another request is writing to this upload"
            ) from None
        yield file


def here(file: BinaryIO) -> int:
    """How many bytes have come."""
    return os.fstat(file.fileno()).st_size


def append(file: BinaryIO, source: Source, length: int) -> int:
    """Take up to `length` bytes; what has come when the line breaks is kept. How many there are now."""
    file.seek(0, os.SEEK_END)
    try:
        while length and (piece := source.read(min(length, _PIECE))):
            file.write(piece)
            length -= len(piece)
    finally:
        file.flush()
        os.fdatasync(file.fileno())
    return here(file)


def drop(number: str) -> None:
    """Forget an upload."""
    path_of(number).unlink(missing_ok=True)


def drop_old(seconds: float, most: int) -> int:
    """Forget what was last written so long ago; at most so many at once. How many."""
    before, dropped = time.time() - seconds, 0
    folder = Path(settings.IM_SPOOL)
    with os.scandir(folder) if folder.is_dir() else _nothing() as found:
        for one in found:
            if dropped < most and one.stat(follow_symlinks=False).st_mtime < before:
                drop(one.name)
                dropped += 1
    return dropped


@contextmanager
def _nothing() -> Iterator[Iterator[os.DirEntry[str]]]:
    yield iter(())

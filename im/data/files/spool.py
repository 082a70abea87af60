"""The spool: a folder with one file for each unfinished upload, of the size received so far.

All web processes of a site share the folder, and its workers delete what nobody has finished.
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

RESERVED_BYTES = 512 * 1024 * 1024
"""This many bytes of the spool's disk stay free."""
_PIECE = 256 * 1024


class Source(Protocol):
    """A source of bytes, such as the body of an HTTP request."""

    def read(self, size: int, /) -> bytes:
        """Return at most this many bytes, and none at the end."""


def path_of(number: str) -> Path:
    """Return the path of an upload's file in the spool, the local folder for files that are not complete yet.

    `number` is the upload's id, a UUID that we have generated.
    """
    return Path(settings.IM_SPOOL) / number


def create(number: str, size: int) -> None:
    """Create the empty file of an upload in the spool, the local folder for files that are not complete yet.

    Raises TransferRefused 507 if there is no room for `size` bytes.
    """
    folder = Path(settings.IM_SPOOL)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if shutil.disk_usage(folder).free < size + RESERVED_BYTES:
        raise TransferRefused(
            507, "disk_full", "the platform has no disk space for it now; try again later"
        )
    path_of(number).touch(mode=0o600)


@contextmanager
def lock_upload(number: str) -> Iterator[BinaryIO]:
    """Open an upload's file in the spool, so that no other process can write to it.

    Raises TransferRefused: 423 while another process has it, 410 if it no longer exists.
    """
    try:
        file = path_of(number).open("r+b")
    except FileNotFoundError:
        raise TransferRefused(
            410, "gone", "this upload no longer exists; begin a new one"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TransferRefused(
                423, "busy", "another request is writing to this upload"
            ) from None
        yield file


def received_bytes(file: BinaryIO) -> int:
    """Return how many bytes of an upload have been received."""
    return os.fstat(file.fileno()).st_size


def append(file: BinaryIO, source: Source, length: int) -> int:
    """Receive up to `length` bytes into an upload's file; return how many bytes the file has now.

    If the connection breaks, the bytes that have arrived are kept.
    """
    file.seek(0, os.SEEK_END)
    try:
        while length and (piece := source.read(min(length, _PIECE))):
            file.write(piece)
            length -= len(piece)
    finally:
        file.flush()
        os.fdatasync(file.fileno())
    return received_bytes(file)


def delete(number: str) -> None:
    """Delete an upload's file from the spool, the local folder for files that are not complete yet."""
    path_of(number).unlink(missing_ok=True)


def delete_old(seconds: float, most: int) -> int:
    """Delete from the spool at most `most` uploads that got no bytes for this many seconds; return how many."""
    before, dropped = time.time() - seconds, 0
    folder = Path(settings.IM_SPOOL)
    with os.scandir(folder) if folder.is_dir() else _no_entries() as entries:
        for entry in entries:
            if dropped < most and entry.stat(follow_symlinks=False).st_mtime < before:
                delete(entry.name)
                dropped += 1
    return dropped


@contextmanager
def _no_entries() -> Iterator[Iterator[os.DirEntry[str]]]:
    """Yield an empty list of directory entries."""
    yield iter(())

"""Where complete files lie: Django's storage `im_files`, a folder or something like S3 by setting."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.core.files import File as Content
from django.core.files.storage import Storage, storages

_PIECE = 256 * 1024
THUMBNAIL = ".thumbnail"


def storage() -> Storage:
    """The one that the settings name."""
    return storages["im_files"]


def place(number: str, more: str = "") -> str:
    """A file's name there: folders of at most 256, by what comes first in its UUID."""
    return f"{number[:2]}/{number}{more}"


class _Taken(Content):  # type: ignore[type-arg]
    """A local file that a folder may take as it is, without copying it."""

    def temporary_file_path(self) -> str:
        """Where it lies now."""
        return str(self.name)


def put(number: str, path: Path, more: str = "") -> None:
    """Keep what lies at `path`, which stays there as well; what a broken try has left is replaced."""
    name, taken = place(number, more), path.with_name(f"{path.name}.taken")
    storage().delete(name)
    taken.unlink(missing_ok=True)
    os.link(path, taken)
    try:
        with taken.open("rb") as file:
            storage().save(name, _Taken(file, name=str(taken)))
    finally:
        taken.unlink(missing_ok=True)


def opened(number: str, more: str = "") -> IO[Any]:
    """The file; raises FileNotFoundError, or what the storage raises."""
    return storage().open(place(number, more))


def pieces(file: IO[Any], first: int, last: int) -> Iterator[bytes]:
    """The bytes from `first` to `last`, both among them; the file is closed at the end."""
    with file:
        file.seek(first)
        left = last - first + 1
        while left and (piece := file.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece


def drop(number: str) -> None:
    """Forget a file and its thumbnail."""
    for more in ("", THUMBNAIL):
        storage().delete(place(number, more))

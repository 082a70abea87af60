"""Complete files lie in Django's storage `im_files`: a folder or an object store, by setting."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from django.core.files import File as Content
from django.core.files.storage import Storage, storages

THUMBNAIL = ".thumbnail"


def storage() -> Storage:
    """Return the storage of chat files that the settings name: a folder, or S3."""
    return storages["im_files"]


def name_of(number: str, suffix: str = "") -> str:
    """Return the name of the file with the UUID `number` in the storage; its first two digits name the folder.

    `suffix` is that of its thumbnail, or "".
    """
    return f"{number[:2]}/{number}{suffix}"


class _MovableFile(Content):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """A local file that a folder storage may move into place without copying."""

    def temporary_file_path(self) -> str:
        """Return the path of the file, from which the storage moves it."""
        return str(self.name)


def save(number: str, path: Path, suffix: str = "") -> None:
    """Save a copy of the file at `path` in the storage, under its UUID; replace what a failed attempt has left.

    A folder storage moves the file that it is given. So it is given a second link to the file.
    """
    name, linked = name_of(number, suffix), path.with_name(f"{path.name}.taken")
    storage().delete(name)
    linked.unlink(missing_ok=True)
    os.link(path, linked)
    try:
        with linked.open("rb") as file:
            storage().save(name, _MovableFile(file, name=str(linked)))
    finally:
        linked.unlink(missing_ok=True)


def open_file(number: str, suffix: str = "") -> IO[bytes]:
    """Open the stored file with the UUID `number` for reading. Raises FileNotFoundError, or errors of the storage."""
    return storage().open(name_of(number, suffix))


def delete(number: str) -> None:
    """Delete the file with the UUID `number`, and its thumbnail, from the storage."""
    for suffix in ("", THUMBNAIL):
        storage().delete(name_of(number, suffix))

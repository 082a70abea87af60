"""The manifest: the file in a backup that says what it holds, when and by which release it was made, and its sizes."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from foundation.backup.errors import BackupError
from foundation.backup.sealed_file import PRIVATE, checksum

FILE = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Part:
    """Represent a part of a backup: one encrypted file."""

    name: str
    """`database`, `settings`, `broker …` or `folder …`."""
    file: str
    plain_bytes: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The description of a complete backup, which is written last, when all parts are on disk."""

    site: str
    platform: str
    version: str
    """The release that made the backup."""
    began: float
    """The time, in seconds since 1970, after which commits may be missing in it."""
    ended: float
    server: str
    """The version of the database server."""
    position: dict[str, str]
    """The place of the dump in the binary log: `file`, `position` and `gtid`; empty if the server writes none."""
    tables: int
    migrations: list[str]
    """Names of the migrations that the database has, as `app.name`."""
    parts: list[Part]
    left_out: dict[str, str]
    """Part -> why it is not in the backup."""
    format: int = FORMAT

    def part(self, name: str) -> Part | None:
        """Return the part of the backup with this name; `None` if it has none."""
        return next((part for part in self.parts if part.name == name), None)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a backup's description (manifest) into the backup's folder, and wait until it is on disk."""
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with open(descriptor, "w") as file:
        json.dump(asdict(manifest), file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest:
    """Return the description (manifest) of the backup in a folder.

    Raises BackupError if the folder is no backup, an incomplete or damaged one, or one of another format.
    """
    path = folder / FILE
    try:
        content = json.loads(path.read_text())
        if content["format"] != FORMAT:
            raise BackupError(
                f"{folder} has format {content['format']}, this release reads {FORMAT}:"
                " restore it with the release that made it"
            )
        parts = [Part(**part) for part in content.pop("parts")]
        return Manifest(**content, parts=parts)
    except OSError as error:
        raise BackupError(
            f"{folder} is no whole backup, it has no readable {FILE} ({error.strerror});"
            " see manage.py backup --list"
        ) from None
    except (ValueError, TypeError, KeyError):
        raise BackupError(f"{path} is damaged: take another backup") from None


def check_parts(folder: Path, manifest: Manifest, names: list[str]) -> None:
    """Compare sizes and checksums of the parts with these names with those in the manifest.

    Raises BackupError for one that is missing or damaged.
    """
    for part in manifest.parts:
        path = folder / part.file
        if part.name not in names:
            continue
        if Path(part.file).name != part.file or not path.is_file():
            raise BackupError(f"{path} is missing: take another backup")
        if path.stat().st_size != part.bytes or checksum(path) != part.sha256:
            raise BackupError(
                f"{path} is damaged, its size or checksum is not the one in {FILE}: take another backup"
            )

"""The folder BACKUP_DIR has a folder for each backup of a site, which gets its name only once it is complete."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from foundation.backup.errors import BackupError
from foundation.backup.manifest import FILE, Manifest, read_manifest

UNFINISHED = ".unfinished-"
"""The name of a folder begins so while its backup is being written, or deleted."""
PRIVATE_FOLDER = 0o700
_TIME = f"{'[0-9]' * 8}T{'[0-9]' * 6}Z"
"""The pattern of a time in a backup's name. Digits only, so that "east" does not match what "east-2" has written."""


class Store:
    """The folder with the backups of a site."""

    def __init__(self, folder: Path, site: str) -> None:
        """Use the backups of a site in a folder. Backups of other sites may lie in the same folder."""
        self.folder, self.site = folder, site

    def backups(self) -> list[tuple[Path, Manifest]]:
        """Return this site's complete backups, the newest first; a folder without a readable manifest is left out."""
        whole_backups = []
        for path in self.folder.glob(f"{self.site}-*/{FILE}"):
            try:
                manifest = read_manifest(path.parent)
            except BackupError:
                continue
            if manifest.site == self.site:
                whole_backups.append((path.parent, manifest))
        return sorted(whole_backups, key=lambda backup: backup[1].began, reverse=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock of this site's backups, so that one process at a time writes them.

        Other sites that keep theirs in the same folder are not held up. Raises BackupError if the lock is held.
        """
        try:
            self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            lock = (self.folder / f".lock-{self.site}").open("a")
        except OSError as error:
            raise BackupError(
                f"{self.folder} can not be written ({error.strerror}): see BACKUP_DIR"
            ) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(
                    f"another backup of {self.site} writes into {self.folder}: wait for its end"
                ) from None
            yield

    @contextmanager
    def new_backup(self, began: float) -> Iterator[Path]:
        """Yield a folder to write a backup into; it gets its name when all went well, otherwise it is deleted.

        What earlier processes have left unfinished is deleted first. The caller holds the lock of `alone`. Raises
        BackupError if one was made in this second.
        """
        self._remove_unfinished()
        name = f"{self.site}-{datetime.fromtimestamp(began, UTC):%Y%m%dT%H%M%SZ}"
        folder = self.folder / f"{UNFINISHED}{name}"
        if (self.folder / name).exists():
            raise BackupError(f"{self.folder / name} was made this second: try again")
        folder.mkdir(mode=PRIVATE_FOLDER)
        try:
            yield folder
            _sync(folder)
            folder.rename(self.folder / name)
            _sync(self.folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def drop_old(self, keep: int) -> list[str]:
        """Delete this site's whole backups but the newest `keep`; return the names of those that were deleted."""
        dropped = []
        for folder, _manifest in self.backups()[keep:]:
            folder.rename(self.folder / f"{UNFINISHED}{folder.name}")
            dropped.append(folder.name)
        self._remove_unfinished()
        return dropped

    def _remove_unfinished(self) -> None:
        """Delete the incomplete backups that this site's earlier processes have left."""
        for folder in self.folder.glob(f"{UNFINISHED}{self.site}-{_TIME}"):
            shutil.rmtree(folder, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Wait until the entries of a folder (new and renamed files) are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

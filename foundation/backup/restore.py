"""A backup is verified in a scratch server, or restored into empty servers and folders.

It is first checked as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader

from foundation.backup import parts
from foundation.backup.database import load_dump, options_file
from foundation.backup.errors import BackupError
from foundation.backup.manifest import Manifest, check_parts, read_manifest
from foundation.backup.scratch_server import SCHEMA, query, scratch_server
from foundation.backup.sealed_file import open_sealed
from foundation.cells.directory import own_platform, store_of


class Restore:
    """The reader of one backup with one private key, which verifies or restores it."""

    def __init__(self, folder: Path, identity: Path, only: Collection[str] = ()) -> None:
        """Check the backup in `folder`: its manifest, checksums, and the private key in the file `identity`.

        `only` names the parts that are wanted, or kinds of parts; empty means all. Raises BackupError.
        """
        self.folder, self.identity = folder, identity
        self.manifest: Manifest = read_manifest(folder)
        names = [part.name for part in self.manifest.parts]
        unknown = [name for name in only if not any(_is_wanted(part, [name]) for part in names)]
        if unknown:
            raise BackupError(f"{folder} has no {', '.join(unknown)}: it has {', '.join(names)}")
        self.names = [name for name in names if not only or _is_wanted(name, only)]
        if not identity.is_file():
            raise BackupError(f"{identity} is no file: name the private key by --identity")
        check_parts(folder, self.manifest, self.names)
        for name in self.names[:1]:
            next(self.read(name), None)  # a wrong key is noticed before anything is changed

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the decrypted bytes of the part with this name. Raises BackupError."""
        part = self.manifest.part(name)
        assert part is not None
        return open_sealed(self.folder / part.file, self.identity)

    def verify(self) -> Iterator[str]:
        """Restore each part where it harms nobody, and yield a sentence for each that is complete.

        Raises BackupError.
        """
        for name in self.names:
            if name == parts.DATABASE:
                yield f"{name}: {self._verify_database()} tables"
            elif name.startswith("folder "):
                yield f"{name}: {parts.count_files(self.read(name))} entries"
            else:
                yield f"{name}: {len(b''.join(self.read(name)))} bytes"

    def _verify_database(self) -> int:
        """Load the dump of the database into a scratch server; return how many tables it has.

        Raises BackupError if it has not as many as were backed up.
        """
        with scratch_server(self.folder.parent) as options:
            load_dump(options, SCHEMA, self.read(parts.DATABASE))
            counted = query(
                options,
                f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{SCHEMA}'",
            )
        tables = int(counted)
        if tables != self.manifest.tables:
            raise BackupError(
                f"{tables} tables were restored, {self.manifest.tables} were backed up: take another backup"
            )
        return tables

    def run(self, settings_folder: Path | None) -> Iterator[str]:
        """Restore each part, and yield a sentence for each one.

        Raises BackupError, if need be before anything is changed. `settings_folder` is where settings and keys are
        written, for the operator to put in their place; without it they are left out.
        """
        steps = {name: self._step(name, settings_folder) for name in self.names}
        for name, step in steps.items():
            if step is None:
                yield f"{name}: not restored"
            else:
                step()
                yield f"{name}: restored"

    def _step(self, name: str, settings_folder: Path | None) -> Callable[[], None] | None:
        """Check that a part may be restored at this site, and return the function that does it.

        `None` if it is left out. Raises BackupError if its place is not empty or not known. A part is the database,
        the settings, a broker or a folder.
        """
        kind, _, which = name.partition(" ")
        if name == parts.DATABASE:
            self._refuse_newer()
            _refuse_full_database()
            return self._load_database
        if name == parts.SETTINGS:
            return self._settings_step(settings_folder)
        if kind == "broker":
            url = parts.brokers().get(which, "")
            if not url:
                raise BackupError(
                    f"{name}: the settings name no management API; or leave it out by --only"
                )
            return lambda: parts.write_definitions(url, b"".join(self.read(name)))
        folder = parts.folders().get(which)
        if not isinstance(folder, Path):
            raise BackupError(
                f"{name}: {folder or 'name it in BACKUP_FOLDERS'}; or leave it out by --only"
            )
        if folder.is_dir() and any(folder.iterdir()):
            raise BackupError(
                f"{name}: {folder} is not empty: move it away, or leave the part out by --only"
            )
        return lambda: parts.write_folder(folder, self.read(name))

    def _settings_step(self, folder: Path | None) -> Callable[[], None] | None:
        """Return the function that writes the settings into a new folder; `None` if no folder is named.

        Raises BackupError if the folder exists.
        """
        if folder is None:
            return None
        if folder.exists():
            raise BackupError(f"{folder} is there already: name a new folder by --settings-to")
        return lambda: parts.write_settings(folder, b"".join(self.read(parts.SETTINGS)))

    def _refuse_newer(self) -> None:
        """Raise BackupError if this release lacks a migration that the backup's database has."""
        known_migrations = {".".join(key) for key in MigrationLoader(None).disk_migrations}
        unknown = sorted(set(self.manifest.migrations) - known_migrations)
        if unknown:
            raise BackupError(
                f"the backup is of release {self.manifest.version}, whose migration {unknown[0]} this release"
                f" ({settings.VERSION}) does not know: install {self.manifest.version} or a later one"
            )

    def _load_database(self) -> None:
        """Load the dump of the backup into this site's database. Raises BackupError."""
        database = connections[store_of(own_platform()).database].settings_dict
        with options_file(database) as options:
            load_dump(options, database["NAME"], self.read(parts.DATABASE))


def _is_wanted(name: str, only: Collection[str]) -> bool:
    """Return whether `only` names a part, or its kind: the word before the space, as in "folder recordings"."""
    return name in only or name.partition(" ")[0] in only


def _refuse_full_database() -> None:
    """Raise BackupError unless this site's database answers and has no table."""
    connection = connections[store_of(own_platform()).database]
    try:
        tables = connection.introspection.table_names()
    except DatabaseError as error:
        raise BackupError(f"the database does not answer: {error}; see DATABASE_URL") from None
    if tables:
        name = connection.settings_dict["NAME"]
        raise BackupError(
            f"the database {name} is not empty, it has {len(tables)} tables: stop all processes of the site, then"
            f" DROP DATABASE {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4; or name an empty one in DATABASE_URL"
        )

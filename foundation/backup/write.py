"""The functions here write a backup: the database first, then files, so that each file that a row names is in it."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from foundation.backup import parts
from foundation.backup.database import Dump, options_file
from foundation.backup.errors import BackupError
from foundation.backup.manifest import Manifest, Part, write_manifest
from foundation.backup.sealed_file import SUFFIX, seal
from foundation.backup.store import Store
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of
from foundation.clock import timestamp


class Writer:
    """The writer of one backup, which adds one part after the other to its folder."""

    def __init__(self, folder: Path, recipients: Path, without: Collection[str]) -> None:
        """Write into `folder`, encrypted for the keys in the file `recipients`.

        Leave out the parts named in `without`.
        """
        self._folder, self._recipients, self._without = folder, recipients, without
        self.written: list[Part] = []
        self.left_out: dict[str, str] = {}

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Compress and encrypt a stream as the part with this name. Raises BackupError."""
        file = f"{name.replace(' ', '-')}{SUFFIX}"
        size = seal(chunks, self._folder / file, self._recipients)
        self.written.append(Part(name=name, file=file, **asdict(size)))

    def wants(self, name: str, reason: str = "") -> bool:
        """Return whether a part is to be written.

        If not, note why: the operator left it out, or the `reason` that is given.
        """
        if reason or name in self._without or name.partition(" ")[0] in self._without:
            self.left_out[name] = reason or "left out, as was asked for"
            return False
        return True


def write_backup(without: Collection[str] = ()) -> Path:
    """Make a backup of this site in BACKUP_DIR, and return its folder. Raises BackupError.

    `without` names parts that are left out: `folder` means all folders, `folder NAME` one of them.
    """
    recipients = _recipients()
    store = own_backups()
    with store.alone():
        began = timestamp()
        with store.new_backup(began) as folder:
            writer = Writer(folder, recipients, without)
            manifest = _write_parts(writer, began)
            write_manifest(folder, manifest)
        return store.folder / folder.name.removeprefix(".unfinished-")


def own_backups() -> Store:
    """Return the folder of this site's backups. Raises BackupError if BACKUP_DIR is not set."""
    if not settings.BACKUP_DIR:
        raise BackupError("BACKUP_DIR is not set: name the folder that holds backups")
    return Store(Path(settings.BACKUP_DIR), settings.SITE_NAME)


def _recipients() -> Path:
    """Return the file with the public keys for which backups are encrypted.

    Raises BackupError if it is missing, or others may write it: they could add a key of theirs.
    """
    path = Path(settings.BACKUP_RECIPIENTS_FILE or "/nonexistent")
    if not path.is_file():
        raise BackupError(
            "BACKUP_RECIPIENTS_FILE names no file: make a key with `age-keygen -o identity.txt`, keep that file"
            " elsewhere, and put its public key (`age-keygen -y identity.txt`) into this one"
        )
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BackupError(
            f"{path}: others may write it, and read backups by a key of theirs (chmod go-w)"
        )
    return path


def _write_parts(writer: Writer, began: float) -> Manifest:
    """Write all parts of a backup, except those that are left out; return the backup's description (manifest)."""
    alias = store_of(own_platform()).database
    database = connections[alias].settings_dict
    (version, has_binary_log), *_ = sql.select(alias, "SELECT VERSION(), @@log_bin")
    applied = sorted(
        ".".join(key) for key in MigrationRecorder(connections[alias]).applied_migrations()
    )
    position: dict[str, str] = {}
    if writer.wants(parts.DATABASE):
        with options_file(database) as options:
            dump = Dump(options, database["NAME"], bool(has_binary_log))
            writer.add(parts.DATABASE, dump.read())
        position = _with_gtid(alias, dump.position)
    for name, folder in parts.folders().items():
        part, remark = f"folder {name}", folder if isinstance(folder, str) else ""
        if isinstance(folder, Path) and not folder.is_dir():
            remark = f"{folder} does not exist"
        if writer.wants(part, remark):
            writer.add(part, parts.read_folder(Path(folder)))
    for name, url in parts.brokers().items():
        if writer.wants(
            f"broker {name}", "" if url else "its management API is not in the settings"
        ):
            writer.add(f"broker {name}", [parts.read_definitions(url)])
    if writer.wants(parts.SETTINGS):
        writer.add(parts.SETTINGS, [parts.read_settings()])
    return Manifest(
        site=settings.SITE_NAME,
        platform=own_platform(),
        version=settings.VERSION,
        began=began,
        ended=timestamp(),
        server=version,
        position=position,
        tables=len(connections[alias].introspection.table_names()),
        migrations=applied,
        parts=writer.written,
        left_out=writer.left_out,
    )


def _with_gtid(alias: str, position: dict[str, str]) -> dict[str, str]:
    """Return a position in the binary log with its GTID, by which a replica finds it in another log; {} for {}."""
    if not position:
        return {}
    query = "SELECT BINLOG_GTID_POS(%s, %s)"
    gtid = sql.select(alias, query, [position["file"], int(position["position"])])[0][0]
    return {**position, "gtid": gtid or ""}

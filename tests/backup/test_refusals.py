"""A restore into a database that has tables is refused, and says what to do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from foundation.backup.manifest import Part, write_manifest
from foundation.backup.sealed_file import seal
from tests.unit.confplatform.test_backups import make_key, manifest


def test_a_database_or_folder_that_is_not_empty_is_not_restored_into(
    db: None, tmp_path: Path, settings: Settings
) -> None:
    identity, recipients = make_key(tmp_path, "key")
    full = tmp_path / "recordings"
    full.mkdir()
    (full / "one").touch()
    settings.BACKUP_FOLDERS = {"recordings": str(full)}
    backup = tmp_path / "backup"
    backup.mkdir()
    parts = []
    for name in ("database", "folder recordings"):
        size = seal([b"SELECT 1;"], backup / name, recipients)
        parts.append(Part(name=name, file=name, **asdict(size)))
    write_manifest(backup, manifest("east", 0, parts))
    with pytest.raises(CommandError, match=r"is not empty, it has \d+ tables: stop all processes"):
        call_command("restore", backup, "--identity", identity)
    with pytest.raises(CommandError, match="recordings is not empty: move it away"):
        call_command("restore", backup, "--identity", identity, "--only", "folder")
    with pytest.raises(CommandError, match="has no broker: it has database, folder recordings"):
        call_command("restore", backup, "--identity", identity, "--only", "broker")

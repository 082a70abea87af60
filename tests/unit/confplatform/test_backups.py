"""Backups: sealed files, manifests, and the folder in which a backup appears only as a whole."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from foundation.backup import health
from foundation.backup.errors import BackupError
from foundation.backup.manifest import (
    FILE,
    Manifest,
    Part,
    check_parts,
    read_manifest,
    write_manifest,
)
from foundation.backup.parts import read_folder, write_folder, write_settings
from foundation.backup.restore import Restore
from foundation.backup.sealed_file import CHUNK_BYTES, open_sealed, seal
from foundation.backup.store import Store
from foundation.backup.write import write_backup
from foundation.clock import timestamp

DAY = 86_400.0


def make_key(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the files with a private key and its public one."""
    identity, recipients = folder / f"{name}.txt", folder / f"{name}.pub"
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    public = subprocess.run(["age-keygen", "-y", identity], check=True, capture_output=True)
    recipients.write_bytes(public.stdout)
    return identity, recipients


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return make_key(tmp_path, "key")


def manifest(site: str, began: float, parts: list[Part] | None = None) -> Manifest:
    return Manifest(
        site=site,
        platform="p",
        version="0.1.0",
        began=began,
        ended=began + 1,
        server="10.11",
        position={},
        tables=0,
        migrations=[],
        parts=parts or [],
        left_out={},
    )


def backup_of(store: Store, began: float) -> Path:
    """Write a backup without parts into a store."""
    with store.alone(), store.new_backup(began) as folder:
        write_manifest(folder, manifest(store.site, began))
    return store.backups()[0][0]


# ---- sealed files -------------------------------------------------------------------------------


def test_a_sealed_file_is_private_and_gives_back_what_was_written(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    chunks = [os.urandom(CHUNK_BYTES), b"", b"a" * CHUNK_BYTES, b"end"]
    size = seal(chunks, tmp_path / "x", keys[1])
    assert b"".join(open_sealed(tmp_path / "x", keys[0])) == b"".join(chunks)
    assert size.plain_bytes == sum(map(len, chunks))
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


def test_another_key_is_told_from_a_damaged_file(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    path = tmp_path / "x"
    seal([os.urandom(200_000)], path, keys[1])
    other, _ = make_key(tmp_path, "other")
    with pytest.raises(BackupError, match=r"other\.txt is not the key of this backup"):
        list(open_sealed(path, other))
    content = path.read_bytes()
    for broken in (content[:-1], content[:100_000], content[:-50] + b"\0" + content[-49:]):
        path.write_bytes(broken)
        with pytest.raises(BackupError, match="x is damaged: take another backup"):
            list(open_sealed(path, keys[0]))


def test_a_stream_that_fails_leaves_no_file_that_can_be_opened(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    def fails() -> Iterator[bytes]:
        yield b"begun"
        raise BackupError("the server went away")

    with pytest.raises(BackupError, match="went away"):
        seal(fails(), tmp_path / "x", keys[1])
    with pytest.raises(BackupError):
        list(open_sealed(tmp_path / "x", keys[0]))
    (tmp_path / "bad.pub").write_text("no key\n")
    with pytest.raises(BackupError, match="BACKUP_RECIPIENTS_FILE"):
        seal([b"x" * CHUNK_BYTES] * 4, tmp_path / "y", tmp_path / "bad.pub")


def test_a_folder_comes_back_with_many_files(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for number in range(3000):
        path = source / f"{number % 7}" / f"a long name of a file {number:060}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    write_folder(tmp_path / "target", read_folder(source))
    found = {path.name: path.read_text() for path in (tmp_path / "target").rglob("a*")}
    assert found == {path.name: path.read_text() for path in source.rglob("a*")}


def test_settings_files_of_the_same_name_all_come_back(tmp_path: Path) -> None:
    files = b'{"/run/a/password": "one", "/run/b/password": "two"}'
    write_settings(tmp_path / "s", b'{"environment": {}, "files": %b}' % files)
    assert (tmp_path / "s" / "password").read_text() == "one"
    assert (tmp_path / "s" / "run_b_password").read_text() == "two"


def test_settings_come_back_as_systemd_reads_them(tmp_path: Path) -> None:
    text = b'{"environment": {"A": "x$y \\"z\\\\"}, "files": {"/etc/k/cells.json": "{}"}}'
    write_settings(tmp_path / "s", text)
    assert (tmp_path / "s" / "env").read_text() == 'A="x\\$y \\"z\\\\"\n'
    assert (tmp_path / "s" / "cells.json").stat().st_mode & 0o777 == 0o600


# ---- manifests and the folder of backups --------------------------------------------------------


def test_a_backup_appears_when_it_is_whole_and_unfinished_ones_go(tmp_path: Path) -> None:
    store = Store(tmp_path / "b", "east")

    def fail() -> None:
        with store.alone(), store.new_backup(DAY) as folder:
            (folder / "database").write_text("half")
            assert store.backups() == []
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        fail()
    (store.folder / ".unfinished-east-19700101T000000Z").mkdir()
    (store.folder / ".unfinished-east-2-19700101T000000Z").mkdir()  # of the site "east-2"
    assert backup_of(store, DAY).name == "east-19700102T000000Z"
    assert sorted(path.name for path in store.folder.iterdir()) == [
        ".lock-east",
        ".unfinished-east-2-19700101T000000Z",
        "east-19700102T000000Z",
    ]


def test_the_newest_backups_of_a_site_are_kept(tmp_path: Path) -> None:
    store, west = Store(tmp_path, "east"), Store(tmp_path, "west")
    for day in range(5):
        backup_of(store, day * DAY)
    backup_of(west, DAY)
    assert len(store.drop_old(2)) == 3
    assert [manifest.began for _, manifest in store.backups()] == [4 * DAY, 3 * DAY]
    assert len(west.backups()) == 1


def test_two_backups_at_once_are_refused(tmp_path: Path) -> None:
    with (
        Store(tmp_path, "east").alone(),
        pytest.raises(BackupError, match="another backup of east writes into"),
        Store(tmp_path, "east").alone(),
    ):
        pass


def test_sites_that_share_a_folder_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with Store(tmp_path, "east").alone(), Store(tmp_path, "west").alone():
        assert backup_of(Store(tmp_path, "north"), DAY).is_dir()


def test_a_manifest_and_parts_that_were_changed_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    part = Part("x", "x", 3, 3, "0" * 64)
    with pytest.raises(BackupError, match="damaged, its size or checksum"):
        check_parts(tmp_path, manifest("east", 0, [part]), ["x"])
    (tmp_path / "x").unlink()
    with pytest.raises(BackupError, match="is missing"):
        check_parts(tmp_path, manifest("east", 0, [part]), ["x"])
    with pytest.raises(BackupError, match="is no whole backup"):
        read_manifest(tmp_path)
    (tmp_path / FILE).write_text('{"format": 1, "site"')
    with pytest.raises(BackupError, match="is damaged"):
        read_manifest(tmp_path)
    (tmp_path / FILE).write_text('{"format": 2}')
    with pytest.raises(BackupError, match="format 2, this release reads 1"):
        read_manifest(tmp_path)


def test_a_backup_of_a_newer_release_is_refused(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    size = seal([b"-- x"], tmp_path / "d", keys[1])
    newer = manifest("east", 0, [Part(name="database", file="d", **asdict(size))])
    write_manifest(tmp_path, replace(newer, version="9.0.0", migrations=["im.9999_later"]))
    with pytest.raises(BackupError, match=r"of release 9\.0\.0, whose migration im\.9999_later"):
        list(Restore(tmp_path, keys[0]).run(None))


# ---- what operators are told ---------------------------------------------------------------------


def test_the_doctor_and_the_metrics_say_how_old_the_newest_backup_is(
    tmp_path: Path, settings: Settings
) -> None:
    assert health.findings() == []
    assert list(health.gauges()) == []
    settings.BACKUP_DIR = str(tmp_path)
    assert health.findings()[0].wrong == f"there is none in {tmp_path}"
    store = Store(tmp_path, settings.SITE_NAME)
    backup_of(store, timestamp() - 2 * DAY)
    assert health.findings()[0].wrong == "the newest is 48 hours old"
    backup_of(store, timestamp() - 60)
    assert health.findings()[0].is_ok
    ages = {family.name: family.samples[0].value for family in health.gauges()}
    assert 60 <= ages["backup_age_seconds"] < 120


def test_settings_that_are_missing_are_named(tmp_path: Path, settings: Settings) -> None:
    settings.BACKUP_RECIPIENTS_FILE = settings.BACKUP_DIR = ""
    with pytest.raises(BackupError, match="BACKUP_RECIPIENTS_FILE names no file: make a key"):
        write_backup()
    recipients = tmp_path / "r.pub"
    recipients.touch(0o666)
    recipients.chmod(0o666)
    settings.BACKUP_RECIPIENTS_FILE = str(recipients)
    with pytest.raises(BackupError, match="others may write it"):
        write_backup()
    recipients.chmod(0o644)
    with pytest.raises(CommandError, match="BACKUP_DIR is not set"):
        call_command("backup")
    with pytest.raises(CommandError, match="name the private key by --identity"):
        call_command("backup", "--verify")

"""The parts of a backup: which folders, brokers and settings of this site belong to it.

An app that keeps files or has a broker adds them by the hooks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from django.conf import settings

from foundation.backup.errors import BackupError
from foundation.backup.sealed_file import PRIVATE, feed_program, find_program, read_program
from foundation.bus.management_api import BrokerUnavailable, call_api
from foundation.hooks import Hook

FOLDERS: Hook[[], Mapping[str, Path | str]] = Hook()
"""Each receiver returns the folders of its app: name -> path, or in words why its files are not in a folder."""

BROKERS: Hook[[], Mapping[str, str]] = Hook()
"""Each receiver returns the brokers of its app: name -> URL of the management API."""

DATABASE, SETTINGS = "database", "settings"
_OTHER_FILES = {"CELLS_FILE", "BACKUP_RECIPIENTS_FILE"}
"""The variables that name files of settings, beside those with secrets (`NAME_FILE` instead of `NAME`)."""
TAR_WARNINGS = (0, 1)
"""GNU tar ends with 1 when a file has changed or gone while it was read."""


def folders() -> dict[str, Path | str]:
    """Return the folders of this site that belong to a backup: name -> path, or a sentence why it is left out.

    They are those of the apps and those of the setting BACKUP_FOLDERS.
    """
    further_folders = {name: Path(path) for name, path in settings.BACKUP_FOLDERS.items()}
    return {
        **{name: path for more in FOLDERS.call() for name, path in more.items()},
        **further_folders,
    }


def brokers() -> dict[str, str]:
    """Return the brokers of this site: name -> URL of its management API; "" if the settings name none."""
    platform = {"platform": settings.RABBITMQ_MANAGEMENT_URL}
    return platform | {name: url for more in BROKERS.call() for name, url in more.items()}


def read_folder(folder: Path) -> Iterator[bytes]:
    """Yield a folder as the bytes of a tar archive. A file that is deleted meanwhile is left out."""
    quiet = ["--warning=no-file-changed", "--warning=no-file-removed"]
    argv = [find_program("tar", "tar"), "--create", *quiet, f"--directory={folder}", "."]
    return read_program(argv, TAR_WARNINGS)


def write_folder(folder: Path, chunks: Iterator[bytes]) -> None:
    """Unpack a tar archive into a folder, which is created if it is missing. Raises BackupError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    argv = [find_program("tar", "tar"), "--extract", "--preserve-permissions", "--no-same-owner"]
    feed_program([*argv, f"--directory={folder}"], chunks)


def count_files(chunks: Iterator[bytes]) -> int:
    """Return how many entries a tar archive has; all of it is read. Raises BackupError if it is damaged."""
    return feed_program([find_program("tar", "tar"), "--list"], chunks).count(b"\n")


def read_definitions(url: str) -> bytes:
    """Return a broker's definitions as JSON: users, rights, virtual hosts, queues, policies. Raises BackupError."""
    try:
        definitions = call_api(url, "GET", "/definitions")
    except BrokerUnavailable as error:
        raise BackupError(f"the broker's management API: {error}") from None
    if not isinstance(definitions, dict):
        raise BackupError("the broker's management API: it has no definitions")
    return json.dumps(definitions).encode()


def write_definitions(url: str, text: bytes) -> None:
    """Give a broker the definitions of a backup (users, rights, queues ...); others that it has stay.

    Raises BackupError.
    """
    try:
        call_api(url, "POST", "/definitions", json.loads(text))
    except BrokerUnavailable as error:
        raise BackupError(f"the broker's management API: {error}") from None


def read_settings() -> bytes:
    """Return, as JSON, the environment variables that the settings read, and the contents of files they name."""
    environment = {
        name: os.environ[name] for name in sorted(settings.VARIABLES) if name in os.environ
    }
    named = (path for name, path in environment.items() if path and _names_settings(name))
    files = {path: Path(path).read_text("utf-8") for path in named if Path(path).is_file()}
    return json.dumps({"environment": environment, "files": files}, indent=1).encode()


def _names_settings(name: str) -> bool:
    """Return whether an environment variable names a file without which the site does not start, such as a secret's."""
    secret = name.removesuffix("_FILE")
    return name in _OTHER_FILES or (secret != name and secret in settings.VARIABLES)


def write_settings(folder: Path, text: bytes) -> None:
    """Write the settings of a backup into a new folder: a file `env` for systemd, and the files that it names."""
    content = json.loads(text)
    folder.mkdir(mode=0o700, parents=True)
    lines = [f"{name}={_quoted(value)}\n" for name, value in content["environment"].items()]
    _write_private(folder / "env", "".join(lines))
    for path, file_text in content["files"].items():
        target = folder / Path(path).name
        # Secrets in folders of their own may have the same name: then the whole path names it.
        if target.exists():
            target = folder / path.strip("/").replace("/", "_")
        _write_private(target, file_text)


def _quoted(value: str) -> str:
    """Return a value quoted for a file that systemd reads as EnvironmentFile."""
    escaped = (
        value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    )
    return f'"{escaped}"'


def _write_private(path: Path, text: str) -> None:
    """Write a new file that its owner alone may read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as file:
        file.write(text)

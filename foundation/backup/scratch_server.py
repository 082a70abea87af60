"""The functions here start an empty MariaDB in a temporary folder, into which a backup is restored to verify it."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from foundation.backup.database import client_options
from foundation.backup.errors import BackupError
from foundation.backup.sealed_file import find_program, read_program

SCHEMA = "restored"
START_SECONDS = 60.0
POLL_SECONDS = 0.1
PACKAGE = "mariadb-server-core"
_SETTINGS = (
    "--skip-networking",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=128M",
    "--innodb-flush-log-at-trx-commit=0",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
)


@contextmanager
def scratch_server(parent: Path) -> Iterator[Path]:
    """Start a database server with its files below `parent` and an empty schema; yield its file of client options.

    The server and its files, which are not encrypted, are gone afterwards, also when this process is killed: a watcher
    removes them then. Raises BackupError if the server does not start.
    """
    folder = Path(mkdtemp(prefix=".scratch-", dir=parent))
    # A socket's path has at most 107 bytes, which a folder of backups may well have itself.
    sockets = Path(mkdtemp(prefix="backup-"))
    server: subprocess.Popen[bytes] | None = None
    watcher = _start_watcher(folder, sockets)
    try:
        common = ["--no-defaults", f"--datadir={folder / 'data'}"]
        common += [f"--user={getpass.getuser()}"] if os.geteuid() == 0 else []
        install = [find_program("mariadb-install-db", PACKAGE), *common, "--skip-test-db"]
        list(read_program([*install, "--auth-root-authentication-method=normal"]))
        argv = [find_program("mariadbd", PACKAGE), *common, *_SETTINGS]
        socket = sockets / "sock"
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(  # noqa: S603
                [*argv, f"--socket={socket}", f"--tmpdir={sockets}"], stdout=log, stderr=log
            )
        _tell_server(watcher, str(server.pid))
        with client_options({"socket": socket, "user": "root"}) as options:
            _create_schema(options, server)
            yield options
    finally:
        if server is not None:
            server.kill()
            server.wait()
            with suppress(BrokenPipeError):
                _tell_server(watcher, "")  # Its process id may soon be another's.
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(sockets, ignore_errors=True)
        watcher.communicate()  # its input ends, and with it the watcher


def _start_watcher(*folders: Path) -> subprocess.Popen[bytes]:
    """Start the process that kills the server and deletes its folders once its input ends, as when we are killed.

    Its input is a pipe from us, over which it is told the server's process id. It has a session of its own, so that a
    signal to our group does not reach it.
    """
    script = (
        "trap '' TERM INT HUP; "  # Who stops a service signals all of its processes, this one too.
        'while read -r pid; do server=$pid; done; kill -9 $server 2>/dev/null; rm -rf -- "$@"'
    )
    argv = ["/bin/sh", "-c", script, "watcher", *map(str, folders)]
    return subprocess.Popen(  # noqa: S603
        argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _tell_server(watcher: subprocess.Popen[bytes], pid: str) -> None:
    """Tell the watcher the id of the server's process; "" means that it has ended."""
    assert watcher.stdin is not None
    watcher.stdin.write(f"{pid}\n".encode())
    watcher.stdin.flush()


def query(options: Path, statement: str) -> str:
    """Return a server's answer to a statement, as lines with tabs between the values. Raises BackupError."""
    argv = [find_program("mariadb", "mariadb-client"), f"--defaults-file={options}", "-NB"]
    return b"".join(read_program([*argv, f"--execute={statement}"])).decode()


def _create_schema(options: Path, server: subprocess.Popen[bytes]) -> None:
    """Create the schema SCHEMA once the scratch server answers.

    Raises BackupError if the server ends, or does not answer within START_SECONDS.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            query(options, f"CREATE DATABASE {SCHEMA}")
            return
        except BackupError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise BackupError(f"the scratch server does not start: {error}") from None
        time.sleep(POLL_SECONDS)

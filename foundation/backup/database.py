"""The functions here write a site's database to a dump, and load a dump into an empty database, by MariaDB's programs.

A dump is made in one snapshot without locks, so that the site goes on meanwhile.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from foundation.backup.errors import BackupError
from foundation.backup.sealed_file import PRIVATE, feed_program, find_program, read_program

PACKAGE = "mariadb-client"
_DUMP = (
    "--single-transaction",
    "--quick",
    "--skip-lock-tables",
    "--no-tablespaces",
    "--hex-blob",
    "--default-character-set=utf8mb4",
)
_POSITION = re.compile(rb"MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+)")
HEAD_BYTES = 16_384
"""The position in the binary log stands within so many bytes from the beginning of a dump."""
TAIL_BYTES = 200
COMPLETED = b"-- Dump completed"
DatabaseSettings = Mapping[str, Any]
"""The settings of one database, as Django's DATABASES has them."""


@dataclass(slots=True)
class Dump:
    """Represent the dump of one schema by `mariadb-dump`, as a stream of bytes, with the position in the binary log."""

    options_file: Path
    schema: str
    has_binary_log: bool
    position: dict[str, str] = field(default_factory=dict)
    """`file` and `position` in the binary log; empty if the server writes none."""

    def read(self) -> Iterator[bytes]:
        """Yield the bytes of the dump.

        Raises BackupError if it ends too early or the program fails, as during a migration.
        """
        argv = [find_program("mariadb-dump", PACKAGE), f"--defaults-file={self.options_file}"]
        argv += [*_DUMP, *(["--master-data=2"] if self.has_binary_log else []), self.schema]
        head = tail = b""
        for chunk in read_program(argv):
            # The position stands near the beginning of the dump, the mark that it is complete at the end.
            if len(head) < HEAD_BYTES:
                head += chunk[:HEAD_BYTES]
            tail = (tail + chunk)[-TAIL_BYTES:]
            yield chunk
        if COMPLETED not in tail:
            raise BackupError("mariadb-dump ended without its last line: try again")
        if match := _POSITION.search(head):
            self.position = {"file": match[1].decode(), "position": match[2].decode()}


def load_dump(options_file: Path, schema: str, chunks: Iterable[bytes]) -> None:
    """Run the statements of a dump in an empty schema. Raises BackupError with the first error of the server."""
    argv = [find_program("mariadb", PACKAGE), f"--defaults-file={options_file}", "--batch"]
    feed_program([*argv, f"--database={schema}"], chunks)


@contextmanager
def options_file(database: DatabaseSettings) -> Iterator[Path]:
    """Yield the path of a private file with address and password of a database of the settings, for MariaDB's programs.

    It is deleted afterwards. A file, because other users can read a command line.
    """
    values = {
        "host": database["HOST"] or "127.0.0.1",
        "port": database["PORT"] or 3306,
        "user": database["USER"],
        "password": database["PASSWORD"],
        **_tls_options(database),
    }
    with client_options(values) as path:
        yield path


def _tls_options(database: DatabaseSettings) -> dict[str, object]:
    """Return the options of MariaDB's programs for TLS as the settings of a database ask for it; none without TLS."""
    authorities = database["OPTIONS"].get("ssl", {}).get("ca")
    return {"ssl-ca": authorities, "ssl-verify-server-cert": 1} if authorities else {}


@contextmanager
def client_options(values: Mapping[str, object]) -> Iterator[Path]:
    """Yield the path of a private file with these options of MariaDB's client programs; it is deleted afterwards."""
    with TemporaryDirectory(prefix="backup-") as folder:
        path = Path(folder) / "client.cnf"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with open(descriptor, "w") as file:
            file.write("[client]\n")
            for name, value in values.items():
                text = str(value).replace("\\", "\\\\").replace('"', '\\"')
                file.write(f'{name}="{text}"\n')
        yield path

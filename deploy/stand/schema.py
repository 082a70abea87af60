"""A file holds all tables as `migrate` makes them, so that the next empty database is filled in a second.

A file belongs to one state of all migrations and packages; where there is none, `migrate` runs, and
leaves one.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import MySQLdb

REPOSITORY = Path(__file__).resolve().parents[2]


class Tables:
    """The tables of one schema, read and written as root over the unix socket."""

    def __init__(self, socket: Path, schema: str, library: Path) -> None:
        self._at = {"unix_socket": str(socket), "user": "root", "database": schema}
        self._library = library
        self._file = library / f"schema-{_digest()}.sql"

    @property
    def are_missing(self) -> bool:
        """Return whether the schema has no tables yet."""
        with closing(self._connect()) as link:
            return not _rows(link, "SHOW TABLES")

    def fill(self) -> bool:
        """Create the tables as the file says; return `False` when there is no file."""
        if not self._file.exists():
            return False
        with closing(self._connect()) as link:
            for statement in self._file.read_bytes().split(b"\0"):
                link.query(statement)
            link.query(b"COMMIT")
        return True

    def keep(self) -> None:
        """Write the file for others, from tables that have just been created."""
        with closing(self._connect()) as link:
            statements = [b"SET foreign_key_checks=0", *_statements(link)]
        new = self._file.with_suffix(f".{os.getpid()}.{self._at['database']}")
        new.write_bytes(b"\0".join(statements))
        for old in self._library.glob("schema-*.sql"):
            old.unlink(missing_ok=True)
        new.rename(self._file)

    def _connect(self) -> "MySQLdb.connections.Connection":
        return MySQLdb.connect(charset="utf8mb4", **self._at)


def _statements(link: "MySQLdb.connections.Connection") -> Iterator[bytes]:
    for (table,) in _rows(link, "SHOW TABLES"):
        yield str(_rows(link, f"SHOW CREATE TABLE `{table}`")[0][1]).encode()
        rows = [b"(" + b",".join(map(link.literal, r)) + b")" for r in _rows(link, _all_of(table))]
        if rows:
            yield f"INSERT INTO `{table}` VALUES ".encode() + b",".join(rows)


def _all_of(table: object) -> str:
    return f"SELECT * FROM `{table}`"


def _rows(link: "MySQLdb.connections.Connection", query: str) -> list[tuple[object, ...]]:
    with closing(link.cursor()) as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def _digest() -> str:
    """Return a digest of all files that decide on the tables and on the rows that come with them."""
    digest = hashlib.sha256((REPOSITORY / "requirements.txt").read_bytes())
    # Permissions carry the names of models.
    for pattern in ("*/migrations/*.py", "confplatform/*/migrations/*.py", "*/models.py"):
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]

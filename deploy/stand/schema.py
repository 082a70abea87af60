"""All tables as one file: what `migrate` makes, kept, so that the next empty database is filled in a second.

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
    """The tables of one schema, by root over the unix socket."""

    def __init__(self, socket: Path, schema: str, library: Path) -> None:
        self._at = {"unix_socket": str(socket), "user": "root", "database": schema}
        self._library = library
        self._file = library / f"schema-{_digest()}.sql"

    @property
    def are_missing(self) -> bool:
        """Was nothing ever stored there?"""
        with closing(self._connect()) as link:
            return not _rows(link, "SHOW TABLES")

    def fill(self) -> bool:
        """Make them as the file says; False: there is no file."""
        if not self._file.exists():
            return False
        with closing(self._connect()) as link:
            for statement in self._file.read_bytes().split(b"\0"):
                link.query(statement)
            link.query(b"COMMIT")
        return True

    def keep(self) -> None:
        """Write the file for others, from tables that have just been made."""
        with closing(self._connect()) as link:
            said = [b"SET foreign_key_checks=0", *_statements(link)]
        new = self._file.with_suffix(f".{os.getpid()}.{self._at['database']}")
        new.write_bytes(b"\0".join(said))
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
    """Of all that the tables, and the rows that come with them, follow from."""
    digest = hashlib.sha256((REPOSITORY / "requirements.txt").read_bytes())
    # Permissions carry the names of models.
    for pattern in ("*/migrations/*.py", "confplatform/*/migrations/*.py", "*/models.py"):
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]

"""The module stores the tables that `migrate` creates in a file, from which a database is filled within a second.

Such a file belongs to one state of all migrations and packages. If there is none for the present state, `migrate` is
run and a file is written.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import MySQLdb

REPOSITORY = Path(__file__).resolve().parents[2]


class Tables:
    """The tables of a database schema. `library` has the files; `address` is how MySQLdb connects to the schema."""

    def __init__(self, library: Path, **address: str | int) -> None:
        self._address = address
        self._library = library
        self._file = library / f"schema-{_digest()}.sql"

    def migrate(self, run_migrations: Callable[[], None]) -> None:
        """Create the tables of an empty schema from the file; in a schema that has tables run the migrations.

        If there is no file for the present migrations, they are run, and the file is written. If several processes need
        the file at the same time, one writes it and the others wait.
        """
        if self._exist():
            run_migrations()
            return
        if not self._file.exists():
            with (self._library / "schema.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not self._file.exists():
                    run_migrations()
                    self._save()
                    return
        self._create_from_file()

    def _exist(self) -> bool:
        """Return whether the schema has tables."""
        with closing(self._connect()) as link:
            return bool(_rows(link, "SHOW TABLES"))

    def _create_from_file(self) -> None:
        """Create the tables from the file."""
        with closing(self._connect()) as link:
            for statement in self._file.read_bytes().split(b"\0"):
                link.query(statement)
            link.query(b"COMMIT")

    def _save(self) -> None:
        """Write the tables, which `migrate` has just created, to the file, and delete files of other states."""
        with closing(self._connect()) as link:
            statements = [b"SET foreign_key_checks=0", *_statements(link)]
        new_file = self._file.with_suffix(f".{os.getpid()}")
        new_file.write_bytes(b"\0".join(statements))
        for old_file in self._library.glob("schema-*.sql"):
            old_file.unlink(missing_ok=True)
        new_file.rename(self._file)

    def _connect(self) -> "MySQLdb.connections.Connection":
        """Return a new connection to the database server."""
        return MySQLdb.connect(charset="utf8mb4", **self._address)


def _statements(link: "MySQLdb.connections.Connection") -> Iterator[bytes]:
    """Yield the SQL statements that create all tables of a schema with their rows."""
    for (table,) in _rows(link, "SHOW TABLES"):
        yield str(_rows(link, f"SHOW CREATE TABLE `{table}`")[0][1]).encode()
        rows = _rows(link, f"SELECT * FROM `{table}`")
        if rows:
            literals = [b"(" + b",".join(map(link.literal, row)) + b")" for row in rows]
            yield f"INSERT INTO `{table}` VALUES ".encode() + b",".join(literals)


def _rows(link: "MySQLdb.connections.Connection", query: str) -> list[tuple[object, ...]]:
    """Return all rows of a query."""
    with closing(link.cursor()) as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def _digest() -> str:
    """Return a digest of all files on which the tables, and the rows that `migrate` inserts, depend."""
    digest = hashlib.sha256((REPOSITORY / "requirements.txt").read_bytes())
    # Models belong to them, since `migrate` inserts permissions with the names of models.
    for pattern in ("*/migrations/*.py", "*/*/migrations/*.py", "*/models.py", "*/models/*.py"):
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]

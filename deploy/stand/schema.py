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
        """Find the file in `library` for the present migrations; `address` are MySQLdb's arguments to connect."""
        self._address = address
        self._library = library
        self._file = library / f"schema-{_migrations_digest()}.sql"

    def migrate(self, run_migrations: Callable[[], None]) -> None:
        """Create the tables of an empty schema from the file; in a schema that has tables run the migrations.

        If there is no file for the present migrations, they are run, and the file is written. If several processes need
        the file at the same time, one writes it and the others wait.
        """
        if self._has_tables():
            run_migrations()
            return
        if not self._file.exists():
            with (self._library / "schema.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not self._file.exists():
                    run_migrations()
                    self._write_file()
                    return
        self._create_from_file()

    def _has_tables(self) -> bool:
        """Return whether the database schema has any tables."""
        with closing(self._connect()) as link:
            return bool(_select_rows(link, "SHOW TABLES"))

    def _create_from_file(self) -> None:
        """Create the tables of the empty schema, with their rows, from the file of SQL statements."""
        with closing(self._connect()) as link:
            for statement in self._file.read_bytes().split(b"\0"):
                link.query(statement)
            link.query(b"COMMIT")

    def _write_file(self) -> None:
        """Write the tables, which `migrate` has just created, to the file as SQL; delete files of older migrations."""
        with closing(self._connect()) as link:
            statements = [b"SET foreign_key_checks=0", *_dump_statements(link)]
        new_file = self._file.with_suffix(f".{os.getpid()}")
        new_file.write_bytes(b"\0".join(statements))
        for old_file in self._library.glob("schema-*.sql"):
            old_file.unlink(missing_ok=True)
        new_file.rename(self._file)

    def _connect(self) -> "MySQLdb.connections.Connection":
        """Return a new connection to the database server."""
        return MySQLdb.connect(charset="utf8mb4", **self._address)


def _dump_statements(link: "MySQLdb.connections.Connection") -> Iterator[bytes]:
    """Yield the SQL statements that create all tables of a schema with their rows."""
    for (table,) in _select_rows(link, "SHOW TABLES"):
        yield str(_select_rows(link, f"SHOW CREATE TABLE `{table}`")[0][1]).encode()
        rows = _select_rows(link, f"SELECT * FROM `{table}`")
        if rows:
            literals = [b"(" + b",".join(map(link.literal, row)) + b")" for row in rows]
            yield f"INSERT INTO `{table}` VALUES ".encode() + b",".join(literals)


def _select_rows(link: "MySQLdb.connections.Connection", query: str) -> list[tuple[object, ...]]:
    """Return all rows of a query on an open connection."""
    with closing(link.cursor()) as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def _migrations_digest() -> str:
    """Return a hash of all files (migrations, models, packages) on which the result of `migrate` depends."""
    digest = hashlib.sha256((REPOSITORY / "requirements.txt").read_bytes())
    # Models belong to them, since `migrate` inserts permissions with the names of models.
    for pattern in ("*/migrations/*.py", "*/*/migrations/*.py", "*/models.py", "*/models/*.py"):
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]

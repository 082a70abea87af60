"""These functions run SQL statements for many rows at once, five times as fast as Django's ORM (ADR 0030)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import InterfaceError, connections
from django.db.backends.utils import CursorWrapper

WAITS_FOR_DISK = "Waiting for someone to free space"
"""MariaDB's state of a commit that waits for disk space. It tells nobody: the commit just lasts."""
LOCK_WAIT = 1205
_TEMPORARY_ERRORS = {LOCK_WAIT, 1213, 1062, 1020}
"""MariaDB's errors of lock wait, deadlock, duplicate key and changed row: the same transaction may succeed at once."""
_UNAVAILABLE_ERRORS = {1021, 1040, 1053, 1114, 1203, 1290, 1792, 1836, 1927}
"""MariaDB's errors of a full disk, too many connections, shutdown, read-only and killed: it may succeed later."""
_FIRST_CLIENT_ERROR = 2000
"""From this number on errors are of the client library, such as a lost connection."""


def is_away(error: Exception) -> bool:
    """Return whether a database error means that the database is unavailable just now, and not that a query failed."""
    code = _error_number(error)
    is_client_error = isinstance(error, InterfaceError) or code >= _FIRST_CLIENT_ERROR
    return is_client_error or code in _UNAVAILABLE_ERRORS


def is_temporary(error: Exception) -> bool:
    """Return whether an error is temporary (deadlock, lock wait, duplicate key): the transaction may be run again."""
    return _error_number(error) in _TEMPORARY_ERRORS


def is_locked(error: Exception) -> bool:
    """Return whether an error means that a table or row was locked for longer than this process waits (`patience`)."""
    return _error_number(error) == LOCK_WAIT


def _error_number(error: Exception) -> int:
    """Return MariaDB's number of an error; 0 if it has none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def cursor_of(database: str) -> CursorWrapper:
    """Return a cursor on this thread's connection to a database (a Django alias), so in its open transaction."""
    return connections[database].cursor()


@contextmanager
def named_lock(database: str, name: str, seconds: float) -> Iterator[bool]:
    """Hold MariaDB's lock of this name (GET_LOCK) within the `with` block; it does not depend on transactions.

    Yields `False` if another connection has held it for `seconds`.
    """
    # MariaDB takes names of up to 64 characters.
    key = hashlib.sha256(name.encode()).hexdigest()[:60]
    with cursor_of(database) as cursor:
        cursor.execute("SELECT GET_LOCK(%s, %s)", [key, seconds])
        has_lock = cursor.fetchone() == (1,)
        try:
            yield has_lock
        finally:
            if has_lock:
                cursor.execute("SELECT RELEASE_LOCK(%s)", [key])
                cursor.fetchone()


def insert(
    database: str,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    update: Sequence[str] = (),
) -> None:
    """Insert rows. If a row with the same key exists, it gets the new values of the columns in `update` instead.

    Without `update` a key that exists raises IntegrityError.
    """
    values = list(rows)
    if not values:
        return
    names = ", ".join(f"`{column}`" for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    query = f"INSERT INTO `{table}` ({names}) VALUES ({marks})"
    if update:
        changes = ", ".join(f"`{column}`=VALUES(`{column}`)" for column in update)
        query += f" ON DUPLICATE KEY UPDATE {changes}"
    execute_many(database, query, values)


def execute_many(database: str, query: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement for each of these rows of parameters; an INSERT is sent as one statement for all of them."""
    with cursor_of(database) as cursor:
        cursor.executemany(query, rows)


def select(database: str, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a query with these parameters."""
    with cursor_of(database) as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def execute(database: str, query: str, values: Sequence[Any] = ()) -> int:
    """Run one statement, and return the number of rows that it changed."""
    with cursor_of(database) as cursor:
        cursor.execute(query, values)
        return int(cursor.rowcount)


def waits_for_disk(database: str) -> bool:
    """Return whether a commit of ours waits for disk space.

    `SHOW` needs no temporary table, which could not be written then.
    """
    return any(WAITS_FOR_DISK in row for row in select(database, "SHOW PROCESSLIST"))


def marks(values: Sequence[object]) -> str:
    """Return the placeholders for a list of values in SQL: `%s, %s`."""
    return ", ".join(["%s"] * len(values))

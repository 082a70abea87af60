"""A connection to a MariaDB server that may die, hang or be cut off: every call has a time limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import MySQLdb
from MySQLdb.cursors import DictCursor

from foundation.tls import mariadb_arguments

Failure = MySQLdb.Error
"""An error of a call. Whether the statement had its effect is then unknown."""

NO_SUCH_TABLE = 1146


class DatabaseLink:
    """A database link is a connection to a MariaDB server, for use by one thread.

    It connects when it is needed. After any error it drops the connection, so that the next call
    connects anew. Each call ends within `seconds`, with its result or with Failure.
    """

    def __init__(self, *, seconds: int = 1, **address: Any) -> None:
        """Prepare a link, which connects at its first call. `address`: the arguments of the driver's `connect`."""
        self._address = {**address, "connect_timeout": seconds, "charset": "utf8mb4"}
        self._address |= {"read_timeout": seconds, "write_timeout": seconds}
        self._connection: Any = None

    @classmethod
    def from_url(cls, url: str, seconds: int = 1, *, authorities: str = "") -> DatabaseLink:
        """Return a link to the database `mysql://user:password@host:port/schema`. It is not connected yet.

        The URL's options about TLS are honoured. `authorities` is the file with those who may sign the server's
        certificate; "": those whom the system trusts. Raises UnusableUrl for other options.
        """
        parts = urlsplit(url)
        return cls(
            seconds=seconds,
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=parts.path.strip("/"),
            **mariadb_arguments(url, authorities),
        )

    def execute(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a statement and return its rows, each as a dict (column -> value); [] for one without rows.

        The connection is opened if need be. Raises Failure, and then closes it.
        """
        try:
            if self._connection is None:
                self._connection = MySQLdb.connect(**self._address, autocommit=True)
            with self._connection.cursor(DictCursor) as cursor:
                cursor.execute(query, values or None)
                return list(cursor.fetchall()) if cursor.description else []
        except Failure:
            self.close()
            raise

    def first_row(self, query: str, values: Sequence[Any] = ()) -> dict[str, Any]:
        """Return the first row of a query as a dict (column -> value); `{}` if there is none. Raises Failure."""
        rows = self.execute(query, values)
        return rows[0] if rows else {}

    def value(self, expression: str) -> Any:
        """Return the value of an SQL expression, such as `@@read_only`, a server variable. Raises Failure."""
        return self.first_row(f"SELECT {expression} AS v")["v"]

    def run_transaction(self, *statements: tuple[str, Sequence[Any]]) -> int:
        """Run statements in one transaction: all of them, or none if the first one changes no row.

        Return how many rows the first one changed. Raises Failure: whether the transaction was
        committed is then unknown.
        """
        try:
            if self._connection is None:
                self._connection = MySQLdb.connect(**self._address, autocommit=True)
            return self._in_transaction(statements)
        except Failure:
            self.close()
            raise

    def _in_transaction(self, statements: tuple[tuple[str, Sequence[Any]], ...]) -> int:
        """Run statements in one transaction, which is rolled back if the first changes no row; return its row count."""
        with self._connection.cursor() as cursor:
            cursor.execute("START TRANSACTION")
            changed_rows = int(cursor.execute(*statements[0]))
            for statement in statements[1:] if changed_rows else ():
                cursor.execute(*statement)
            cursor.execute("COMMIT" if changed_rows else "ROLLBACK")
            return changed_rows

    def close(self) -> None:
        """Close and forget the connection to the database; the next call makes another one.

        A failure to close is ignored.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Failure:
                return

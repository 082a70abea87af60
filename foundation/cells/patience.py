"""The time for which a process waits for its databases is shorter than others wait for the process.

A lock may last, for a backup or a change of a table, and a disk may be full or slow. MariaDB by itself lets a
statement wait a day for a locked table, and 50 s for a locked row. Nothing limits the time of a statement on the
server: a commit that waits for the database's copy would be reported as done if it were interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The time limits, in seconds, with which one kind of process (web or worker) waits for a database."""

    answer: int
    """Seconds to wait for the answer to a statement; after that the connection is given up."""
    lock: int
    """Seconds to wait for a locked table or row; after that the statement fails, and may be tried again."""


WEB = Patience(answer=10, lock=2)
"""A person waits. A transaction is tried three times, so a request is answered within 6 s."""
WORKER = Patience(answer=30, lock=5)
"""Messages wait in their queue; the broker gives up a consumer that is silent for 40 s."""


def set_time_limits(patience: Patience) -> None:
    """Set these time limits for all database connections that this process opens from now on, and close the others."""
    locks = f"lock_wait_timeout={patience.lock}, innodb_lock_wait_timeout={patience.lock}"
    for alias in connections:
        options = connections.settings[alias]["OPTIONS"]
        options["read_timeout"] = options["write_timeout"] = patience.answer
        session = options["init_command"].partition(", lock_wait_timeout")[0]
        options["init_command"] = f"{session}, {locks}"
    connections.close_all()

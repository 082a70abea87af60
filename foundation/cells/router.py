"""The database router allows migrations in our own platform's database only, and keeps a request in one database.

Our own queries name their database. Libraries (sessions, OAuth2, second factors, the audit trail) ask the router: it
names the database with the data of the person who sends the request (ADR 0036).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db.models import Model

_of_request: ContextVar[str | None] = ContextVar("database of the request's person", default=None)


@contextmanager
def request_database(database: str | None) -> Iterator[None]:
    """Send queries that name no database to this one (a Django alias) within the `with` block, that is, one request.

    `None` means our own platform's database.
    """
    token = _of_request.set(database)
    try:
        yield
    finally:
        _of_request.reset(token)


def switch_request_to(database: str) -> None:
    """Send the queries of the rest of this HTTP request to another database, as its person has just signed in there."""
    _of_request.set(database)


def database_of_request() -> str | None:
    """Return the database with the data of the person who sends this HTTP request, as a Django alias.

    `None` outside of requests, and for people of our own platform.
    """
    return _of_request.get()


class OwnOnly:
    """The database router allows migrations in our own platform's database only.

    Queries of an HTTP request go to the database with the data of the person who sends it.
    """

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        """Return whether `db` is our own database. Tables of another platform come with the copy of its data."""
        return db == "default"

    def db_for_read(self, model: type[Model], **hints: object) -> str | None:
        """Return the database of a related object, else that of the request; `None` leaves it to Django."""
        instance = hints.get("instance")
        database = instance._state.db if isinstance(instance, Model) else None
        return database or database_of_request()

    db_for_write = db_for_read

"""The middleware keeps browser sessions and OAuth2 in the data of the platform that they belong to.

Django's sessions and the OAuth2 toolkit take the database that the router names. A site that serves its own platform
alone asks nothing here; one that has taken over others looks the session or application up.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import Error
from django.http import HttpRequest, HttpResponse

from domains.data import homes
from domains.models import Application
from foundation.cells.directory import possible_platforms
from foundation.cells.router import request_database

_PROGRAMS = ("/oauth/token", "/oauth/introspect", "/oauth/revoke_token")
"""Here an application proves itself, and no browser session does."""


class RequestDatabase:
    """The middleware finds the database of a request's person or application. It runs before sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and let sessions and OAuth2 use the database that knows its person or application."""
        with request_database(_database_of(request) if len(possible_platforms()) > 1 else None):
            return self._get_response(request)


def _database_of(request: HttpRequest) -> str | None:
    """Return the database that knows the request's session or application; `None` if it is our own, or none does."""
    try:
        if request.path_info.rstrip("/") in _PROGRAMS:
            client_id = _client_id(request)
            return homes.search(lambda database: _knows_application(database, client_id))
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        return homes.search(lambda database: _knows_session(database, key)) if key else None
    except Error:
        return None  # Whoever needs the database says that it is away.


def _knows_session(database: str, key: str) -> str | None:
    """Return the database's alias if it has a browser session with this key, else `None`."""
    sessions = Session.objects.using(database).filter(session_key=key[:40])
    return database if sessions.exists() else None


def _knows_application(database: str, client_id: str) -> str | None:
    """Return the database's alias if it has an OAuth2 application with this id, else `None`."""
    applications = Application.objects.using(database).filter(client_id=client_id[:100])
    return database if applications.exists() else None


def _client_id(request: HttpRequest) -> str:
    """Return the id by which an application names itself, in the header for HTTP Basic or in the form.

    "" without one.
    """
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return str(request.POST.get("client_id", ""))
    try:
        return base64.b64decode(value).decode().partition(":")[0]
    except ValueError:  # It is no base64, no ASCII, or no UTF-8.
        return ""

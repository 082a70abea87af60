"""Clients of our pages and APIs. Each is checked for CSRF, as in production; Django's own test client is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.test import Client

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

_TOKEN = "c" * 32


class BareClient(Client):
    """A program, or a forged form, that sends nothing but what it is told to."""

    def __init__(
        self, *, raise_request_exception: bool = True, server_name: str = "testserver"
    ) -> None:
        super().__init__(
            enforce_csrf_checks=True,
            raise_request_exception=raise_request_exception,
            SERVER_NAME=server_name,
        )


class Browser(BareClient):
    """A browser in which one of our own forms or scripts sends the CSRF token that it was given."""

    def request(self, **request: object) -> _MonkeyPatchedWSGIResponse:
        """Send a request, with the token if it may change something."""
        if request.get("REQUEST_METHOD") not in ("GET", "HEAD", "OPTIONS", "TRACE"):
            self.cookies[settings.CSRF_COOKIE_NAME] = _TOKEN
            request.setdefault("HTTP_X_CSRFTOKEN", _TOKEN)
        return super().request(**request)

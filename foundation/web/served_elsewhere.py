"""A site whose own database takes no writes answers with words and an address, never with a stack trace.

While another site serves the platform the database here is a copy. People who are signed in may go on
reading. To sign in needs writes (wrong passwords are counted, a code is valid once), so people do that at the
serving site, and whatever changes something too. Calls of the API and of the console's script answer for
themselves, as they may concern another platform, which is served here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.views import defaults

from foundation.web.errors import AGAIN_IN, REFUSAL_WHILE_CLOSED, Refusal, refused

_READS = ("GET", "HEAD", "OPTIONS")
_BY_THEMSELVES = ("/api/", "/console/", "/join/")
_SIGN_IN = ("/accounts/login/", "/admin/login/", "/admin/second-factor/")


class RefuseWrites:
    """Middleware before sessions: refuse sign-in and changes of pages at a site that does not serve."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse a request that could only fail; pass on all others."""
        writes = request.method not in _READS or request.path_info in _SIGN_IN
        if writes and not request.path_info.startswith(_BY_THEMSELVES):
            try:
                elsewhere = closed()
            except Error:
                elsewhere = None
            if elsewhere:
                language = translation.get_language_from_request(request)
                with translation.override(language):
                    return _away(request, elsewhere)
        return self._get_response(request)


def closed() -> Refusal | None:
    """Return the refusal of a site that does not serve its platform; `None`: it does. Raises Error."""
    return REFUSAL_WHILE_CLOSED.call()


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when nobody has caught an exception: with words where the database was the cause."""
    error = sys.exc_info()[1]
    if not isinstance(error, Error):
        return defaults.server_error(request)
    try:
        return _away(request, closed())
    except Error:
        return _away(request, None)


def _away(request: HttpRequest, elsewhere: Refusal | None) -> HttpResponse:
    headers = {"Retry-After": str(AGAIN_IN), "Cache-Control": "no-store"}
    if request.path_info.startswith("/api/"):
        return JsonResponse(refused(elsewhere), headers=headers)
    serving = elsewhere.more.get("serving", {}) if elsewhere else {}
    if "text/html" not in request.headers.get("Accept", ""):
        why = elsewhere.description if elsewhere else _("The platform's database is away.")
        body = {"error": "temporarily_unavailable", "error_description": why, "serving": serving}
        return JsonResponse(body, status=503, headers=headers)
    # The page is rendered without the request, as the context processors would read the database.
    page = render_to_string("away.html", {"elsewhere": elsewhere, "serving": serving})
    return HttpResponse(page, status=503, headers=headers)

"""A site whose own database takes no writes answers with an explanation and an address, never with a stack trace.

While another site serves this site's platform, the database here is a read-only copy. People who are signed in may go
on reading. Signing in needs writes (wrong passwords are counted, a code can be used once), so people sign in at the
other site, and change data there. The middleware lets calls of the API and of pages' scripts through: they check
themselves, since they may concern another platform, which this site serves.
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

from foundation.web.errors import REFUSAL_WHILE_CLOSED, RETRY_AFTER_SECONDS, Refusal, refused

_READING_METHODS = ("GET", "HEAD", "OPTIONS")
_CHECKED_BY_VIEWS = ("/api/", "/console/", "/join/")
_SIGN_IN_PAGES = ("/accounts/login/", "/admin/login/", "/admin/second-factor/")


class RefuseWrites:
    """The middleware refuses sign-ins and changes while another site serves the platform. It runs before sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Prepare the middleware; `get_response` answers a request."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse a sign-in or a change while another site serves this site's platform; answer all other requests."""
        needs_writes = request.method not in _READING_METHODS or request.path_info in _SIGN_IN_PAGES
        if needs_writes and not request.path_info.startswith(_CHECKED_BY_VIEWS):
            try:
                refusal = refusal_while_closed()
            except Error:
                # Without the database the view fails, and `server_error` explains that.
                refusal = None
            if refusal:
                language = translation.get_language_from_request(request)
                with translation.override(language):
                    return _unavailable(request, refusal)
        return self._get_response(request)


def refusal_while_closed() -> Refusal | None:
    """Return the refusal that names the site which serves the platform, or `None` if this site does. Raises Error."""
    return REFUSAL_WHILE_CLOSED.call("")


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the response to an exception that was not caught (Django's `handler500`).

    An error of the database is answered with an explanation, all others with Django's page.
    """
    error = sys.exc_info()[1]
    if not isinstance(error, Error):
        return defaults.server_error(request)
    try:
        return _unavailable(request, refusal_while_closed())
    except Error:
        return _unavailable(request, None)


def _unavailable(request: HttpRequest, refusal: Refusal | None) -> HttpResponse:
    """Return the response of a site that cannot serve now, as a page, as JSON, or in the form of the API.

    The refusal names the site that serves the platform; `None` means that the database cannot be reached.
    """
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS), "Cache-Control": "no-store"}
    if request.path_info.startswith("/api/"):
        return JsonResponse(refused(refusal), headers=headers)
    serving = refusal.more.get("serving", {}) if refusal else {}
    if "text/html" not in request.headers.get("Accept", ""):
        reason = refusal.description if refusal else _("The platform's database is away.")
        body = {"error": "temporarily_unavailable", "error_description": reason, "serving": serving}
        return JsonResponse(body, status=503, headers=headers)
    # The page is rendered without the request, as the context processors would read the database.
    page = render_to_string("away.html", {"elsewhere": refusal, "serving": serving})
    return HttpResponse(page, status=503, headers=headers)

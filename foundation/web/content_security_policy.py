"""The content security policy limits what a browser may load and do on our pages.

Every page has one: its own (`with_policy`), or the strictest that its scripts can live with, which the middleware adds.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Alpine.js evaluates the expressions of the admin's templates, and sets styles of elements.
_ADMIN = {
    **_STRICT,
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "font-src": "'self'",
}
_DOCS = {**_STRICT, "style-src": "'self' 'unsafe-inline'"}
# A browser asks for the whole chain of redirects that a form leads to: here it ends at the program's own address.
_CONSENT = {**_STRICT, "form-action": "*"}

_BY_PATH = (("/admin/", _ADMIN), ("/api/docs/", _DOCS), ("/oauth/authorize", _CONSENT))
_HEADER = "Content-Security-Policy"


def with_policy(reply: HttpResponse, connect: str = "") -> HttpResponse:
    """Add the strict content security policy to a page, and return it.

    `connect` is a further address that its script may connect to.
    """
    reply[_HEADER] = _header_value(_STRICT | {"connect-src": f"'self' {connect}".strip()})
    # Not "no-referrer": a form would be sent with the origin "null", which is refused as forged.
    reply["Referrer-Policy"] = "same-origin"
    return reply


class ContentSecurityPolicy:
    """Middleware: a page that has no policy of its own gets the one of its path (see `_BY_PATH`)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Prepare the middleware; `get_response` answers a request."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and add the content security policy for its path, unless the page has its own."""
        reply = self._get_response(request)
        if _HEADER not in reply:
            policies = (policy for path, policy in _BY_PATH if request.path_info.startswith(path))
            reply[_HEADER] = _header_value(next(policies, _STRICT))
        return reply


def _header_value(policy: dict[str, str]) -> str:
    """Return a content security policy (directive -> sources) as the value of its HTTP header."""
    return "; ".join(f"{name} {sources}" for name, sources in policy.items())

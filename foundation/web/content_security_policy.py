"""The content security policy limits what a browser may load and do on pages for people."""

from __future__ import annotations

from django.http import HttpResponse

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'{more}",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def with_policy(reply: HttpResponse, connect: str = "") -> HttpResponse:
    """Return the page with the headers of its policy. `connect` is a further address that its script may connect to."""
    more = f" {connect}" if connect else ""
    reply["Content-Security-Policy"] = _POLICY.format(more=more)
    # Not "no-referrer": a form would be sent with the origin "null", which is refused as forged.
    reply["Referrer-Policy"] = "same-origin"
    return reply

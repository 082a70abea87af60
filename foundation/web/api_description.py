"""The API's description (OpenAPI) takes seconds to make: each process makes it once, and serves it to everybody."""

from __future__ import annotations

from threading import Lock

from django.http import HttpRequest, HttpResponse
from drf_spectacular.views import SpectacularAPIView

_TYPES = ("application/vnd.oai.openapi", "application/json")
_descriptions: dict[str, tuple[bytes, str]] = {}
_lock = Lock()
_make = SpectacularAPIView.as_view(permission_classes=[], authentication_classes=[])


def schema(request: HttpRequest) -> HttpResponse:
    """Return the API's description, as JSON if the request asks for that, else as YAML."""
    formats = request.GET.get("format", "") + request.headers.get("Accept", "")
    content_type = _TYPES["json" in formats]
    with _lock:
        if content_type not in _descriptions:
            _descriptions[content_type] = _description(content_type)
    content, full_type = _descriptions[content_type]
    return HttpResponse(content, content_type=full_type)


def _description(content_type: str) -> tuple[bytes, str]:
    """Return the description in this content type, and its full content type. It does not depend on the visitor."""
    request = HttpRequest()
    request.method = "GET"
    request.META = {"HTTP_ACCEPT": content_type, "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    reply = _make(request)
    reply.render()
    return reply.content, str(reply["Content-Type"])

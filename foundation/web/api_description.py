"""The API's own description (OpenAPI) is made once by each process, as that takes seconds, and given to everybody."""

from __future__ import annotations

from threading import Lock

from django.http import HttpRequest, HttpResponse
from drf_spectacular.views import SpectacularAPIView

_TYPES = ("application/vnd.oai.openapi", "application/json")
_made: dict[str, tuple[bytes, str]] = {}
_lock = Lock()
_make = SpectacularAPIView.as_view(permission_classes=[], authentication_classes=[])


def schema(request: HttpRequest) -> HttpResponse:
    """Return the description, as JSON where that is asked for, else as YAML."""
    asked = request.GET.get("format", "") + request.headers.get("Accept", "")
    wanted = _TYPES["json" in asked]
    with _lock:
        if wanted not in _made:
            _made[wanted] = _description(wanted)
    content, kind = _made[wanted]
    return HttpResponse(content, content_type=kind)


def _description(wanted: str) -> tuple[bytes, str]:
    """Return content and content type, made by a request that has nothing of the visitor's."""
    request = HttpRequest()
    request.method = "GET"
    request.META = {"HTTP_ACCEPT": wanted, "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    reply = _make(request)
    reply.render()
    return reply.content, str(reply["Content-Type"])

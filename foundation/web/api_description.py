"""The API's description (OpenAPI) takes seconds to make: each process makes it once, and serves it to everybody."""

from __future__ import annotations

from threading import Lock

from django.http import HttpRequest, HttpResponse
from drf_spectacular.views import SpectacularAPIView

from foundation.json_value import JSONObject, JSONValue
from foundation.web.errors import PROBLEM
from foundation.web.lenient_requests import FOR_OUR_PAGES

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


_PROBLEM: JSONObject = {
    "type": "object",
    "description": "Why a call was refused (RFC 9457).",
    "properties": {
        "type": {"type": "string", "example": "urn:confplatform:error:12103"},
        "title": {"type": "string", "example": "Not Found"},
        "status": {"type": "integer", "example": 404},
        "detail": {"type": "string", "example": "conference does not exist"},
        "instance": {"type": "string", "example": "/api/v1/vc/confs/404404"},
        "success": {"type": "integer", "example": 0},
        "error_code": {"type": "integer", "example": 12103},
        "description": {"type": "string", "example": "conference does not exist"},
    },
}
_ANSWER: JSONObject = {
    "description": "Refused, for programs of today (see above).",
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe_problems(result: JSONObject, **facts: object) -> JSONObject:
    """Add to each call the problem details with which it is refused (a hook of drf-spectacular)."""
    paths, components = result["paths"], result["components"]
    assert isinstance(paths, dict)
    assert isinstance(components, dict)
    for path, methods in paths.items():
        if path.startswith(FOR_OUR_PAGES) or not isinstance(methods, dict):
            continue
        for call in methods.values():
            if isinstance(call, dict) and isinstance(responses := call.get("responses"), dict):
                responses["default"] = dict[str, JSONValue](_ANSWER)
    schemas = components.setdefault("schemas", {})
    assert isinstance(schemas, dict)
    schemas["Problem"] = dict[str, JSONValue](_PROBLEM)
    return result

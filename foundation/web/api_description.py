"""The API's description (OpenAPI) takes seconds to make: each process makes it once, and serves it to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from threading import Lock

from django.conf import settings
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
    """Return the API's OpenAPI description, as JSON if the request asks for that, else as YAML; it is made once."""
    formats = request.GET.get("format", "") + request.headers.get("Accept", "")
    content_type = _TYPES["json" in formats]
    with _lock:
        if content_type not in _descriptions:
            _descriptions[content_type] = _description(content_type)
    content, full_type = _descriptions[content_type]
    return HttpResponse(content, content_type=full_type)


def _description(content_type: str) -> tuple[bytes, str]:
    """Return the API's OpenAPI description in a content type (JSON or YAML), and that type with its parameters."""
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
_ANY_OTHER = "Refused, for programs of today (see above)."


def describe_problems(result: JSONObject, **facts: object) -> JSONObject:
    """Add to each call in the OpenAPI document (`result`) how it is refused, by problem details (RFC 9457); return it.

    It is a postprocessing hook of drf-spectacular.
    """
    paths, components = _as_object(result["paths"]), _as_object(result["components"])
    for path, methods in paths.items():
        if path.startswith(FOR_OUR_PAGES):
            continue
        for call in _as_object(methods).values():
            responses = _as_object(_as_object(call)["responses"])
            for status in settings.API_REFUSALS:
                responses[str(status)] = {"$ref": f"#/components/responses/Refused{status}"}
            responses["default"] = _response(_ANY_OTHER)
    _as_object(components.setdefault("schemas", {}))["Problem"] = dict[str, JSONValue](_PROBLEM)
    _as_object(components.setdefault("responses", {})).update(
        {
            f"Refused{status}": _refusal(status, *words)
            for status, words in settings.API_REFUSALS.items()
        }
    )
    return result


def _as_object(value: JSONValue) -> JSONObject:
    """Return this part of the OpenAPI document typed as a JSON object, which it must be."""
    assert isinstance(value, dict)
    return value


def _response(words: str, example: JSONObject | None = None) -> JSONObject:
    """Return OpenAPI's description of a response with problem details; `words` say when it is given."""
    content: JSONObject = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if example:
        content["example"] = example
    return {"description": words, "content": {PROBLEM: content}}


def _refusal(status: int, words: str, code: int, sentence: str) -> JSONObject:
    """Return OpenAPI's description of refusals with an HTTP status; code and sentence are those of the example."""
    example: JSONObject = {
        "type": f"urn:confplatform:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence,
        "instance": "/api/v1/vc/confs/8800123",
        "success": 0,
        "error_code": code,
        "description": sentence,
    }
    return _response(words, example)


def allow_empty_numbers(result: JSONObject, **facts: object) -> JSONObject:
    """Say in the OpenAPI document that a number in an address may be empty, which means absent; return the document.

    Old clients send such parameters; the calls for our own pages refuse them. It is a postprocessing hook of
    drf-spectacular.
    """
    for path, methods in _as_object(result["paths"]).items():
        if path.startswith(FOR_OUR_PAGES):
            continue
        for call in _as_object(methods).values():
            parameters = _as_object(call).get("parameters", [])
            assert isinstance(parameters, list)
            for parameter in map(_as_object, parameters):
                if parameter["in"] == "query" and _as_object(parameter["schema"]).get("type") == "integer":  # fmt: skip
                    parameter["allowEmptyValue"] = True
    return result


def add_examples(result: JSONObject, **facts: object) -> JSONObject:
    """Add to fields and parameters in the OpenAPI document the examples of the settings; return the document.

    It is a postprocessing hook of drf-spectacular.
    """
    examples: Mapping[str, str | int] = settings.API_EXAMPLES
    components, paths = _as_object(result["components"]), _as_object(result["paths"])
    for shape in _as_object(components["schemas"]).values():
        for name, field in _as_object(_as_object(shape).get("properties", {})).items():
            _add_example(_as_object(field), examples.get(name))
    for methods in paths.values():
        for call in _as_object(methods).values():
            parameters = _as_object(call).get("parameters", [])
            assert isinstance(parameters, list)
            for parameter in map(_as_object, parameters):
                _add_example(_as_object(parameter["schema"]), examples.get(str(parameter["name"])))
    return result


def _add_example(field: JSONObject, example: str | int | None) -> None:
    """Add an example to OpenAPI's description of a field, if the types fit; a number gets at least its lowest value."""
    kind = field.get("type")
    # These say already what a value looks like.
    if "enum" in field or "example" in field or "format" in field:
        return
    if kind == "string" and example is not None:
        field["example"] = str(example)
    elif kind == "integer":
        lowest, highest = field.get("minimum", 0), field.get("maximum")
        assert isinstance(lowest, int)
        fits = isinstance(example, int) and lowest <= example
        fits = fits and not (
            isinstance(highest, int) and isinstance(example, int) and example > highest
        )
        field["example"] = example if fits else max(lowest, 0)

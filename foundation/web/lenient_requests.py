"""Requests of existing clients are brought into one shape before routing (HTTP API §1.5).

They come with two slashes before `api`, with `_method` in form, JSON or query, with arguments in the query or as
form fields, and with structured ones as one JSON document in `params`, sometimes URL-encoded twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote_plus

import orjson
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse

from foundation.bus import protocol
from foundation.json_value import JSONObject, JSONValue
from foundation.web.errors import NOT_LOGGED_IN, nack

MAX_DEPTH = 20
PART_OF_UPLOAD = "application/offset+octet-stream"
"""The content type of a large body, which its view reads piece by piece."""
FOR_OUR_PAGES = "/api/v1/im/"
"""Below this path a browser's session is enough as well, so the CSRF token is checked."""
_CHECKED = "csrf_processing_done"
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})


class WildRequests:
    """Middleware for everything under `/api/`; other pages pass untouched."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Bring the request into one shape, then pass it on."""
        path = re.sub(r"/{2,}", "/", request.path_info)
        if not path.startswith("/api/"):
            return self._get_response(request)
        request.path = request.path_info = path
        try:
            fields = _fields(request)
            request.api_fields = fields  # type: ignore[attr-defined]  # read by the views of the API
            request.api_params = _params(fields)  # type: ignore[attr-defined]  # read by the views of the API
        except RequestDataTooBig:
            return JsonResponse(
                nack(int(protocol.current().malformed), "the request is larger than 1 MiB"),
                status=413,
            )
        except (BadRequest, ValueError) as error:
            return JsonResponse(nack(int(protocol.current().malformed), str(error)))
        method = str(fields.get("_method", "")).upper()
        if method in _METHODS and request.method in ("GET", "POST"):
            if request.method == "GET" != method and not fields.get("account_token"):
                # A browser sends the cookie with any link that somebody is led to click.
                words = "account_token: is needed where a GET changes something"
                return JsonResponse(nack(NOT_LOGGED_IN, words))
            request.method = method
        ours = path.startswith(FOR_OUR_PAGES)
        if path.startswith("/api/v1/") and not ours and not hasattr(request, _CHECKED):
            # These requests carry their token, which no browser sends by itself. The cookie alone allows
            # a GET to read, and a browser does not send it with another web site's form.
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # read by the views of the API
        return self._get_response(request)


def _fields(request: HttpRequest) -> JSONObject:
    """Return the fields of query, form and JSON as one dictionary; those of the body take precedence."""
    fields: JSONObject = dict(_pairs(request.META.get("QUERY_STRING", "")))
    if request.content_type == PART_OF_UPLOAD:
        return fields
    body = request.body
    if not body:
        return fields
    if "json" in (request.content_type or ""):
        content = _json(body, "the body")
        if not isinstance(content, dict):
            raise BadRequest("the body must be a JSON object")
        return fields | content
    if request.content_type in ("application/x-www-form-urlencoded", "text/plain", "", None):
        try:
            return fields | dict(_pairs(body.decode()))
        except UnicodeDecodeError:
            raise BadRequest("the body is not UTF-8") from None
    raise BadRequest(f"content type {request.content_type[:80]!r}: send a form or JSON")


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=200, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("a field is not UTF-8") from None
    except ValueError:
        raise BadRequest("too many fields; at most 200 are taken") from None


def _params(fields: JSONObject) -> JSONObject:
    """Return the structured arguments: `params` (decoded a second time where need be), else all fields."""
    params = fields.get("params")
    if params is None or params == "":
        return fields
    if isinstance(params, str):
        text = params if params.lstrip().startswith("{") else unquote_plus(params)
        params = _json(text.encode(errors="replace"), "params")
    if not isinstance(params, dict):
        raise BadRequest("params: must be a JSON object")
    return params


def _json(text: bytes, name: str) -> JSONValue:
    """Return the value of a JSON text. Raises BadRequest, which calls the text by `name`."""
    try:
        value: JSONValue = orjson.loads(text)
    except ValueError:
        raise BadRequest(f"{name} is not JSON") from None
    _check_depth(value, name)
    return value


def _check_depth(value: JSONValue, name: str) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadRequest(f"{name} is nested deeper than {MAX_DEPTH} levels")
        below: list[JSONValue] = []
        for node in level:
            if isinstance(node, dict):
                below += node.values()
            elif isinstance(node, list):
                below += node
        level = below

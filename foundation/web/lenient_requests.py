"""Requests as they occur in the wild, brought into one shape before routing (HTTP API §1.5).

Two slashes before `api`, `_method` in form, JSON or query, arguments in the query or as form
fields, structured ones as one JSON document in `params`, sometimes URL-encoded twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import orjson
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse

from foundation.bus import protocol
from foundation.web.errors import NOT_LOGGED_IN, nack

MAX_DEPTH = 20
PART_OF_UPLOAD = "application/offset+octet-stream"
"""What comes as this is large, and read by its view, piece by piece."""
FOR_OUR_PAGES = "/api/v1/im/"
"""Here a browser's session is good as well, so the CSRF token is looked for."""
_CHECKED = "csrf_processing_done"
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})


class WildRequests:
    """Middleware for everything under `/api/`; other pages pass untouched."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Tidy the request, then let it through."""
        path = re.sub(r"/{2,}", "/", request.path_info)
        if not path.startswith("/api/"):
            return self._get_response(request)
        request.path = request.path_info = path
        try:
            fields = _fields(request)
            request.api_fields = fields  # type: ignore[attr-defined]
            request.api_params = _params(fields)  # type: ignore[attr-defined]
        except RequestDataTooBig:
            return JsonResponse(
                nack(int(protocol.current().malformed), "the request is larger than 1 MiB"),
                status=413,
            )
        except (BadRequest, ValueError) as wrong:
            return JsonResponse(nack(int(protocol.current().malformed), str(wrong)))
        method = str(fields.get("_method", "")).upper()
        if method in _METHODS and request.method in ("GET", "POST"):
            if request.method == "GET" != method and not fields.get("account_token"):
                # The cookie comes along with any link that somebody is led to click.
                words = "account_token: is needed where a GET changes something"
                return JsonResponse(nack(NOT_LOGGED_IN, words))
            request.method = method
        ours = path.startswith(FOR_OUR_PAGES)
        if path.startswith("/api/v1/") and not ours and not hasattr(request, _CHECKED):
            # They carry their token in the request, which no browser sends by itself; the cookie
            # alone is good for what a GET reads, and is not sent along by another site's form.
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        return self._get_response(request)


def _fields(request: HttpRequest) -> dict[str, Any]:
    """Query, form and JSON fields as one dictionary; the body's win."""
    fields: dict[str, Any] = dict(_pairs(request.META.get("QUERY_STRING", "")))
    if request.content_type == PART_OF_UPLOAD:
        return fields
    body = request.body
    if not body:
        return fields
    if "json" in (request.content_type or ""):
        found = _json(body, "the body")
        if not isinstance(found, dict):
            raise BadRequest("the body must be a JSON object")
        return fields | found
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


def _params(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the structured arguments: `params` (decoded a second time where need be), else all fields."""
    given = fields.get("params")
    if given is None or given == "":
        return fields
    if isinstance(given, str):
        text = given if given.lstrip().startswith("{") else unquote_plus(given)
        given = _json(text.encode(errors="replace"), "params")
    if not isinstance(given, dict):
        raise BadRequest("params: must be a JSON object")
    return given


def _json(text: bytes, where: str) -> Any:
    try:
        found = orjson.loads(text)
    except ValueError:
        raise BadRequest(f"{where} is not JSON") from None
    _check_depth(found, where)
    return found


def _check_depth(value: Any, where: str) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadRequest(f"{where} is nested deeper than {MAX_DEPTH} levels")
        below: list[Any] = []
        for one in level:
            below += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
        level = below

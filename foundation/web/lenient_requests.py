"""The middleware changes requests of existing API clients into one form before they are routed (HTTP API §1.5).

Such clients send two slashes before `api`, the HTTP method as a field `_method`, arguments in the query, as form
fields or as JSON, and structured arguments as one JSON document in the field `params`, sometimes URL-encoded twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import orjson
from django.conf import settings
from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host

from foundation.json_value import JSONObject, JSONValue
from foundation.web.errors import (
    NOT_LOGGED_IN,
    PROBLEM,
    UNSPECIFIED,
    Refusal,
    Unreadable,
    early_answer,
)
from foundation.web.xml_answers import SUFFIX, prefers_xml, turn_into_xml

MAX_DEPTH = 20
MAX_FIELDS = 200
PART_OF_UPLOAD = "application/offset+octet-stream"
"""The content type of a large body, which its view reads piece by piece, so that it is not read here."""
FOR_OUR_PAGES = ("/api/v1/im/", "/api/v1/social/")
"""Below these paths a browser session authenticates too, so the CSRF token is checked."""
JSON = "application/json"
_API = ("/api/", "/api5/")
_CHECKED = "csrf_processing_done"
API_LEVEL = 1
"""The API level that clients see: our calls are those of release 6.0 of the open platform API (HTTP API §1.7)."""
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})


class WildRequests:
    """The middleware changes the many forms in which clients send requests under `/api/` into one form.

    It sets `request.api_fields`, all arguments of the request, and `request.api_params`, the
    structured ones.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Prepare the middleware; `get_response` answers a request."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Change a request under `/api/` into the usual form and answer it, or refuse it if it cannot be read.

        The answer is turned into XML if the client asks for that.
        """
        path = re.sub(r"/{2,}", "/", request.path_info)
        if not path.startswith(_API):
            return self._get_response(request)
        is_for_our_pages = path.startswith(FOR_OUR_PAGES)
        if is_for_our_pages:
            return self._answer(request, path, is_for_our_pages)
        wants_xml = path.endswith(SUFFIX)
        wants_json = path.endswith(".json")
        path = path.removesuffix(SUFFIX).removesuffix(".json")
        accept = request.META.get("HTTP_ACCEPT", "")
        if not wants_json and not wants_xml:
            wants_xml = prefers_xml(accept)
        if wants_xml or wants_json or PROBLEM in accept:
            # The views answer in JSON alone; whoever accepts problems in JSON gets answers in JSON.
            request.META["HTTP_ACCEPT"] = f"{JSON}, {PROBLEM}" if PROBLEM in accept else JSON
            request.__dict__.pop("headers", None)  # Django keeps what it has read of META.
        response = self._answer(request, path, is_for_our_pages)
        if wants_xml:
            turn_into_xml(response)
        response["API-Level"] = str(API_LEVEL)
        return response

    def _answer(self, request: HttpRequest, path: str, is_for_our_pages: bool) -> HttpResponse:
        """Read the arguments of a call, set its path and HTTP method, and return the view's answer or a refusal.

        `is_for_our_pages`: our own web pages make this call too, so the CSRF token is checked.
        """
        request.path = request.path_info = path
        if refusal := _refuse_host(request):
            return refusal
        try:
            fields = _read_fields(request)
            request.api_fields = fields  # type: ignore[attr-defined]  # read by the views of the API
            params = _read_params(fields)
            request.api_params = params  # type: ignore[attr-defined]  # read by the views of the API
        except RequestDataTooBig:
            too_large = Unreadable("the request is larger than 1 MiB", 413)
            return early_answer(request, too_large, 413)
        except Unreadable as unreadable:
            return early_answer(request, unreadable)
        except (BadRequest, ValueError) as error:
            return early_answer(request, Unreadable(str(error)))
        method = _method_in(fields, params)
        if method in _METHODS and request.method in ("GET", "POST"):
            if request.method == "GET" and method != "GET" and not fields.get("account_token"):
                # A browser sends the login cookie with any link, also one that an attacker has prepared.
                words = "account_token: is needed where a GET changes something"
                return early_answer(request, Refusal(NOT_LOGGED_IN, words))
            request.method = method
        if path.startswith("/api/v1/") and not is_for_our_pages and not hasattr(request, _CHECKED):
            # These requests carry their token, which no browser sends by itself. The cookie alone allows
            # a GET to read, and a browser does not send it with another web site's form.
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # read by the views of the API
        return self._get_response(request)


def _method_in(fields: JSONObject, params: JSONObject) -> str:
    """Return the HTTP method that the arguments name, beside `params` or inside of it; "" if they name none."""
    method = fields.get("_method") or params.get("_method")
    return method.upper() if isinstance(method, str) else ""


def _refuse_host(request: HttpRequest) -> HttpResponse | None:
    """Return the refusal of a request to a host name that is not ours; `None` means that it may pass.

    Existing client applications use bare IP addresses. A browser never takes such a host for another web site,
    so the request is handled as one to our own name.
    """
    host = request.META.get("HTTP_HOST", "")
    name = split_domain_port(host.lower())[0]
    if _is_ip(name.strip("[]")) and not validate_host(name, settings.ALLOWED_HOSTS):
        request.META["HTTP_HOST"] = urlsplit(settings.PUBLIC_URL).netloc
    try:
        request.get_host()
    except DisallowedHost:
        words = f"Host {host[:100]!r}: is none of the names of this site (ALLOWED_HOSTS)"
        return early_answer(request, Refusal(UNSPECIFIED, words))
    return None


def _is_ip(text: str) -> bool:
    """Return whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _read_fields(request: HttpRequest) -> JSONObject:
    """Return the fields of a request's query and body (form or JSON) as one object; those of the body take precedence.

    Raises BadRequest if the body cannot be read.
    """
    fields: JSONObject = dict(_parse_pairs(request.META.get("QUERY_STRING", "")))
    if request.content_type == PART_OF_UPLOAD:
        return fields
    body = request.body
    if not body:
        return fields
    if "json" in (request.content_type or ""):
        content = _parse_json(body, "the body")
        if not isinstance(content, dict):
            raise BadRequest("the body must be a JSON object")
        return fields | content
    if request.content_type in ("application/x-www-form-urlencoded", "text/plain", "", None):
        try:
            return fields | dict(_parse_pairs(body.decode()))
        except UnicodeDecodeError:
            raise BadRequest("the body is not UTF-8") from None
    raise Unreadable(f"content type {request.content_type[:80]!r}: send a form or JSON", 415)


def _parse_pairs(text: str) -> list[tuple[str, str]]:
    """Return the names and values of a query or form, in their order.

    Raises BadRequest if it is not UTF-8 or has too many fields.
    """
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("a field is not UTF-8") from None
    except ValueError:
        raise BadRequest(f"too many fields; at most {MAX_FIELDS} are taken") from None


def _read_params(fields: JSONObject) -> JSONObject:
    """Return the JSON object in the field `params` or `content`, or all fields if there is none. Raises BadRequest.

    A text that is no JSON object is URL-decoded once more.
    """
    params = fields.get("params") or fields.get("content")
    if not params:
        return fields
    if isinstance(params, str):
        text = params if params.lstrip().startswith("{") else unquote_plus(params)
        params = _parse_json(text.encode(errors="replace"), "params")
    if not isinstance(params, dict):
        raise BadRequest("params: must be a JSON object")
    return params


def _parse_json(text: bytes, name: str) -> JSONValue:
    """Return the value of a JSON text. Raises BadRequest, in which `name` names the text."""
    try:
        value: JSONValue = orjson.loads(text)
    except ValueError:
        raise BadRequest(f"{name} is not JSON") from None
    _check_depth(value, name)
    return value


def _check_depth(value: JSONValue, name: str) -> None:
    """Raise BadRequest, naming the value, if objects and lists in a JSON value are nested deeper than MAX_DEPTH."""
    values, depth = [value], 0
    while values:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadRequest(f"{name} is nested deeper than {MAX_DEPTH} levels")
        members: list[JSONValue] = []
        for container in values:
            if isinstance(container, dict):
                members += container.values()
            elif isinstance(container, list):
                members += container
        values = members

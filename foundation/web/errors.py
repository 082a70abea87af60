"""The HTTP API answers a refusal with status 200 and a body with `success` 0, an `error_code` and a description.

New client applications get an HTTP status and problem details instead (layer 3 of the API; see `is_new_program`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from django.db import Error
from django.http import HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from foundation.bus import protocol
from foundation.hooks import SingleHook

log = logging.getLogger("confplatform.api")

NOT_LOGGED_IN = 10102
UNSPECIFIED = 99999
BUSY = 20003
_DATABASE_AWAY = "the database is away; try again in a moment"
RETRY_AFTER_SECONDS = 5
"""Seconds after which a client may try again, if the site serves nobody for the moment (header `Retry-After`)."""


class Refusal(Exception):
    """The exception that refuses an HTTP request, with an error code for client software and a sentence for people."""

    status: int = 0
    """The HTTP status for new client applications; 0 means that it follows from the number."""

    def __init__(self, error_code: int, description: str, **more: object) -> None:
        """Refuse with an error code for client software, a sentence for people, and further answer fields (`more`)."""
        self.error_code, self.description, self.more = error_code, description, more
        super().__init__(description)


REFUSAL_WHILE_CLOSED: SingleHook[[str], Refusal | None] = SingleHook()
"""The receiver returns the refusal of every request while another site serves a platform, else `None`.

Its argument is the platform's id; "" means the site's own platform."""


class OnlyChecked(Exception):
    """The exception that ends a request which was only to be checked. `faults`: name of an argument -> its fault."""

    def __init__(self, faults: dict[str, str]) -> None:
        """End a request with the faults of its arguments (name -> fault); {} if it could be carried out."""
        self.faults = faults
        super().__init__("only checked")


class Unreadable(Refusal):
    """The refusal of a request that does not have the form of the API's description (HTTP status 400)."""

    status = 400

    def __init__(self, description: str, status: int = 400) -> None:
        """Refuse with a sentence that says what cannot be read, and this HTTP status."""
        super().__init__(int(protocol.current().malformed), description)
        self.status = status


class NoSuchCall(Refusal):
    """The refusal of a request to an address at which the API has no call (HTTP status 404)."""

    status = 404

    def __init__(self, request: HttpRequest) -> None:
        """Refuse a request to an address that no call of the API has."""
        super().__init__(UNSPECIFIED, f"no such call: {request.method} {request.path[:200]}")


class AlreadyAnswered(Exception):
    """The exception that ends a repeated request: it is answered by the body and status of the first one."""

    def __init__(self, body: Mapping[str, object], status: int) -> None:
        """Answer with the body and HTTP status of the first request."""
        self.body, self.status = body, status
        super().__init__("already answered")


class TokenRefused(Refusal):
    """The refusal of a request whose Bearer token is invalid (status 401), or does not allow it (403; RFC 6750)."""

    def __init__(self, error: str, description: str) -> None:
        """Refuse with OAuth2's error code, such as "invalid_token", and a sentence."""
        super().__init__(NOT_LOGGED_IN, description)
        self.status = 403 if error == "insufficient_scope" else 401
        self.challenge = f'Bearer error="{error}", error_description="{description}"'


def nack(error_code: int, description: str) -> dict[str, object]:
    """Return the JSON body by which the API refuses a request: an error code for clients, a sentence for people."""
    return {"success": 0, "error_code": error_code, "description": description}


def refused(refusal: Refusal | None) -> dict[str, object]:
    """Return the JSON body of a refusal with its further fields; `None` means that the database cannot be reached."""
    if refusal is None:
        return nack(UNSPECIFIED, _DATABASE_AWAY)
    return nack(refusal.error_code, refusal.description) | refusal.more


def ack(**content: object) -> Response:
    """Return the HTTP response to a request that succeeded: `success` 1, and these further fields."""
    return Response({"success": 1, **content})


def is_new_program(request: HttpRequest | None) -> bool:
    """Return whether a new client application calls, by a Bearer token or with `Accept: application/problem+json`.

    It is answered by HTTP status and problem details (RFC 9457), every other one by status 200 and `success`.
    """
    if request is None:
        return False
    if request.path_info.startswith(("/api/v1/im/", "/api/v1/social/")):
        return False  # They have statuses of their own.
    is_bearer = request.META.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer "
    return is_bearer or PROBLEM in request.META.get("HTTP_ACCEPT", "")


PROBLEM = "application/problem+json"


def http_status(error_code: int) -> int:
    """Return the HTTP status of a refusal with this error code, for clients that read problem details (RFC 9457)."""
    return protocol.current().http_statuses.get(error_code, 409)


def _refusal_answer(
    refusal: Refusal, request: HttpRequest | None, status: int | None = None, **headers: str
) -> Response:
    """Return the HTTP response of a refusal: problem details (RFC 9457) for client applications that read them.

    Older client applications get status 200 and `success` 0; while another site serves, they are told to sign in again.
    `status` overrides the HTTP status.
    """
    is_closed = refusal.error_code == int(protocol.current().service_stopped)
    if is_closed:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if request is None or not is_new_program(request):
        # Programs of layer 1 know no other site: they sign in again, at the front of both sites.
        code = NOT_LOGGED_IN if is_closed else refusal.error_code
        body = nack(code, refusal.description) | refusal.more
        return Response(body, status or 200, headers=headers)
    status = status or refusal.status or http_status(refusal.error_code)
    return Response(
        problem(refusal, request, status), status, headers=headers, content_type=PROBLEM
    )


def problem(refusal: Refusal, request: HttpRequest, status: int) -> dict[str, object]:
    """Return the problem details of a refusal (RFC 9457), for new client applications."""
    return {
        "type": f"urn:confplatform:error:{refusal.error_code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": refusal.description,
        "instance": request.path,
        **nack(refusal.error_code, refusal.description),
        **refusal.more,
    }


def early_answer(request: HttpRequest, refusal: Refusal, status: int = 200) -> JsonResponse:
    """Return the HTTP response of a refusal by a middleware, before any view runs.

    `status` is for older client applications; those that read problem details (RFC 9457) get the refusal's own HTTP
    status.
    """
    if not is_new_program(request):
        return JsonResponse(nack(refusal.error_code, refusal.description), status=status)
    layer_3_status = refusal.status or http_status(refusal.error_code)
    body = problem(refusal, request, layer_3_status)
    return JsonResponse(body, status=layer_3_status, content_type=PROBLEM)


def answer_refusal(failure: Exception, context: dict[str, object]) -> Response | None:
    """Return the response for an exception that a view has raised (Django REST framework's exception handler).

    `None` means that the exception is none of ours: it becomes an error 500.
    """
    request = getattr(context.get("request"), "_request", None)
    if isinstance(failure, OnlyChecked):
        return ack(debuglist=failure.faults)
    if isinstance(failure, AlreadyAnswered):
        return Response(failure.body, failure.status)
    if isinstance(failure, TokenRefused):
        headers = {"WWW-Authenticate": failure.challenge}
        return _refusal_answer(failure, request, failure.status, **headers)
    if isinstance(failure, Refusal):
        return _refusal_answer(failure, request)
    if isinstance(failure, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return _refusal_answer(Refusal(NOT_LOGGED_IN, str(failure.detail)), request)
    if isinstance(failure, exceptions.Throttled):
        busy = Refusal(BUSY, "too many calls; wait a little")
        status = 429 if is_new_program(request) else 200
        wait = str(int(getattr(failure, "wait", 0) or 0) + 1)
        return _refusal_answer(busy, request, status, **{"Retry-After": wait})
    if isinstance(failure, exceptions.APIException):
        refusal = Refusal(UNSPECIFIED, str(failure.detail))
        return _refusal_answer(
            refusal, request, failure.status_code if is_new_program(request) else 200
        )
    if isinstance(failure, Error):
        log.warning("the database is away: %s", failure)
        closed = REFUSAL_WHILE_CLOSED.call("") or Refusal(UNSPECIFIED, _DATABASE_AWAY)
        answer = _refusal_answer(closed, request, 503 if is_new_program(request) else 200)
        answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return answer
    return None

"""The HTTP API answers a refusal with status 200 and a body with `success` 0, an `error_code` and a description."""

from __future__ import annotations

import logging

from django.db import Error
from rest_framework import exceptions
from rest_framework.response import Response

from foundation.bus import protocol
from foundation.hooks import SingleHook

log = logging.getLogger("confplatform.api")

NOT_LOGGED_IN = 10102
UNSPECIFIED = 99999
RETRY_AFTER_SECONDS = 5
"""Seconds after which a client may try again, if the site serves nobody for the moment (header `Retry-After`)."""


class Refusal(Exception):
    """The request is refused, with a number for programs and a sentence for people. `more` are further fields."""

    def __init__(self, error_code: int, description: str, **more: object) -> None:
        self.error_code, self.description, self.more = error_code, description, more
        super().__init__(description)


REFUSAL_WHILE_CLOSED: SingleHook[[str], Refusal | None] = SingleHook()
"""The receiver returns the refusal of every request while another site serves a platform, else `None`.

Its argument is the platform's id; "" means the site's own platform."""


class OnlyChecked(Exception):
    """Ends a request that was only to be checked. `faults`: name of each wrong argument -> what is wrong with it."""

    def __init__(self, faults: dict[str, str]) -> None:
        self.faults = faults
        super().__init__("only checked")


class TokenRefused(Refusal):
    """The Bearer token is invalid (HTTP status 401), or does not allow this request (403) (RFC 6750)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(NOT_LOGGED_IN, description)
        self.status = 403 if error == "insufficient_scope" else 401
        self.challenge = f'Bearer error="{error}", error_description="{description}"'


def nack(error_code: int, description: str) -> dict[str, object]:
    """Return the body of a refusal."""
    return {"success": 0, "error_code": error_code, "description": description}


def refused(refusal: Refusal | None) -> dict[str, object]:
    """Return the body of a refusal, with its further fields; `None` stands for a database that cannot be reached."""
    if refusal is None:
        return nack(UNSPECIFIED, "the database is away; try again in a moment")
    return nack(refusal.error_code, refusal.description) | refusal.more


def ack(**content: object) -> Response:
    """Return the response to a request that succeeded, with these further fields."""
    return Response({"success": 1, **content})


def answer_refusal(failure: Exception, context: dict[str, object]) -> Response | None:
    """Return the response for an exception that a view has raised (Django REST framework's exception handler).

    `None` means that the exception is none of ours: it becomes an error 500.
    """
    if isinstance(failure, OnlyChecked):
        return ack(debuglist=failure.faults)
    if isinstance(failure, TokenRefused):
        body = nack(failure.error_code, failure.description)
        return Response(body, failure.status, headers={"WWW-Authenticate": failure.challenge})
    if isinstance(failure, Refusal):
        is_temporary = failure.error_code == int(protocol.current().service_stopped)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if is_temporary else None
        return Response(refused(failure), headers=headers)
    if isinstance(failure, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return Response(nack(NOT_LOGGED_IN, str(failure.detail)))
    if isinstance(failure, exceptions.APIException):
        return Response(nack(UNSPECIFIED, str(failure.detail)))
    if isinstance(failure, Error):
        log.warning("the database is away: %s", failure)
        closed = REFUSAL_WHILE_CLOSED.call("")
        return Response(refused(closed), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return None

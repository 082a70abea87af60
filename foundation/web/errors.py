"""A refusal is answered as the open platform API wants it: status 200, `success` 0, an `error_code`."""

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
AGAIN_IN = 5
"""Seconds after which a client may try again at a site that serves nobody for the moment."""


class Refusal(Exception):
    """The request is refused, with a number for programs and a sentence for people."""

    def __init__(self, error_code: int, description: str, **more: object) -> None:
        self.error_code, self.description, self.more = error_code, description, more
        super().__init__(description)


REFUSAL_WHILE_CLOSED: SingleHook[[], Refusal | None] = SingleHook()
"""Return the refusal of every request while another site serves this platform; `None` while this site does."""


class TokenRefused(Refusal):
    """The Bearer token is not valid (HTTP status 401), or not for this request (403) (RFC 6750)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(NOT_LOGGED_IN, description)
        self.status = 403 if error == "insufficient_scope" else 401
        self.challenge = f'Bearer error="{error}", error_description="{description}"'


def nack(error_code: int, description: str) -> dict[str, object]:
    """Return the body of a refusal."""
    return {"success": 0, "error_code": error_code, "description": description}


def refused(why: Refusal | None) -> dict[str, object]:
    """Return the body of a refusal; `None` stands for a database that is away."""
    if why is None:
        return nack(UNSPECIFIED, "the database is away; try again in a moment")
    return nack(why.error_code, why.description) | why.more


def ack(**content: object) -> Response:
    """Return the body of a success."""
    return Response({"success": 1, **content})


def answer_refusal(failure: Exception, context: dict[str, object]) -> Response | None:
    """Return the answer to an exception raised in a view of the REST framework."""
    if isinstance(failure, TokenRefused):
        body = nack(failure.error_code, failure.description)
        return Response(body, failure.status, headers={"WWW-Authenticate": failure.challenge})
    if isinstance(failure, Refusal):
        stopped = failure.error_code == int(protocol.current().service_stopped)
        again = {"Retry-After": str(AGAIN_IN)} if stopped else None
        return Response(refused(failure), headers=again)
    if isinstance(failure, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return Response(nack(NOT_LOGGED_IN, str(failure.detail)))
    if isinstance(failure, exceptions.APIException):
        return Response(nack(UNSPECIFIED, str(failure.detail)))
    if isinstance(failure, Error):
        log.warning("the database is away: %s", failure)
        closed = REFUSAL_WHILE_CLOSED.call()
        return Response(refused(closed), headers={"Retry-After": str(AGAIN_IN)})
    return None

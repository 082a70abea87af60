"""`/api/v1/system/…`: token, login, heartbeats (HTTP API §1.2)."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from domains.api import serializers, sessions
from domains.api.authentication import COOKIE
from foundation import clock
from foundation.web.errors import ack
from foundation.web.serializers import Accepted, answers


def argument(request: Request, name: str) -> str:
    """Return an argument, wherever in the request it was sent. "" means that it was not sent."""
    value = request._request.api_fields.get(name)  # type: ignore[attr-defined]  # set by WildRequests
    return value if isinstance(value, str) else "" if value is None else str(value)


class _OpenView(APIView):
    authentication_classes = ()
    permission_classes = ()


class Token(_OpenView):
    """The view that gives a software token for a key pair."""

    @extend_schema(request=serializers.KeyPair, responses=answers(serializers.SoftwareToken))
    def post(self, request: Request) -> Response:
        """`oauth_consumer_key`, `oauth_consumer_secret` -> `account_token`."""
        token = sessions.new_token(
            argument(request, "oauth_consumer_key"),
            argument(request, "oauth_consumer_secret"),
            clock.now(),
        )
        return ack(account_token=token)


class TokenHeartbeat(_OpenView):
    """The view that keeps a software token alive."""

    @extend_schema(request=None, responses=answers(Accepted))
    def post(self, request: Request, token: str) -> Response:
        """Nothing in, nothing out."""
        sessions.use_token(token, clock.now())
        return ack()


class Login(_OpenView):
    """The view that logs a person in."""

    @extend_schema(request=serializers.Credentials, responses=answers(serializers.LoggedIn))
    def post(self, request: Request) -> Response:
        """`account_token`, `username`, `password` -> the cookie; the name comes back as given."""
        username = argument(request, "username")
        token, password = argument(request, "account_token"), argument(request, "password")
        cookie = sessions.log_in(request._request, token, username, password, clock.now())
        answer = ack(username=username)
        answer.set_cookie(
            COOKIE, cookie, path="/", httponly=True, samesite="Lax", secure=settings.BEHIND_TLS
        )
        return answer


class Heartbeat(APIView):
    """The view that keeps a login alive, with or without its cookie."""

    @extend_schema(request=serializers.OwnToken, responses=answers(Accepted))
    def post(self, request: Request) -> Response:
        """Nothing in, nothing out."""
        return ack()

"""The views `/api/v1/system/…` give client applications tokens, log people in, and keep both alive (HTTP API §1.2)."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from domains.api import account_shapes, serializers, sessions
from domains.api.authentication import COOKIE
from foundation import clock
from foundation.web.described_arguments import refuse_undescribed
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import Accepted, answers


def argument(request: Request, name: str) -> str:
    """Return the argument `name`, which may stand in the address, a form or JSON; "" means that it was not sent."""
    value = request._request.api_fields.get(name)  # type: ignore[attr-defined]  # set by WildRequests
    return value if isinstance(value, str) else "" if value is None else str(value)


class _View(APIView):
    """Define the base of the views for client applications' tokens and people's logins."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Refuse a JSON body that breaks the call's description, if a new client (`is_new_program`) sends it."""
        super().initial(request, *args, **kwargs)
        refuse_undescribed(self, request)


class _OpenView(_View):
    """A view that needs no login."""

    authentication_classes = ()
    permission_classes = ()


class Token(_OpenView):
    """The view gives a token to a client application that has an API key."""

    @extend_schema(request=serializers.KeyPair, responses=answers(serializers.SoftwareToken))
    def post(self, request: Request) -> Response:
        """Return a new token, `account_token`, for the key pair in the request."""
        token = sessions.new_token(
            argument(request, "oauth_consumer_key"),
            argument(request, "oauth_consumer_secret"),
            clock.now(),
        )
        return ack(account_token=token)


class TokenHeartbeat(_OpenView):
    """The view keeps a client application's token from expiring."""

    @extend_schema(request=None, responses=answers(Accepted))
    def post(self, request: Request, token: str) -> Response:
        """Record the use of the token in the address, so that it does not expire."""
        sessions.use_token(token, clock.now())
        return ack()


class Login(_OpenView):
    """The view logs a person in."""

    @extend_schema(request=serializers.Credentials, responses=answers(serializers.LoggedIn))
    def post(self, request: Request) -> Response:
        """Check name and password, set the login cookie, and return the name as it was sent."""
        username = argument(request, "username")
        token, password = argument(request, "account_token"), argument(request, "password")
        cookie = sessions.log_in(request._request, token, username, password, clock.now())
        return _with_cookie(ack(username=username), cookie)


def _with_cookie(answer: Response, cookie: str) -> Response:
    """Set the login cookie on an answer, and return the answer."""
    answer.set_cookie(
        COOKIE, cookie, path="/", httponly=True, samesite="Lax", secure=settings.BEHIND_TLS
    )
    return answer


class RecorderLogin(_OpenView):
    """The view logs a person in for the calls of the recording server (`vrs`)."""

    @extend_schema(
        request=account_shapes.RecorderLogin, responses=answers(account_shapes.RecorderLoggedIn)
    )
    def post(self, request: Request) -> Response:
        """Check name and password, and answer the value of the login cookie, too."""
        username, password = argument(request, "username"), argument(request, "psd")
        token = argument(request, "account_token")
        try:
            cookie = sessions.log_in(request._request, token, username, password, clock.now())
        except Refusal as refusal:
            code = _RECORDER_CODES.get(refusal.error_code, refusal.error_code)
            raise Refusal(code, refusal.description) from None
        account = sessions.find_session(token, cookie, clock.now()).account
        answer = ack(
            username=username,
            usermoid=account.moid,
            userdomainmoid=account.domain_id or "",
            rightmask=MAY_VIEW,
            userrole=0,
            token=cookie,
        )
        return _with_cookie(answer, cookie)


MAY_VIEW = 4
_RECORDER_CODES = {sessions.BAD_TOKEN: 48, sessions.BAD_PASSWORD: 46}
"""The recording server's own codes."""


class Heartbeat(_View):
    """The view keeps a login from expiring, with or without its cookie."""

    @extend_schema(request=serializers.OwnToken, responses=answers(Accepted))
    def post(self, request: Request) -> Response:
        """Do nothing: the authentication has recorded the use of the login, so that it does not expire."""
        return ack()

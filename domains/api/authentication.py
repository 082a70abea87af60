"""The authentication classes of Django REST framework find out which person calls the HTTP API.

A call carries a Bearer token, or `account_token` in query or form with the cookie `SSO_COOKIE_KEY`.
"""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from oauth2_provider.settings import oauth2_settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from domains.api import sessions
from domains.models import Account
from foundation import clock
from foundation.web.errors import NOT_LOGGED_IN, Refusal

COOKIE = "SSO_COOKIE_KEY"


class BearerToken(BaseAuthentication):
    """The class accepts OAuth2 tokens in `Authorization: Bearer <token>` only, not in addresses, which are logged."""

    def authenticate(self, request: Request) -> tuple[Account, sessions.Session] | None:
        """Return the account and its session, or `None` if the request has no such header. Raises TokenRefused."""
        kind, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        scope = "read" if request.method in SAFE_METHODS else "write"
        session = sessions.find_bearer_session(value.strip(), scope)
        return session.account, session


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the base class has no types
    """The description of the OAuth2 authentication (Bearer tokens) in the OpenAPI document."""

    target_class = BearerToken
    name = "oauth2"

    def get_security_definition(self, auto_schema: object) -> dict[str, object]:
        """Return OpenAPI's description of the authorization code flow, for client applications of third parties."""
        all_scopes: dict[str, str] = oauth2_settings.SCOPES
        scopes = {name: str(words) for name, words in all_scopes.items()}
        flow = {"authorizationUrl": "/oauth/authorize", "tokenUrl": "/oauth/token"}
        return {
            "type": "oauth2",
            "flows": {
                "authorizationCode": {**flow, "refreshUrl": "/oauth/token", "scopes": scopes}
            },
        }


class PlatformSession(BaseAuthentication):
    """The class accepts a software token (`account_token`), a login cookie, or both."""

    def authenticate(self, request: Request) -> tuple[Account, sessions.Session]:
        """Return the account that is logged in and its session. Raises Refusal if there is none."""
        token = str(request._request.api_fields.get("account_token") or "")  # type: ignore[attr-defined]  # set by WildRequests
        if not token and request.method not in SAFE_METHODS:
            # A browser sends the cookie by itself, whoever has led it here.
            raise Refusal(NOT_LOGGED_IN, "account_token: is needed where something is changed")
        cookie = request.COOKIES.get(COOKIE, "")
        session = sessions.find_session(token, cookie, clock.now())
        return session.account, session


class PlatformSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the base class has no types
    """The description of the authentication by token and login cookie in the OpenAPI document."""

    target_class = PlatformSession
    name = "platformSession"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return OpenAPI's description of the login cookie. `account_token` goes beside it as an argument."""
        return {"type": "apiKey", "in": "cookie", "name": COOKIE}

"""Classes authenticate callers of the HTTP API: by a token or by a session.

The token is one for instant messages. The session is the open API's, or that of our web pages.
"""

from __future__ import annotations

import logging

import redis
from django.conf import settings
from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from domains.api import sessions
from domains.api.authentication import (
    COOKIE,
    BearerToken,
    PlatformSession,
    PlatformSessionScheme,
)
from domains.models import Account
from foundation import clock
from foundation.cells.directory import UnknownPlatform, store_of
from foundation.web.errors import TokenRefused
from im.data import revocations
from im.rules import tokens

log = logging.getLogger("im.api")


class ImToken(BaseAuthentication):
    """Authentication by `Authorization: Bearer <token for instant messages>`; `request.auth` is the Token."""

    def authenticate(self, request: Request) -> tuple[Account, tokens.Token] | None:
        """Return the person and the token; `None` for another kind of token.

        Raises TokenRefused.
        """
        kind, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() != "bearer" or ":" not in value:
            return None
        token = read_valid(value.strip())
        return account_of(token), token


def read_valid(text: str) -> tokens.Token:
    """Return the content of a token that is neither expired nor revoked. Raises TokenRefused.

    If Redis is unavailable, only revocations that this process has read before count.
    """
    now = clock.now().timestamp()
    try:
        token = tokens.read(text)
    except tokens.InvalidToken:
        raise TokenRefused("invalid_token", "this is not a token of this platform") from None
    try:
        revocations.revoked_tokens.refresh(now)
    except redis.RedisError as error:
        log.warning("what is revoked is not known: %s", error)
    if not token.is_live(now) or revocations.revoked_tokens.is_revoked(token):
        raise TokenRefused("invalid_token", "the token is expired or revoked; sign in again")
    return token


def account_of(token: tokens.Token) -> Account:
    """Return the account of a token's person, from the data of that person's platform. Raises TokenRefused."""
    try:
        database = store_of(token.platform).database
    except UnknownPlatform:
        raise TokenRefused(
            "invalid_token", "this site has no data of the token's platform"
        ) from None
    people = Account.objects.using(database).select_related("domain")
    account = people.filter(moid=token.user, is_active=True).first()
    if account is None:
        raise TokenRefused("invalid_token", "this account was deleted or disabled")
    return account


class BrowserSession(SessionAuthentication):
    """Authentication of a person who is signed in at our web pages; changes need the CSRF token."""


class OpenSession(PlatformSession):
    """Authentication by the open API's session.

    Without that session's token and cookie the next scheme is tried.
    """

    def authenticate(self, request: Request) -> tuple[Account, sessions.Session] | None:  # type: ignore[override]  # it may also answer that it does not know the caller
        """Return the person and the session; `None` if the call has neither its token nor its cookie.

        Raises Refusal.
        """
        fields = request._request.api_fields  # type: ignore[attr-defined]  # set by WildRequests
        if not fields.get("account_token") and not request.COOKIES.get(COOKIE):
            return None
        return super().authenticate(request)


CLASSES = (ImToken, BearerToken, OpenSession, BrowserSession)
"""The schemes in order; the first that finds its credentials decides."""


class ImTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the base class has no types
    """The description of the token for instant messages on the OpenAPI page."""

    target_class = ImToken
    name = "imToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the OpenAPI description: a token in a header."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "token of /im/login"}


class OpenSessionScheme(PlatformSessionScheme):  # type: ignore[no-untyped-call]  # the base class has no types
    """The description of the open API's session on the OpenAPI page: the same cookie as everywhere in that API."""

    target_class = OpenSession


set_override(OpenSession, "suppress_collision_warning", True)  # Both classes are one scheme.


class BrowserSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the base class has no types
    """The description of the session of our web pages on the OpenAPI page."""

    target_class = BrowserSession
    name = "browserSession"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the OpenAPI description: the session cookie of our web pages."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}

"""Who calls: with a token for instant messages, as in the open API, or from our own pages."""

from __future__ import annotations

import logging
from typing import Any

import redis
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from domains.api.authentication import COOKIE, BearerToken, PlatformSession
from domains.models import Account
from foundation import clock
from foundation.cells.directory import UnknownPlatform, store_of
from foundation.web.errors import TokenRefused
from im.data import revocations
from im.rules import tokens

log = logging.getLogger("im.api")


class ImToken(BaseAuthentication):
    """`Authorization: Bearer <token for instant messages>`; `request.auth` is the Token."""

    def authenticate(self, request: Request) -> tuple[Account, tokens.Token] | None:
        """The person and the token; None for another kind of token. Raises TokenRefused."""
        kind, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() != "bearer" or ":" not in value:
            return None
        token = live(value.strip())
        return owner(token), token


def live(text: str) -> tokens.Token:
    """What a token says that is good now. Raises TokenRefused."""
    now = clock.now().timestamp()
    try:
        token = tokens.read(text)
    except tokens.InvalidToken:
        raise TokenRefused("invalid_token", "the token is not one of ours") from None
    try:
        revocations.revoked_tokens.refresh(now)
    except redis.RedisError as wrong:
        log.warning("what is revoked is not known: %s", wrong)
    if not token.is_live(now) or revocations.revoked_tokens.voids(token):
        raise TokenRefused("invalid_token", "the token is expired or revoked; sign in again")
    return token


def owner(token: tokens.Token) -> Account:
    """Whose token it is, as that person's platform knows him. Raises TokenRefused."""
    try:
        database = store_of(token.platform).database
    except UnknownPlatform:
        raise TokenRefused("invalid_token", "this site has nothing of that platform") from None
    people = Account.objects.using(database).select_related("domain")
    found = people.filter(moid=token.user, is_active=True).first()
    if found is None:
        raise TokenRefused("invalid_token", "this account is gone or disabled")
    return found


class BrowserSession(SessionAuthentication):
    """A person who is signed in at our pages; needs the CSRF token where something is changed."""


class OpenSession(PlatformSession):
    """As in the open API; where neither its token nor its cookie is there, others may know the caller."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:  # type: ignore[override]
        """The person and the session. Raises Refusal."""
        fields = request._request.api_fields  # type: ignore[attr-defined]
        if not fields.get("account_token") and not request.COOKIES.get(COOKIE):
            return None
        return super().authenticate(request)


CLASSES = (ImToken, BearerToken, OpenSession, BrowserSession)
"""In this order; the first one that finds what it looks for decides."""


class ImTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's own description names it."""

    target_class = ImToken
    name = "imToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A header."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "token of /im/login"}


class OpenSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's own description names it."""

    target_class = OpenSession
    name = "platformSession"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """The cookie; `account_token` goes beside it as an argument."""
        return {"type": "apiKey", "in": "cookie", "name": COOKIE}

"""Who calls, for DRF: `account_token` in query or form, `SSO_COOKIE_KEY` as cookie."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from confplatform import clock
from domains.api import sessions

COOKIE = "SSO_COOKIE_KEY"


class PlatformSession(BaseAuthentication):
    """The session layer of the open platform API."""

    def authenticate(self, request: Request) -> tuple[Any, sessions.Session]:
        """The person and the session. Raises Refusal."""
        token = str(request._request.api_fields.get("account_token") or "")  # type: ignore[attr-defined]
        cookie = request.COOKIES.get(COOKIE, "")
        session = sessions.find(token, cookie, clock.now())
        return session.account, session


class PlatformSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's own description names it."""

    target_class = PlatformSession
    name = "platformSession"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """The cookie; `account_token` goes beside it as an argument."""
        return {"type": "apiKey", "in": "cookie", "name": COOKIE}

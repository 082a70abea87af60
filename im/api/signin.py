"""`/api/v1/im/login` and `/logout`: with whatever one has proved who one is, a token for the broker."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from confplatform.api.errors import ack
from domains.models import Account
from im import topology as t
from im.api.calls import Call, Limit
from im.broker import BrokerAway
from im.door.rules import client_prefix, manager_key
from im.flows import revoke, signin
from im.held import Denied
from im.rules import Why
from im.tokens import Bearer, Token
from im.words import HEARTBEAT_SECONDS


class SignIns(Limit):
    """Of one person: a client that comes back too often waits."""

    name, most, seconds = "signins", 30, 60


class Login(Call):
    """A token for the broker, and where and how one is heard there."""

    throttle_classes = (SignIns,)

    @extend_schema(operation_id="im_login", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Before each connection: one's exchange goes with the last queue. `way`: `mqtt` needs none. A
        token for instant messages renews itself."""
        assert isinstance(request.user, Account)
        way = str(request._request.api_fields.get("way") or "")  # type: ignore[attr-defined]
        who, home, now = request.user, self.place.platform, self.now.timestamp()
        try:
            found = signin.sign_in(who, home, now, way=way)
        except BrokerAway:
            raise Denied(Why.AWAY, "the message broker is away; try again in a moment") from None
        return ack(**_shown(found))


def _shown(found: signin.SignedIn) -> dict[str, Any]:
    user = found.token.user
    shown: dict[str, Any] = {
        "user_id": user,
        "token": found.text,
        "expires_at": found.token.expires_at.isoformat(timespec="seconds"),
        "heartbeat_seconds": HEARTBEAT_SECONDS,
        "exchange": t.user_exchange(user),
        "queue_prefix": t.user_queue(user, ""),
        "outgoing": t.OUTGOING,
        "mqtt": {
            "client_id_prefix": client_prefix(user),
            "in": t.mqtt_key(user).replace(".", "/"),
            "out": t.mqtt_out_key(user).replace(".", "/"),
        },
        "addresses": settings.IM_ADDRESSES,
    }
    if found.token.bearer is Bearer.MANAGER:
        where = {"queue_prefix": f"queue_m_{user}_", "exchange": t.BASE, "key": manager_key(user)}
        shown["management"] = where
    return shown


class Logout(Call):
    """The token with which it is asked is void from now on."""

    @extend_schema(operation_id="im_logout", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """All one's connections are closed within 5 s; other devices come back with tokens of their own."""
        if not isinstance(request.auth, Token):
            raise Denied(Why.MALFORMED, "Authorization: Bearer <the token that is to be void>")
        try:
            revoke.one(request.auth)
        except revoke.NotServed:
            raise Denied(Why.ELSEWHERE, "another site serves your platform now") from None
        return ack()


urlpatterns = [path("login", Login.as_view()), path("logout", Logout.as_view())]

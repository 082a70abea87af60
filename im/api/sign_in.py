"""`/api/v1/im/login` and `/logout`: with whatever one has proved who one is, a token for the broker."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from domains.models import Account
from foundation.web.errors import ack
from im.api.base import Call, Limit
from im.data.broker import BrokerUnavailable
from im.data.locked_conversation import Denied
from im.flows import revoke, sign_in
from im.rules import topology as t
from im.rules.broker_permissions import client_prefix, manager_key
from im.rules.conversation_decisions import DenyReason
from im.rules.tokens import Bearer, Token
from im.rules.vocabulary import HEARTBEAT_SECONDS


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
            found = sign_in.sign_in(who, home, now, way=way)
        except BrokerUnavailable:
            raise Denied(
                DenyReason.AWAY, "the message broker is away; try again in a moment"
            ) from None
        return ack(**_shown(found))


def _shown(found: sign_in.SignedIn) -> dict[str, Any]:
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
            raise Denied(
                DenyReason.MALFORMED, "Authorization: Bearer <the token that is to be void>"
            )
        try:
            revoke.one(request.auth)
        except revoke.NotServed:
            raise Denied(DenyReason.ELSEWHERE, "another site serves your platform now") from None
        return ack()


urlpatterns = [path("login", Login.as_view()), path("logout", Logout.as_view())]

"""The views issue and revoke a client's token for the broker: `/api/v1/im/login`, `/logout`."""

from __future__ import annotations

from django.conf import settings
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from domains.models import Account
from foundation.bus.management_api import BrokerUnavailable
from foundation.web.errors import ack
from im.api.base import Call, Limit
from im.api.serializers import Done, SignedIn, answers
from im.data.locked_conversation import Denied
from im.flows import revoke, sign_in
from im.rules import topology
from im.rules.broker_permissions import client_prefix, manager_key
from im.rules.conversation_decisions import DenyReason
from im.rules.tokens import Bearer, Token
from im.rules.vocabulary import HEARTBEAT_SECONDS


class SignIns(Limit):
    """The limit of one person's sign-ins: a client that signs in too often has to wait."""

    name, most, seconds = "signins", 30, 60


class Login(Call):
    """The view signs a client in: it returns a token for the broker, and the names to use there."""

    throttle_classes = (SignIns,)

    @extend_schema(operation_id="im_login", request=None, responses=answers(SignedIn))
    def post(self, request: Request) -> Response:
        """Issue an access token for the broker; clients call this before each connection.

        A client's exchange disappears with its last queue, and this call creates it again. With
        `way` `mqtt` no exchange is needed. A valid token for instant messages can be used to get a
        new one.
        """
        assert isinstance(request.user, Account)
        way = str(request._request.api_fields.get("way") or "")  # type: ignore[attr-defined]  # set by WildRequests
        account, platform, now = request.user, self.store.platform, self.now.timestamp()
        try:
            signed_in = sign_in.sign_in(account, platform, now, way=way)
        except BrokerUnavailable:
            raise Denied(
                DenyReason.AWAY, "the message broker is away; try again in a moment"
            ) from None
        return ack(**_answer_data(signed_in))


def _answer_data(signed_in: sign_in.SignedIn) -> dict[str, object]:
    """Return a sign-in as the API shows it: the token, and the broker's names and addresses."""
    user = signed_in.token.user
    fields: dict[str, object] = {
        "user_id": user,
        "token": signed_in.text,
        "expires_at": signed_in.token.expires_at.isoformat(timespec="seconds"),
        "heartbeat_seconds": HEARTBEAT_SECONDS,
        "exchange": topology.user_exchange(user),
        "queue_prefix": topology.user_queue(user, ""),
        "outgoing": topology.OUTGOING,
        "mqtt": {
            "client_id_prefix": client_prefix(user),
            "in": topology.mqtt_key(user).replace(".", "/"),
            "out": topology.mqtt_out_key(user).replace(".", "/"),
        },
        "addresses": settings.IM_ADDRESSES,
    }
    if signed_in.token.bearer is Bearer.MANAGER:
        management = {
            "queue_prefix": f"queue_m_{user}_",
            "exchange": topology.BASE,
            "key": manager_key(user),
        }
        fields["management"] = management
    return fields


class Logout(Call):
    """The view revokes the token with which it is called."""

    @extend_schema(operation_id="im_logout", request=None, responses=answers(Done))
    def post(self, request: Request) -> Response:
        """Revoke the token with which this is called.

        All connections of the person to the broker close within 5 s; the tokens of other devices stay valid.
        """
        if not isinstance(request.auth, Token):
            raise Denied(
                DenyReason.MALFORMED, "Authorization: Bearer <the token that is to be void>"
            )
        try:
            revoke.revoke_token(request.auth)
        except revoke.NotServed:
            raise Denied(DenyReason.ELSEWHERE, "another site serves your platform now") from None
        return ack()


urlpatterns = [path("login", Login.as_view()), path("logout", Logout.as_view())]

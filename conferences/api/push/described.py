"""The views describe the addresses of pushes in `/api/docs/`; the front server sends requests to the push process.

A request arrives here only if it comes to the application's own port.
"""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from foundation.web.errors import UNSPECIFIED, Refusal


class EventData(serializers.Serializer[object]):
    """The data of a server-sent event. A client that comes back sends the event's `id` as `Last-Event-ID`."""

    channel = serializers.CharField(help_text="what has changed: read `/api/v1/vc` + channel")
    method = serializers.ChoiceField(["update", "delete", "notify"])
    error_code = serializers.IntegerField(required=False, help_text="with `notify`")


class BayeuxMessage(serializers.Serializer[object]):
    """A message of Bayeux 1.0, the protocol of CometD, for the API description."""

    channel = serializers.CharField(
        help_text="/meta/handshake, connect, subscribe, unsubscribe, disconnect"
    )
    id = serializers.CharField(required=False)
    clientId = serializers.CharField(required=False, help_text="from the handshake's answer")
    subscription = serializers.CharField(
        required=False,
        help_text="/userdomains/{user_domain_moid}/confs/{conf_id}; * or ** at the end",
    )
    ext = serializers.DictField(required=False, help_text="`ack`, `replay`; others are ignored")


class BayeuxAnswer(BayeuxMessage):
    """The answer to a message of Bayeux; or an event, which has `data` and neither `successful` nor `error`."""

    successful = serializers.BooleanField(required=False)
    error = serializers.CharField(required=False, help_text="code:arguments:words")
    advice = serializers.DictField(required=False)


class _AnsweredByPushProcess(APIView):
    """Define the base of the views that only describe a call; the push process answers it."""

    authentication_classes = ()
    permission_classes = ()

    def refusal(self) -> Refusal:
        """Return the refusal of a request that did not come through the front server."""
        return Refusal(
            UNSPECIFIED, "pushes are not served at this port: use the site's public address"
        )


class Events(_AnsweredByPushProcess):
    """The API call `events` sends events as server-sent events."""

    @extend_schema(
        operation_id="events",
        parameters=[
            OpenApiParameter("channel", str, many=True, description="default: all"),
            OpenApiParameter("Last-Event-ID", int, OpenApiParameter.HEADER),
        ],
        responses={(200, "text/event-stream"): EventData},
    )
    def get(self, request: Request) -> Response:
        """Send the changes of the caller's user domain as server-sent events.

        The class only describes the call: the push process answers it, so here it always raises Refusal.
        """
        raise self.refusal()


class Publish(_AnsweredByPushProcess):
    """The API call `publish`, which exchanges messages of Bayeux."""

    @extend_schema(
        operation_id="publish",
        request=BayeuxMessage(many=True),
        responses=BayeuxAnswer(many=True),
    )
    def post(self, request: Request, rest: str = "") -> Response:
        """Exchange messages of Bayeux, by long-polling; the same address takes WebSockets."""
        raise self.refusal()

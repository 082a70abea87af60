"""`/api/v1/im/conversations…`: the list, one of them, what is pinned, and what is for oneself alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.web.errors import ack
from im.api import request_forms, serializers
from im.api.base import Call, Seldom
from im.api.serializers import answers
from im.data import queries
from im.data.locked_conversation import Denied
from im.flows import conversations as flow
from im.flows import own_view as own
from im.models import Member
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data
from im.rules.vocabulary import Joining, Kind

KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The same key gives the same group.",
)


class Listing(Call):
    """What a call needs to show conversations."""

    def shown(self, mine: Sequence[Member]) -> list[Data]:
        """Conversations as their list shows them, whatever their number in four queries."""
        database, user = self.place.database, self.me.id
        last = queries.last_messages(database, user, mine)
        mentions = queries.mentions(database, user, mine)
        pairs = [m.conversation_id for m in mine if m.conversation.kind == Kind.DIRECT]
        others = queries.other_persons(database, user, pairs) if pairs else {}
        return [
            serializers.conversation(
                m,
                last.get(m.conversation_id),
                mentions.get(m.conversation_id),
                others.get(m.conversation_id),
            )
            for m in mine
        ]

    def one(self, number: int) -> Response:
        """One conversation. Raises Denied."""
        mine = queries.member(self.place.database, number, self.me.id)
        if mine is None:
            raise Denied(DenyReason.NOT_FOUND)
        return ack(conversation=self.shown([mine])[0])


class Conversations(Listing):
    """All of one's own; a new one."""

    @extend_schema(
        operation_id="im_conversations_list",
        parameters=[request_forms.Page],
        responses=answers(serializers.Conversations),
    )
    def get(self, request: Request) -> Response:
        """With unread messages, the last one, read mark, mentions; in the order of their ids."""
        given = self.given(request_forms.Page)
        found = queries.memberships(self.place.database, self.me.id, given["after"], given["count"])
        full = len(found) == given["count"]
        return ack(
            conversations=self.shown(found), next=str(found[-1].conversation_id) if full else None
        )

    @extend_schema(
        parameters=[KEY],
        request=request_forms.NewConversation,
        responses=answers(serializers.OneConversation),
    )
    def post(self, request: Request) -> Response:
        """The one-to-one conversation with somebody, made where there is none; or a new group."""
        given = self.given(request_forms.NewConversation)
        if given["kind"] == Kind.DIRECT.value:
            return self.one(flow.direct(self.place, self.me, given["user"]))
        key = request.headers.get("Idempotency-Key", "")[:64]
        how = Joining(given["joining"])
        wanted = (given["name"], given["users"], how, key)
        return self.one(flow.group(self.place, self.me, *wanted, self.now))

    def get_throttles(self) -> list[Any]:
        """New ones reach others."""
        return [*super().get_throttles(), *([Seldom()] if self.request.method == "POST" else [])]


class OneConversation(Listing):
    """One of them."""

    @extend_schema(
        operation_id="im_conversations_retrieve", responses=answers(serializers.OneConversation)
    )
    def get(self, request: Request, number: int) -> Response:
        """As in the list."""
        return self.one(number)

    @extend_schema(request=request_forms.Change, responses=answers(serializers.OneConversation))
    def patch(self, request: Request, number: int) -> Response:
        """Name, notice, way of joining, silence for all but administrators."""
        flow.change(self.place, number, self.me, self.given(request_forms.Change), self.now)
        return self.one(number)

    @extend_schema(request=None, responses=answers(serializers.Done))
    def delete(self, request: Request, number: int) -> Response:
        """Dissolve it: what was said stays, nothing is added."""
        flow.dissolve(self.place, number, self.me, self.now)
        return ack()


class Mine(Listing):
    """For oneself alone."""

    @extend_schema(request=request_forms.Mine, responses=answers(serializers.OneConversation))
    def patch(self, request: Request, number: int) -> Response:
        """Do not disturb; on top of the list."""
        own.settings(self.place, number, self.me.id, self.given(request_forms.Mine), self.now)
        return self.one(number)


class Pin(Call):
    """A pinned message."""

    @extend_schema(request=None, responses=answers(serializers.Pins))
    def put(self, request: Request, number: int, seq: int) -> Response:
        """Pin it, for all."""
        return self._set(number, seq, on=True)

    @extend_schema(request=None, responses=answers(serializers.Pins))
    def delete(self, request: Request, number: int, seq: int) -> Response:
        """Loosen it."""
        return self._set(number, seq, on=False)

    def _set(self, number: int, seq: int, on: bool) -> Response:
        return ack(pins=flow.pin(self.place, number, self.me, seq, on, self.now))

"""Define the views of conversations: the list, one conversation, pinned messages, and own settings."""

from __future__ import annotations

from collections.abc import Sequence

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from foundation.web.errors import ack
from im.api import request_forms, serializers
from im.api.base import Call, StrictLimit
from im.api.serializers import answers
from im.data import queries
from im.data.locked_conversation import Denied
from im.flows import conversations as flow
from im.flows import own_view
from im.models import Member
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data
from im.rules.vocabulary import Joining, Kind

KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The same key gives the same answer.",
)


class Listing(Call):
    """Define the base of views that return conversations in the form in which the caller's list shows them."""

    def describe(self, own_rows: Sequence[Member]) -> list[Data]:
        """Return conversations in the form in which the caller's list shows them.

        `own_rows` holds the caller's `Member` row of each of them. It takes four queries, however many
        there are.
        """
        database, user = self.store.database, self.me.id
        last = queries.last_messages(database, user, own_rows)
        mentions = queries.mentions(database, user, own_rows)
        one_to_one = [
            member.conversation_id for member in own_rows if member.conversation.kind == Kind.DIRECT
        ]
        others = queries.other_persons(database, user, one_to_one) if one_to_one else {}
        return [
            serializers.conversation(
                member,
                last.get(member.conversation_id),
                mentions.get(member.conversation_id),
                others.get(member.conversation_id),
            )
            for member in own_rows
        ]

    def conversation_response(self, number: int) -> Response:
        """Return the response with the conversation `number` as the caller's list shows it. Raises Denied."""
        own_row = queries.member(self.store.database, number, self.me.id)
        if own_row is None:
            raise Denied(DenyReason.NOT_FOUND)
        return ack(conversation=self.describe([own_row])[0])


class Conversations(Listing):
    """Define the view of the caller's list of conversations."""

    @extend_schema(
        operation_id="im_conversations_list",
        parameters=[request_forms.Page],
        responses=answers(serializers.Conversations),
    )
    def get(self, request: Request) -> Response:
        """List the caller's conversations by id, with unread count, last message, read mark and mentions."""
        arguments = self.arguments(request_forms.Page)
        rows = queries.memberships(
            self.store.database, self.me.id, arguments["after"], arguments["count"]
        )
        is_full_page = len(rows) == arguments["count"]
        return ack(
            conversations=self.describe(rows),
            next=str(rows[-1].conversation_id) if is_full_page else None,
        )

    @extend_schema(
        parameters=[KEY],
        request=request_forms.NewConversation,
        responses=answers(serializers.OneConversation),
    )
    def post(self, request: Request) -> Response:
        """Open the one-to-one conversation with a person, or create a group; answer with the conversation.

        Raises Denied. The header Idempotency-Key lets a repeated request return the first group.
        """
        arguments = self.arguments(request_forms.NewConversation)
        if arguments["kind"] == Kind.DIRECT.value:
            return self.conversation_response(
                flow.open_direct(self.store, self.me, arguments["user"])
            )
        key = request.headers.get("Idempotency-Key", "")[:64]
        joining = Joining(arguments["joining"])
        settings_of_group = (arguments["name"], arguments["users"], joining, key)
        return self.conversation_response(
            flow.create_group(self.store, self.me, *settings_of_group, self.now)
        )

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the rate limits of a call; new conversations have a stricter one, since they reach other people."""
        return [
            *super().get_throttles(),
            *([StrictLimit()] if self.request.method == "POST" else []),
        ]


class OneConversation(Listing):
    """Define the view of one conversation."""

    @extend_schema(
        operation_id="im_conversations_retrieve", responses=answers(serializers.OneConversation)
    )
    def get(self, request: Request, number: int) -> Response:
        """Return a conversation as the caller's list shows it."""
        return self.conversation_response(number)

    @extend_schema(request=request_forms.Change, responses=answers(serializers.OneConversation))
    def patch(self, request: Request, number: int) -> Response:
        """Change a group's name, notice, way of joining, or whether only administrators may write."""
        flow.change_settings(
            self.store, number, self.me, self.arguments(request_forms.Change), self.now
        )
        return self.conversation_response(number)

    @extend_schema(request=None, responses=answers(serializers.Done))
    def delete(self, request: Request, number: int) -> Response:
        """Close a group for ever: its messages stay readable, and none can be added."""
        flow.dissolve(self.store, number, self.me, self.now)
        return ack()


class Mine(Listing):
    """Define the view of the settings that a member has for a conversation and that nobody else sees."""

    @extend_schema(request=request_forms.Mine, responses=answers(serializers.OneConversation))
    def patch(self, request: Request, number: int) -> Response:
        """Change whether the caller is notified of messages, and whether the conversation tops the list."""
        own_view.change_settings(
            self.store, number, self.me.id, self.arguments(request_forms.Mine), self.now
        )
        return self.conversation_response(number)


class Pin(Call):
    """The view pins a message in a conversation."""

    @extend_schema(request=None, responses=answers(serializers.Pins))
    def put(self, request: Request, number: int, seq: int) -> Response:
        """Pin a message for all members; return all pinned messages."""
        return self._set_pinned(number, seq, on=True)

    @extend_schema(request=None, responses=answers(serializers.Pins))
    def delete(self, request: Request, number: int, seq: int) -> Response:
        """Unpin a message; return the messages that stay pinned."""
        return self._set_pinned(number, seq, on=False)

    def _set_pinned(self, number: int, seq: int, on: bool) -> Response:
        """Pin or unpin a message, and return the response with all pinned messages."""
        return ack(pins=flow.pin(self.store, number, self.me, seq, on, self.now))

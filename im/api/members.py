"""Define the views of a conversation's members: they list, add, change and remove them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from foundation.web.errors import ack
from im.api import request_forms, serializers
from im.api.base import Call, StrictLimit
from im.api.serializers import answers
from im.data import queries
from im.data.locked_conversation import Denied
from im.flows import members as flow
from im.rules.conversation_decisions import DenyReason
from im.rules.vocabulary import Membership, Role


class Members(Call):
    """Define the view of a conversation's list of members."""

    @extend_schema(parameters=[request_forms.MemberPage], responses=answers(serializers.Members))
    def get(self, request: Request, number: int) -> Response:
        """List a conversation's members in the order in which they came, with invited people and those who ask to join.

        Raises Denied unless the caller is a member.
        """
        arguments, database = self.arguments(request_forms.MemberPage), self.store.database
        own_row = queries.member(database, number, self.me.id)
        if own_row is None or own_row.state != Membership.ACTIVE:
            raise Denied(DenyReason.NOT_FOUND)
        rows = queries.members(database, number, arguments["after"], arguments["count"])
        return ack(
            members=[serializers.member(row) for row in rows],
            version=str(own_row.conversation.members_version),
            next=str(rows[-1].pk) if len(rows) == arguments["count"] else None,
        )

    @extend_schema(request=request_forms.Coming, responses=answers(serializers.Added))
    def post(self, request: Request, number: int) -> Response:
        """Add people to a group or invite them; those who have asked to join are admitted."""
        arguments = self.arguments(request_forms.Coming)
        users, invite = [*dict.fromkeys(arguments["users"])], arguments["invite"]
        return ack(changed=flow.add_members(self.store, number, self.me, users, invite, self.now))

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the rate limits of a call; additions have a stricter one, since the new members are notified."""
        return [
            *super().get_throttles(),
            *([StrictLimit()] if self.request.method == "POST" else []),
        ]


class Join(Call):
    """Define the view with which the caller joins a group."""

    throttle_classes = (StrictLimit,)

    @extend_schema(request=None, responses=answers(serializers.Joined))
    def post(self, request: Request, number: int) -> Response:
        """Accept an invitation, join a group that is free to join, or ask to join."""
        return ack(state=flow.join_group(self.store, number, self.me, self.now).value)


class Member(Call):
    """Define the view of one member of a conversation."""

    @extend_schema(request=request_forms.ChangeMember, responses=answers(serializers.Done))
    def patch(self, request: Request, number: int, user: str) -> Response:
        """Change a member's role (`owner` hands the group over), or mute the member for a time."""
        arguments, user = self.arguments(request_forms.ChangeMember), self.checked_user_id(user)
        if "role" in arguments:
            flow.set_role(self.store, number, self.me, user, Role(arguments["role"]), self.now)
        else:
            flow.mute_member(self.store, number, self.me, user, arguments["muted_until"], self.now)
        return ack()

    @extend_schema(request=None, responses=answers(serializers.Done))
    def delete(self, request: Request, number: int, user: str) -> Response:
        """Remove a member or reject a request to join.

        For the caller's own id: leave the group, decline an invitation, or withdraw a request to join.
        """
        if self.checked_user_id(user) == self.me.id:
            flow.leave_conversation(self.store, number, self.me, self.now)
        else:
            flow.remove_member(self.store, number, self.me, user, self.now)
        return ack()

"""`/api/v1/im/conversations/{id}/members…`: who is in, comes in, goes out, and as what."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.web.errors import ack
from im.api import request_forms, serializers
from im.api.base import Call, Seldom
from im.api.serializers import answers
from im.data import queries
from im.data.locked_conversation import Denied
from im.flows import members as flow
from im.rules.conversation_decisions import DenyReason
from im.rules.vocabulary import Membership, Role


class Members(Call):
    """Who is in."""

    @extend_schema(parameters=[request_forms.MemberPage], responses=answers(serializers.Members))
    def get(self, request: Request, number: int) -> Response:
        """In the order of coming; invited ones and those who have asked are among them."""
        given, database = self.given(request_forms.MemberPage), self.place.database
        mine = queries.member(database, number, self.me.id)
        if mine is None or mine.state != Membership.ACTIVE:
            raise Denied(DenyReason.NOT_FOUND)
        found = queries.members(database, number, given["after"], given["count"])
        return ack(
            members=[serializers.member(one) for one in found],
            version=str(mine.conversation.members_version),
            next=str(found[-1].pk) if len(found) == given["count"] else None,
        )

    @extend_schema(request=request_forms.Coming, responses=answers(serializers.Added))
    def post(self, request: Request, number: int) -> Response:
        """Bring people in, or invite them; who has asked to join is approved thereby."""
        given = self.given(request_forms.Coming)
        users, invite = [*dict.fromkeys(given["users"])], given["invite"]
        return ack(changed=flow.add(self.place, number, self.me, users, invite, self.now))

    def get_throttles(self) -> list[Any]:
        """New ones are told."""
        return [*super().get_throttles(), *([Seldom()] if self.request.method == "POST" else [])]


class Join(Call):
    """Coming in by oneself."""

    throttle_classes = (Seldom,)

    @extend_schema(request=None, responses=answers(serializers.Joined))
    def post(self, request: Request, number: int) -> Response:
        """Accept an invitation, walk in where that is free, or ask to be let in."""
        return ack(state=flow.join(self.place, number, self.me, self.now).value)


class Member(Call):
    """One of them."""

    @extend_schema(request=request_forms.ChangeMember, responses=answers(serializers.Done))
    def patch(self, request: Request, number: int, user: str) -> Response:
        """Another role; `owner` hands the group over. Or silence until a moment."""
        given, user = self.given(request_forms.ChangeMember), self.user(user)
        if "role" in given:
            flow.set_role(self.place, number, self.me, user, Role(given["role"]), self.now)
        else:
            flow.mute(self.place, number, self.me, user, given["muted_until"], self.now)
        return ack()

    @extend_schema(request=None, responses=answers(serializers.Done))
    def delete(self, request: Request, number: int, user: str) -> Response:
        """Put somebody out or refuse to let him in; oneself: leave, or decline."""
        if self.user(user) == self.me.id:
            flow.leave(self.place, number, self.me, self.now)
        else:
            flow.remove(self.place, number, self.me, user, self.now)
        return ack()

"""The view by which a member calls all others of a group, or circle (group with a wall), into a conference (CONV)."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from conferences.api import commands
from conferences.data.join_links import join_link
from foundation.web.errors import Refusal, ack
from im.api.base import StrictLimit
from im.api.conversations import KEY
from im.api.serializers import Done, answers
from im.data import queries
from im.data.locked_conversation import Denied
from im.models import Member
from im.rules.conversation_decisions import DenyReason
from im.rules.vocabulary import Kind, Membership
from social.api.calls import CallView
from social.flows.calls import CallRefused
from wire.conference_manager import CreateConference, Creator
from wire.fields import SIZES, InvitedTerminal

LONGEST_MINUTES = 240
MAX_PEOPLE = SIZES[-1]
"""A group call rings for at most this many people: no conference has more places."""


class GroupCall(serializers.Serializer[object]):
    """The group, or circle (group with a wall of posts), whose members are called."""

    conversation_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class GroupCalled(Done):
    """The conference into which the members are called; `link` is the path of its page."""

    e164 = serializers.CharField()
    link = serializers.CharField()


class GroupCalls(CallView):
    """The view calls the members of a group."""

    @extend_schema(parameters=[KEY], request=GroupCall, responses=answers(GroupCalled))
    def post(self, request: Request) -> Response:
        """Begin a conference of the caller's user domain, and ring the devices of the other members of a group.

        Devices of members of other domains do not ring; these members enter by the link. Answers the conference's
        number and link. Raises Denied if the caller is no member, CallRefused if there are too many members or the
        conference is refused.
        """
        number = self.arguments(GroupCall)["conversation_id"]
        own_row = queries.member(self.store.database, number, self.me.id)
        is_group = own_row is not None and own_row.conversation.kind == Kind.GROUP
        if own_row is None or not is_group or own_row.state != Membership.ACTIVE:
            raise Denied(DenyReason.NOT_FOUND)
        rows = queries.members(self.store.database, number, 0, MAX_PEOPLE + 1)
        members = [row for row in rows if row.state == Membership.ACTIVE]
        if not self.me.domain or len(members) > MAX_PEOPLE:
            raise CallRefused(
                "too_many", f"at most {MAX_PEOPLE} people of an organization are called"
            )
        key = request.headers.get("Idempotency-Key", "")[:40]
        try:
            started = commands.start_conference(
                self._conference_request(own_row.conversation.name, members, key)
            )
        except Refusal as refusal:
            raise CallRefused("refused", refusal.description) from None
        return ack(e164=started.e164, link=join_link(started.confid, started.e164))

    def _conference_request(self, name: str, members: list[Member], key: str) -> CreateConference:
        """Return the request for a conference with a place for each member, which calls the other members.

        `key` makes a repeated request harmless; "" for none.
        """
        places = next(size for size in SIZES if size >= len(members))
        others = [member for member in members if member.user != self.me.id]
        return CreateConference(
            reqid=f"group-{key}" if key else None,
            user_domain=self.me.domain,
            creator=Creator(moid=self.me.id, name=self.me.name),
            name=name[:64] or self.me.name,
            places=places,  # type: ignore[arg-type]  # one of SIZES
            duration=LONGEST_MINUTES,
            auto_end=True,
            mts=tuple(
                InvitedTerminal(account=member.user, type="user", name=member.name)
                for member in others
            ),
        )

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the rate limits of a request, with a stricter one, since many people's devices ring."""
        return [*super().get_throttles(), StrictLimit()]


urlpatterns = [path("calls/group", GroupCalls.as_view())]

"""`/api/v1/im/contacts…`, `people`, `presence`, `heartbeat`: whom one knows, and who is there."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.web.errors import ack
from im.api import request_forms, serializers
from im.api.base import Call, Seldom
from im.api.serializers import answers
from im.data import people, queries
from im.flows import contacts as flow
from im.flows import heartbeat, presence
from im.rules.conversation_decisions import BLOCKED, FRIEND, ContactAction
from im.rules.vocabulary import Presence


class Contacts(Call):
    """One's list."""

    @extend_schema(parameters=[request_forms.Page], responses=answers(serializers.Contacts))
    def get(self, request: Request) -> Response:
        """Friends, who was asked, who asks, whom one has blocked."""
        given, database = self.given(request_forms.Page), self.place.database
        found = queries.contacts(database, self.me.id, given["after"], given["count"])
        known = people.people_by_id(self.place, [one.other for one in found])
        friends = [one.other for one in found if one.state == FRIEND]
        states = presence.seen(database, friends, self.now)
        return ack(
            contacts=[
                serializers.contact(one, known.get(one.other), states.get(one.other))
                for one in found
            ],
            next=str(found[-1].pk) if len(found) == given["count"] else None,
        )

    @extend_schema(request=request_forms.Ask, responses=answers(serializers.ContactState))
    def post(self, request: Request) -> Response:
        """Ask somebody; where he has asked oneself, both are friends."""
        given = self.given(request_forms.Ask)
        other = given.get("user") or flow.find(self.place, self.me, given["name"]).id
        state = flow.wish(self.place, self.me, other, ContactAction.ASK, self.now)
        return ack(user_id=other, state=state)

    def get_throttles(self) -> list[Any]:
        """Who is asked is told."""
        return [*super().get_throttles(), *([Seldom()] if self.request.method == "POST" else [])]


class Contact(Call):
    """One of them."""

    @extend_schema(request=request_forms.ChangeContact, responses=answers(serializers.ContactState))
    def patch(self, request: Request, user: str) -> Response:
        """Accept, block, call him something else."""
        given, other = self.given(request_forms.ChangeContact), self.user(user)
        if "name" in given:
            flow.rename(self.place, self.me, other, given["name"])
        if "state" in given:
            what = ContactAction.BLOCK if given["state"] == BLOCKED else ContactAction.ACCEPT
            flow.wish(self.place, self.me, other, what, self.now)
        known = queries.states_between(self.place.database, self.me.id, [other])
        return ack(user_id=other, state=known[other][0])

    @extend_schema(request=None, responses=answers(serializers.Done))
    def delete(self, request: Request, user: str) -> Response:
        """Remove, decline, take back that one has asked, or end a block."""
        flow.wish(self.place, self.me, self.user(user), ContactAction.REMOVE, self.now)
        return ack()


class People(Call):
    """Who is it."""

    throttle_classes = (Seldom,)

    @extend_schema(parameters=[request_forms.Name], responses=answers(serializers.Found))
    def get(self, request: Request) -> Response:
        """Whoever signs in with exactly this name."""
        found = flow.find(self.place, self.me, self.given(request_forms.Name)["name"])
        return ack(person={"user_id": found.id, "name": found.name})


class PresenceCall(Call):
    """How reachable people are."""

    @extend_schema(responses=answers(serializers.PresenceShape))
    def get(self, request: Request) -> Response:
        """Oneself and one's contacts."""
        return self._shown()

    @extend_schema(request=request_forms.SetPresence, responses=answers(serializers.PresenceShape))
    def put(self, request: Request) -> Response:
        """How one wants to be seen; contacts are told within two seconds."""
        given = self.given(request_forms.SetPresence)
        state = Presence(given["state"]) if "state" in given else None
        presence.choose(self.place, self.me.id, state, given.get("hidden"))
        return self._shown()

    def _shown(self) -> Response:
        state, hidden = presence.own(self.place, self.me.id, self.now)
        contacts = presence.of_contacts(self.place, self.me.id, self.now)
        return ack(state=state.value, hidden=hidden, contacts=contacts)


class Heartbeat(Call):
    """A device lives (IM §9)."""

    @extend_schema(request=request_forms.Beat, responses=answers(serializers.Behind))
    def post(self, request: Request) -> Response:
        """Every 30 s; missing three of them, the device is offline."""
        given = self.given(request_forms.Beat)
        way = "m" if given["way"] == "mqtt" else "a"
        device, seqs = given["device"], given["seqs"]
        return ack(behind=heartbeat.beat(self.me.id, device, way, seqs, self.now))

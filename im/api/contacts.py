"""Define the views of contacts: `/api/v1/im/contacts…`, `people`, `presence` and `heartbeat`."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from foundation.web.errors import ack
from im.api import request_forms, serializers
from im.api.base import Call, StrictLimit
from im.api.serializers import answers
from im.data import people, queries
from im.flows import contacts as flow
from im.flows import heartbeat, presence
from im.rules.conversation_decisions import BLOCKED, FRIEND, ContactAction
from im.rules.vocabulary import Presence


class Contacts(Call):
    """Define the view of the caller's list of contacts."""

    @extend_schema(parameters=[request_forms.Page], responses=answers(serializers.Contacts))
    def get(self, request: Request) -> Response:
        """List the caller's friends, requests sent and received, and blocked people."""
        arguments, database = self.arguments(request_forms.Page), self.store.database
        rows = queries.contacts(database, self.me.id, arguments["after"], arguments["count"])
        persons = people.people_by_id(self.store, [row.other for row in rows])
        friends = [row.other for row in rows if row.state == FRIEND]
        states = presence.visible_presence(database, self.me.id, friends, self.now)
        return ack(
            contacts=[
                serializers.contact(row, persons.get(row.other), states.get(row.other))
                for row in rows
            ],
            next=str(rows[-1].pk) if len(rows) == arguments["count"] else None,
        )

    @extend_schema(request=request_forms.Ask, responses=answers(serializers.ContactState))
    def post(self, request: Request) -> Response:
        """Ask a person to become a contact; if that person has asked the caller, both become friends."""
        arguments = self.arguments(request_forms.Ask)
        other = arguments.get("user") or flow.find_person(self.store, self.me, arguments["name"]).id
        state = flow.change_contact(self.store, self.me, other, ContactAction.ASK, self.now)
        return ack(user_id=other, state=state)

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the rate limits of a call; contact requests have a stricter one, since they reach other people."""
        return [
            *super().get_throttles(),
            *([StrictLimit()] if self.request.method == "POST" else []),
        ]


class Contact(Call):
    """Define the view of one contact in the caller's list."""

    @extend_schema(request=request_forms.ChangeContact, responses=answers(serializers.ContactState))
    def patch(self, request: Request, user: str) -> Response:
        """Accept a contact request, block a person, or change the caller's own name for a contact."""
        arguments, other = self.arguments(request_forms.ChangeContact), self.checked_user_id(user)
        if "name" in arguments:
            flow.set_name(self.store, self.me, other, arguments["name"])
        if "note" in arguments:
            flow.set_note(self.store, self.me, other, arguments["note"])
        if "state" in arguments:
            action = ContactAction.BLOCK if arguments["state"] == BLOCKED else ContactAction.ACCEPT
            flow.change_contact(self.store, self.me, other, action, self.now)
        states = queries.states_between(self.store.database, self.me.id, [other])
        return ack(user_id=other, state=states[other][0])

    @extend_schema(request=None, responses=answers(serializers.Done))
    def delete(self, request: Request, user: str) -> Response:
        """Remove a contact, decline or withdraw a contact request, or unblock a person."""
        flow.change_contact(
            self.store, self.me, self.checked_user_id(user), ContactAction.REMOVE, self.now
        )
        return ack()


class People(Call):
    """The view finds a person by sign-in name."""

    throttle_classes = (StrictLimit,)

    @extend_schema(parameters=[request_forms.Name], responses=answers(serializers.Found))
    def get(self, request: Request) -> Response:
        """Return the person who signs in with exactly this name."""
        person = flow.find_person(self.store, self.me, self.arguments(request_forms.Name)["name"])
        return ack(person={"user_id": person.id, "name": person.name})


class PresenceCall(Call):
    """Define the view of presence (online, busy, ...): the caller's, and that of the caller's contacts."""

    @extend_schema(responses=answers(serializers.PresenceShape))
    def get(self, request: Request) -> Response:
        """Return the presence of the caller and of the caller's contacts."""
        return self._presence_response()

    @extend_schema(request=request_forms.SetPresence, responses=answers(serializers.PresenceShape))
    def put(self, request: Request) -> Response:
        """Change the caller's presence; contacts are notified within two seconds."""
        arguments = self.arguments(request_forms.SetPresence)
        state = Presence(arguments["state"]) if "state" in arguments else None
        presence.set_presence(self.store, self.me.id, state, arguments.get("hidden"))
        return self._presence_response()

    def _presence_response(self) -> Response:
        """Return the response with the presence of the caller and of the caller's contacts."""
        state, hidden = presence.own_presence(self.store, self.me.id, self.now)
        contacts = presence.presence_of_contacts(self.store, self.me.id, self.now)
        return ack(state=state.value, hidden=hidden, contacts=contacts)


class Heartbeat(Call):
    """The view takes the heartbeat of a caller's device (IM §9)."""

    @extend_schema(request=request_forms.Beat, responses=answers(serializers.Behind))
    def post(self, request: Request) -> Response:
        """Record that a device is online; it must call every 30 s, and counts as offline after missing three."""
        arguments = self.arguments(request_forms.Beat)
        way = "m" if arguments["way"] == "mqtt" else "a"  # "a" stands for AMQP and STOMP
        device, seqs = arguments["device"], arguments["seqs"]
        return ack(behind=heartbeat.record_heartbeat(self.me.id, device, way, seqs, self.now))

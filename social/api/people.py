"""Define the views of contacts with labels, of cards, and of privacy choices."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.web.errors import ack
from im.api.base import Call
from im.api.serializers import Done, answers
from im.data import people, queries
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.flows import presence
from im.rules.conversation_decisions import FRIEND, DenyReason
from social.api import people_forms as forms
from social.api import people_shapes as shapes
from social.data import finding, label_queries, profiles, viewers
from social.flows import cards, labels
from social.models import CardField, NumberExchange
from social.rules import vcard
from social.rules.cards import ShownTo, shows_field

NOBODY = "there is no such person, or that person does not let you see this"
MOST_CONTACTS = 2000


class Labels(Call):
    """Define the view of the caller's labels."""

    @extend_schema(responses=answers(shapes.Labels))
    def get(self, request: Request) -> Response:
        """List the caller's labels, with the contacts who have them."""
        rows = label_queries.labels_of(self.store.database, self.me.id)
        users = label_queries.people_by_label(self.store.database, [row.id for row in rows])
        return ack(labels=[shapes.label(row, users[row.id]) for row in rows])

    @extend_schema(request=forms.Label, responses=answers(shapes.Labels))
    def post(self, request: Request) -> Response:
        """Create a label; one that exists already is returned."""
        row = labels.create_label(self.store, self.me, self.arguments(forms.Label)["name"])
        users = label_queries.people_by_label(self.store.database, [row.id])
        return ack(labels=[shapes.label(row, users[row.id])])


class OneLabel(Call):
    """Define the view of one label of the caller."""

    @extend_schema(request=forms.ChangeLabel, responses=answers(shapes.Labels))
    def patch(self, request: Request, number: int) -> Response:
        """Rename a label, change whether its people see the caller's presence, or put it on contacts."""
        arguments = self.arguments(forms.ChangeLabel)
        name, shows = arguments.get("name"), arguments.get("shows_presence")
        row = labels.change_label(self.store, self.me, number, name, shows)
        for users, on in ((arguments["add"], True), (arguments["remove"], False)):
            if users:
                labels.set_on_contacts(self.store, self.me, number, users, on)
        users = label_queries.people_by_label(self.store.database, [number])[number]
        return ack(labels=[shapes.label(row, users)])

    @extend_schema(request=None, responses=answers(Done))
    def delete(self, request: Request, number: int) -> Response:
        """Delete a label; people whom it excluded from posts (moments) stay excluded from them."""
        labels.delete_label(self.store, self.me, number)
        return ack()


class Contacts(Call):
    """The view of the caller's contacts with labels and notes; `/im/contacts` asks, accepts and blocks."""

    @extend_schema(responses=answers(shapes.SocialContacts))
    def get(self, request: Request) -> Response:
        """List the caller's contacts with labels, notes and presence."""
        database = self.store.database
        rows = queries.contacts(database, self.me.id, 0, MOST_CONTACTS)
        persons = people.people_by_id(self.store, [row.other for row in rows])
        friends = [row.other for row in rows if row.state == FRIEND]
        states = presence.visible_presence(database, self.me.id, friends, self.now)
        own = label_queries.labels_of(database, self.me.id)
        users = label_queries.people_by_label(database, [label.id for label in own])
        return ack(
            contacts=[
                {
                    "user_id": row.other,
                    "name": row.name or (persons[row.other].name if row.other in persons else ""),
                    "own_name": row.name,
                    "note": row.note,
                    "state": row.state,
                    "presence": states[row.other].value if row.other in states else None,
                    "labels": [str(number) for number, on in users.items() if row.other in on],
                }
                for row in rows
            ]
        )


class ContactLabels(Call):
    """Define the view of the labels of one contact."""

    @extend_schema(request=forms.ContactLabels, responses=answers(Done))
    def put(self, request: Request, user: str) -> Response:
        """Give a contact exactly these labels."""
        wanted = self.arguments(forms.ContactLabels)["labels"]
        labels.set_labels(self.store, self.me, self.checked_user_id(user), wanted)
        return ack()


# ---- cards --------------------------------------------------------------------------------------


class _CardCall(Call):
    """Define the base of views that return a person's card (profile)."""

    def shown_card(self, user: str) -> tuple[Person, list[CardField]]:
        """Return the person with this id, and the fields of the person's card that the caller sees. Raises Denied."""
        person = people.people_by_id(self.store, [user]).get(user)
        if person is None:
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        closeness = viewers.closeness(self.store, self.me, [person])[user]
        is_near = closeness.is_self or closeness.is_contact or closeness.shares_circle
        if not is_near and user not in finding.findable(self.store, self.me, [person]):
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        fields = viewers.card_fields(self.store.database, [user])[user]
        seen = [row for row in fields if shows_field(row.name, ShownTo(row.shown_to), closeness)]
        return person, seen

    def card_response(self, user: str) -> Response:
        """Return the response with the card of the person with this id. Raises Denied."""
        person, fields = self.shown_card(user)
        database, is_own = self.store.database, user == self.me.id
        exchange = NumberExchange.objects.using(database).filter(owner=self.me.id, other=user)
        return ack(
            **shapes.person(person),
            relation=queries.states_between(database, self.me.id, [user])[user][0],
            exchange=exchange.values_list("state", flat=True).first() or "",
            entries=[shapes.card_field(row, is_own=is_own) for row in fields],
        )


class OwnCard(_CardCall):
    """Define the view of the caller's own card."""

    @extend_schema(responses=answers(shapes.CardShape))
    def get(self, request: Request) -> Response:
        """Return the caller's own card (profile), and to whom each field is shown."""
        return self.card_response(self.me.id)

    @extend_schema(request=forms.Card, responses=answers(shapes.CardShape))
    def patch(self, request: Request) -> Response:
        """Change fields of the caller's own card (profile), or to whom they are shown."""
        changed = self.arguments(forms.Card)["entries"]
        fields = {
            field["name"]: (
                field.get("value"),
                ShownTo(field["shown_to"]) if "shown_to" in field else None,
            )
            for field in changed
        }
        cards.save_fields(self.store, self.me, fields)
        return self.card_response(self.me.id)

    @extend_schema(request=forms.CardText, responses=answers(shapes.CardShape))
    def put(self, request: Request) -> Response:
        """Replace fields of the caller's own card by those of a vCard, the first one if the text has several."""
        try:
            parsed = vcard.read(self.arguments(forms.CardText)["vcard"])
        except vcard.CardRefused as error:
            raise Denied(DenyReason.MALFORMED, str(error)) from None
        cards.save_fields(self.store, self.me, cards.import_fields(parsed[0].fields))
        return self.card_response(self.me.id)


class Card(_CardCall):
    """Define the view of a person's card."""

    @extend_schema(responses=answers(shapes.CardShape))
    def get(self, request: Request, user: str) -> Response:
        """Return a person's card (profile), with the fields that the caller may see."""
        return self.card_response(self.checked_user_id(user))


class CardFile(_CardCall):
    """Define the view of a person's card as a vCard."""

    @extend_schema(responses={(200, "text/vcard"): OpenApiTypes.STR})
    def get(self, request: Request, user: str) -> HttpResponse:
        """Return a person's card as vCard 4.0, with the fields that the caller may see."""
        person, rows = self.shown_card(self.checked_user_id(user))
        text = vcard.write(person.name, {row.name: row.value for row in rows}, person.id)
        reply = HttpResponse(text, content_type="text/vcard; charset=utf-8")
        reply["Content-Disposition"] = 'attachment; filename="card.vcf"'
        return reply


class Privacy(Call):
    """Define the view of the caller's privacy choices."""

    @extend_schema(responses=answers(shapes.PrivacyShape))
    def get(self, request: Request) -> Response:
        """Return who finds the caller in the directory, by a number in an address book, and among suggestions."""
        row = profiles.profiles(self.store.database, [self.me.id])[self.me.id]
        return ack(**shapes.privacy(row))

    @extend_schema(request=forms.Privacy, responses=answers(shapes.PrivacyShape))
    def patch(self, request: Request) -> Response:
        """Change who finds the caller in the directory, by a number in an address book, and among suggestions."""
        return ack(
            **shapes.privacy(cards.save_privacy(self.store, self.me, self.arguments(forms.Privacy)))
        )

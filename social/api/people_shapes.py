"""The module builds answers of the HTTP API about people, and describes them by classes."""

from __future__ import annotations

from rest_framework import serializers

from im.api.request_forms import values_of
from im.api.serializers import Done, PersonShape
from im.data.people import Person
from im.rules.conversation_decisions import ASKED, ASKING, BLOCKED, FRIEND, NOBODY
from im.rules.messages import Data
from im.rules.vocabulary import Presence
from social.data.finding import Suggestion
from social.models import CardField, Label, Profile
from social.rules.cards import FIELDS, FoundBy, Matching, ShownTo

_Form = serializers.Serializer[object]


def person(account: Person) -> Data:
    """Return a person's id and name in the form of the API."""
    return {"user_id": account.id, "name": account.name}


def label(row: Label, people: list[str]) -> Data:
    """Return a label and the ids of the contacts who have it, in the form of the API."""
    return {
        "label_id": str(row.id),
        "name": row.name,
        "shows_presence": row.shows_presence,
        "users": people,
    }


def card_field(row: CardField, *, is_own: bool) -> Data:
    """Return a field of a person's card in the form of the API; only its owner learns to whom it is shown."""
    about = {"name": row.name, "value": row.value}
    return about | ({"shown_to": row.shown_to} if is_own else {})


def privacy(row: Profile) -> Data:
    """Return a person's privacy choices in the form of the API."""
    return {"found_by": row.found_by, "matching": row.matching, "suggested": row.suggested}


def suggestion(suggested: Suggestion) -> Data:
    """Return a suggested person and the reasons (contacts in common, shared circles) in the form of the API."""
    return {
        **person(suggested.person),
        "common_contacts": suggested.common_contacts,
        "circles": suggested.circles,
    }


# ---- serializers that describe these answers in the API's documentation -------------------------


class LabelShape(_Form):
    """A label of the caller's own, and the contacts who have it."""

    label_id = serializers.CharField()
    name = serializers.CharField()
    shows_presence = serializers.BooleanField()
    users = serializers.ListField(child=serializers.CharField())


class Labels(Done):
    """The caller's labels."""

    labels = LabelShape(many=True)


class SocialContactShape(PersonShape):
    """A contact, with the caller's own labels and note; `presence` of friends only."""

    own_name = serializers.CharField()
    note = serializers.CharField()
    state = serializers.ChoiceField([ASKING, ASKED, FRIEND, BLOCKED, NOBODY])
    presence = serializers.ChoiceField(values_of(Presence), allow_null=True)
    labels = serializers.ListField(child=serializers.CharField(), help_text="Ids of labels.")


class SocialContacts(Done):
    """The caller's whole list of contacts."""

    contacts = SocialContactShape(many=True)


class CardFieldShape(_Form):
    """A field of a card. Only the caller's own card has `shown_to`."""

    name = serializers.ChoiceField([*FIELDS])
    value = serializers.CharField()
    shown_to = serializers.ChoiceField(values_of(ShownTo), required=False)


class CardShape(Done):
    """A card, with the fields that the caller may see."""

    user_id = serializers.CharField()
    name = serializers.CharField()
    relation = serializers.CharField(help_text="The person's state in the caller's contacts.")
    exchange = serializers.CharField(help_text="asking, asked, agreed, or empty.")
    entries = CardFieldShape(many=True)


class PrivacyShape(Done):
    """The caller's privacy choices."""

    found_by = serializers.ChoiceField(values_of(FoundBy))
    matching = serializers.ChoiceField(values_of(Matching))
    suggested = serializers.BooleanField()


class FoundPeople(Done):
    """People who were found."""

    people = PersonShape(many=True)


class SuggestionShape(PersonShape):
    """A person whom the caller may know, and the reasons."""

    common_contacts = serializers.IntegerField()
    circles = serializers.ListField(child=serializers.CharField(), help_text="Names of circles.")


class Suggestions(Done):
    """People whom the caller may know."""

    people = SuggestionShape(many=True)


class MatchShape(PersonShape):
    """A person, and the number by which the caller knows that person."""

    number = serializers.CharField()


class UploadedBook(Done):
    """The result of an upload to the address book."""

    added = serializers.IntegerField()
    left_today = serializers.IntegerField(help_text="So many more new numbers are taken today.")
    left_out = serializers.IntegerField(help_text="New numbers beyond the limit, not taken.")
    invalid = serializers.IntegerField(help_text="Texts that are no numbers.")
    matches = MatchShape(many=True)


class CodeSent(Done):
    """A code was sent to this number."""

    number = serializers.CharField()


class Invited(Done):
    """The link of an invitation; it can be used once, within 7 days."""

    code = serializers.CharField()
    link = serializers.CharField()
    expires_at = serializers.DateTimeField()


class Inviting(Done):
    """The person who invites, now a contact."""

    person = PersonShape()


class ExchangeState(Done):
    """The state of an exchange of telephone numbers, as the caller sees it."""

    state = serializers.ChoiceField(["asking", "asked", "agreed"])

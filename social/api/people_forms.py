"""Define the forms that check the arguments of calls about people, circles and posts (moments)."""

from __future__ import annotations

from rest_framework import serializers

from im.api.request_forms import Line, Lines, user_field, values_of
from im.rules.vocabulary import MAX_CLIENT_MSG_ID, MAX_MEMBERS, Joining
from social.rules import limits, numbers
from social.rules.cards import FIELDS, FoundBy, Matching, ShownTo

BIG = 2**63 - 1


class Label(serializers.Serializer[object]):
    """A new label."""

    name = Line(max_length=64)


class ChangeLabel(serializers.Serializer[object]):
    """The changes of a label; those left out stay. `add` and `remove` are contacts."""

    name = Line(max_length=64, required=False)
    shows_presence = serializers.BooleanField(required=False)
    add = serializers.ListField(child=user_field(), max_length=2000, default=list)
    remove = serializers.ListField(child=user_field(), max_length=2000, default=list)


class ContactLabels(serializers.Serializer[object]):
    """The labels that a contact has from now on, by their ids."""

    labels = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIG), max_length=limits.MAX_LABELS
    )


class FieldForm(serializers.Serializer[object]):
    """A field of the card; what is left out stays as it is, and an empty value deletes the field."""

    name = serializers.ChoiceField([*FIELDS])
    value = Lines(max_length=2000, allow_blank=True, required=False)
    shown_to = serializers.ChoiceField(values_of(ShownTo), required=False)


class Card(serializers.Serializer[object]):
    """The fields of the card to change."""

    entries = FieldForm(many=True)


class CardText(serializers.Serializer[object]):
    """A vCard, version 3.0 or 4.0, whose first card replaces fields of the caller's own."""

    vcard = serializers.CharField(max_length=65_536)


class Privacy(serializers.Serializer[object]):
    """The privacy choices to change; those left out stay."""

    found_by = serializers.ChoiceField(values_of(FoundBy), required=False)
    matching = serializers.ChoiceField(values_of(Matching), required=False)
    suggested = serializers.BooleanField(required=False)


class Search(serializers.Serializer[object]):
    """The beginning of a name or number to look for, and how many people to return at most."""

    q = serializers.CharField(max_length=64)
    count = serializers.IntegerField(min_value=1, max_value=20, default=10)


class Book(serializers.Serializer[object]):
    """Numbers of an address book; `region` is the country of those without a country's code."""

    numbers = serializers.ListField(
        child=serializers.CharField(max_length=numbers.LONGEST, allow_blank=True),
        min_length=1,
        max_length=limits.FIRST_UPLOAD,
    )
    region = serializers.RegexField(r"^[A-Z]{2}$", default="", allow_blank=True)


class Number(serializers.Serializer[object]):
    """The caller's own number, to which a code is sent."""

    number = serializers.CharField(max_length=numbers.LONGEST)
    region = serializers.RegexField(r"^[A-Z]{2}$", default="", allow_blank=True)


class NumberCode(Number):
    """The number, and the code that was sent to it."""

    code = serializers.RegexField(r"^\d{6}$")


class Invite(serializers.Serializer[object]):
    """The guest's number or e-mail address, to which the link is sent; without it the link is returned alone."""

    to = serializers.CharField(max_length=254, required=False)
    circle = serializers.IntegerField(min_value=1, max_value=BIG, required=False)


class Code(serializers.Serializer[object]):
    """The code of an invitation: the last part of its link."""

    code = serializers.RegexField(r"^[A-Za-z0-9_-]{16,40}$")


class NewCircle(serializers.Serializer[object]):
    """The arguments of the call that creates a circle (group with a wall of posts)."""

    name = Line(max_length=128)
    description = Lines(max_length=2000, allow_blank=True, default="")
    joining = serializers.ChoiceField(values_of(Joining), default=Joining.INVITE.value)
    users = serializers.ListField(child=user_field(), max_length=MAX_MEMBERS - 1, default=list)


class ChangeCircle(serializers.Serializer[object]):
    """The settings of a circle (group) to change; those left out stay. `picture` is an upload, or null for none."""

    name = Line(max_length=128, required=False)
    description = Lines(max_length=2000, allow_blank=True, required=False)
    notice = Lines(max_length=2000, allow_blank=True, required=False)
    joining = serializers.ChoiceField(values_of(Joining), required=False)
    mute_all = serializers.BooleanField(required=False)
    picture = serializers.UUIDField(required=False, allow_null=True)


class Before(serializers.Serializer[object]):
    """The page of posts (moments) to return: those before `before`, which is the `next` of the last answer."""

    before = serializers.IntegerField(min_value=1, max_value=BIG, required=False)
    count = serializers.IntegerField(
        min_value=1, max_value=limits.TIMELINE_PAGE, default=limits.TIMELINE_PAGE
    )


class After(serializers.Serializer[object]):
    """The page of comments to return: those after `after`, which is the `next` of the last answer."""

    after = serializers.IntegerField(min_value=0, max_value=BIG, default=0)
    count = serializers.IntegerField(min_value=1, max_value=100, default=50)


def _label_ids() -> serializers.ListField:
    """Return a form's field for ids of labels, none by default."""
    return serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIG),
        max_length=limits.MAX_LISTED_LABELS,
        default=list,
    )


class Draft(serializers.Serializer[object]):
    """A post (moment). `to` is `contacts`, `self` for a private post, or the id of a circle.

    `only_labels` and `only_users` limit it to some of these people, settled when it is posted;
    whoever has one of `except_labels` does not see it.
    """

    to = serializers.RegexField(r"^(contacts|self|[1-9]\d{0,18})$", default="contacts")
    text = Lines(max_length=limits.MAX_TEXT, allow_blank=True, default="")
    files = serializers.ListField(
        child=serializers.UUIDField(), max_length=limits.MAX_PICTURES, default=list
    )
    only_labels = _label_ids()
    only_users = serializers.ListField(
        child=user_field(), max_length=limits.MAX_LISTED_PEOPLE, default=list
    )
    except_labels = _label_ids()
    client_id = serializers.CharField(max_length=MAX_CLIENT_MSG_ID, required=False)


class NewComment(serializers.Serializer[object]):
    """A comment; `reply_to` is another comment on the same moment."""

    text = Lines(max_length=limits.MAX_COMMENT)
    reply_to = serializers.IntegerField(min_value=1, max_value=BIG, required=False)
    client_id = serializers.CharField(max_length=MAX_CLIENT_MSG_ID, required=False)


class Month(serializers.Serializer[object]):
    """The month of the album to return, such as 2026-11; without it the months are listed."""

    month = serializers.RegexField(r"^\d{4}-(0[1-9]|1[0-2])$", required=False)


class Seen(serializers.Serializer[object]):
    """The id of the last notice that the person has seen."""

    last_id = serializers.IntegerField(min_value=1, max_value=BIG)

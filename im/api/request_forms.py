"""Define the forms that check the arguments of all calls, and describe them in the API's documentation."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from rest_framework import serializers

from foundation.plain_text import fault_of
from im.rules.conversation_decisions import BLOCKED, FRIEND
from im.rules.topology import USER
from im.rules.vocabulary import MAX_CLIENT_MSG_ID, MAX_MEMBERS, PAGE, Joining, Kind, Presence, Role

MOST_SEQS = 5000
"""A device may name this many conversations."""
AT_ONCE = 500
"""An answer holds at most this many entries, members, contacts or conversations."""


def user_field(**more: Any) -> serializers.RegexField:
    """Return a form's field for a person's id."""
    return serializers.RegexField(USER, max_length=40, **more)


def values_of(words: type[StrEnum]) -> list[str]:
    """Return the values of an enumeration, as the choices of a serializer's field."""
    return [word.value for word in words]


class Line(serializers.CharField):
    """The field for a text of one line, such as a name, that holds a visible character unless it may be blank."""

    lines = False

    def run_validation(self, data: object = serializers.empty) -> object:
        """Return the field's text. Raises ValidationError if it has forbidden characters or nothing visible."""
        value = super().run_validation(data)
        fault = isinstance(value, str) and fault_of(
            value, may_have_lines=self.lines, may_be_empty=self.allow_blank
        )
        if fault:
            raise serializers.ValidationError(fault)
        return value


class Lines(Line):
    """The field for a text that may have several lines, and holds a visible character unless it may be blank."""

    lines = True


class Page(serializers.Serializer[object]):
    """The page of a list to return: the rows after `after`, which is the `next` of the last answer."""

    after = serializers.IntegerField(min_value=0, max_value=2**63 - 1, default=0)
    count = serializers.IntegerField(min_value=1, max_value=AT_ONCE, default=100)


class MemberPage(Page):
    """The page of a list of members to return: as Page, but by default as long as possible."""

    count = serializers.IntegerField(min_value=1, max_value=AT_ONCE, default=AT_ONCE)


class History(serializers.Serializer[object]):
    """The page of a log to return: entries after `after`, or before `before`, or by default the latest."""

    after = serializers.IntegerField(min_value=0, required=False)
    before = serializers.IntegerField(min_value=1, required=False)
    count = serializers.IntegerField(min_value=1, max_value=PAGE, default=PAGE)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments. Raises ValidationError if the page is to follow one entry and precede another."""
        if "after" in attrs and "before" in attrs:
            raise serializers.ValidationError("give after or before, not both")
        return attrs


class _Seqs(serializers.DictField):
    """A mapping of conversation id to seq (the number of an entry in the conversation's log)."""

    child = serializers.IntegerField(min_value=0, max_value=2**63 - 1)

    def to_internal_value(self, data: Any) -> Any:
        """Return the mapping with the conversations' ids as numbers. Raises ValidationError."""
        seqs = super().to_internal_value(data)
        if len(seqs) > MOST_SEQS or not all(
            number.isdecimal() and len(number) < 20 for number in seqs
        ):
            raise serializers.ValidationError(
                f"at most {MOST_SEQS}, by the conversations' ids in decimal"
            )
        return {int(key): value for key, value in seqs.items()}


class Missing(serializers.Serializer[object]):
    """The arguments of a request for missed entries: `seqs`, by conversation the seq up to which the device lacks none.

    `device`: for a conversation that is not named, the last heartbeat of this device counts.
    `latest`: for one that the heartbeat did not name either, only this many latest entries are
    returned.
    """

    seqs = _Seqs(default=dict)
    device = serializers.RegexField(r"^[A-Za-z0-9._-]{1,64}$", required=False)
    latest = serializers.IntegerField(min_value=0, max_value=10**6, required=False)
    count = serializers.IntegerField(min_value=1, max_value=AT_ONCE, default=PAGE)


class Beat(serializers.Serializer[object]):
    """A heartbeat: the device, its protocol, and by conversation the last seq that it has."""

    device = serializers.RegexField(r"^[A-Za-z0-9._-]{1,64}$")
    way = serializers.ChoiceField(["amqp", "stomp", "mqtt"], default="amqp")
    seqs = _Seqs(default=dict)


class NewConversation(serializers.Serializer[object]):
    """A conversation to open: `direct` with `user`, or `group` with `name` and `users`."""

    kind = serializers.ChoiceField([Kind.DIRECT.value, Kind.GROUP.value])
    user = user_field(required=False)
    name = Line(max_length=128, required=False)
    users = serializers.ListField(child=user_field(), max_length=MAX_MEMBERS - 1, default=list)
    joining = serializers.ChoiceField(values_of(Joining), default=Joining.INVITE.value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments. Raises ValidationError if `direct` has no user, or `group` no name."""
        needed = "user" if attrs["kind"] == Kind.DIRECT.value else "name"
        if needed not in attrs:
            raise serializers.ValidationError({needed: "is missing"})
        return attrs


class Change(serializers.Serializer[object]):
    """The settings of a group to change; those left out stay as they are."""

    name = Line(max_length=128, required=False)
    notice = Lines(max_length=2000, allow_blank=True, required=False)
    joining = serializers.ChoiceField(values_of(Joining), required=False)
    mute_all = serializers.BooleanField(required=False)


class Mine(serializers.Serializer[object]):
    """The caller's own settings of a conversation to change; those left out stay as they are."""

    quiet = serializers.BooleanField(required=False)
    pinned = serializers.BooleanField(required=False)


class Coming(serializers.Serializer[object]):
    """People to add to a group; with `invite` they must accept first."""

    users = serializers.ListField(child=user_field(), min_length=1, max_length=MAX_MEMBERS)
    invite = serializers.BooleanField(default=False)


class ChangeMember(serializers.Serializer[object]):
    """A new role (`owner` hands the group over), or a mute until a time (null ends it)."""

    role = serializers.ChoiceField(values_of(Role), required=False)
    muted_until = serializers.DateTimeField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments. Raises ValidationError unless either role or mute changes: each writes an entry."""
        if len(attrs) != 1:
            raise serializers.ValidationError("give role or muted_until")
        return attrs


class ReadTo(serializers.Serializer[object]):
    """The seq of the entry up to which the caller has read everything."""

    seq = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class Sent(serializers.Serializer[object]):
    """The client_msg_id that the sender gave to a message."""

    client_msg_id = serializers.CharField(max_length=MAX_CLIENT_MSG_ID)


class Name(serializers.Serializer[object]):
    """The exact sign-in name of a person."""

    name = serializers.CharField(max_length=254)


class Ask(serializers.Serializer[object]):
    """The person whom the caller asks to become a contact: by id, or by exact sign-in name."""

    user = user_field(required=False)
    name = serializers.CharField(max_length=254, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments. Raises ValidationError unless either id or sign-in name is given."""
        if len(attrs) != 1:
            raise serializers.ValidationError("give user or name")
        return attrs


class ChangeContact(serializers.Serializer[object]):
    """The changes that the caller makes to one of the own contacts.

    The state `friend` accepts a request, `blocked` blocks the person. `name` is the caller's own name
    for the person, `note` a text that only the caller sees.
    """

    state = serializers.ChoiceField([FRIEND, BLOCKED], required=False)
    name = Line(max_length=64, allow_blank=True, required=False)
    note = Lines(max_length=2000, allow_blank=True, required=False)


class SetPresence(serializers.Serializer[object]):
    """The presence to show; with `hidden` contacts see the caller as offline."""

    state = serializers.ChoiceField(
        [word.value for word in Presence if word is not Presence.OFFLINE], required=False
    )
    hidden = serializers.BooleanField(required=False)

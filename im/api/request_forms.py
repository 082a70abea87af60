"""What the calls take, with all limits: the forms are also the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from im.rules.conversation_decisions import BLOCKED, FRIEND
from im.rules.topology import USER
from im.rules.vocabulary import CLIENT_MSG_ID, MEMBERS, PAGE, Joining, Kind, Presence, Role

MOST_SEQS = 5000
"""Conversations that a device may name."""
AT_ONCE = 500
"""Entries, members, contacts, conversations in one answer."""


def _user(**more: Any) -> serializers.RegexField:
    return serializers.RegexField(USER, max_length=40, **more)


def _choices(words: Any) -> list[str]:
    return [one.value for one in words]


class Page(serializers.Serializer[Any]):
    """A part of a list: what comes after `after`, which is `next` of the answer before."""

    after = serializers.IntegerField(min_value=0, max_value=2**63 - 1, default=0)
    count = serializers.IntegerField(min_value=1, max_value=AT_ONCE, default=100)


class MemberPage(Page):
    """As above."""

    count = serializers.IntegerField(min_value=1, max_value=AT_ONCE, default=AT_ONCE)


class History(serializers.Serializer[Any]):
    """A page of a log: upwards from `after`, or downwards from `before`; neither: the latest."""

    after = serializers.IntegerField(min_value=0, required=False)
    before = serializers.IntegerField(min_value=1, required=False)
    count = serializers.IntegerField(min_value=1, max_value=PAGE, default=PAGE)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One direction at a time."""
        if "after" in attrs and "before" in attrs:
            raise serializers.ValidationError("give after or before, not both")
        return attrs


class _Seqs(serializers.DictField):
    """`{conversation id: seq}`."""

    child = serializers.IntegerField(min_value=0, max_value=2**63 - 1)

    def to_internal_value(self, data: Any) -> Any:
        """With numbers as keys."""
        found = super().to_internal_value(data)
        if len(found) > MOST_SEQS or not all(k.isdecimal() and len(k) < 20 for k in found):
            raise serializers.ValidationError(
                f"at most {MOST_SEQS}, by the conversations' ids in decimal"
            )
        return {int(key): value for key, value in found.items()}


class Missing(serializers.Serializer[Any]):
    """What a device has: by conversation the last seq without a hole before it. `latest`: of
    conversations that it does not name it gets so many entries only."""

    seqs = _Seqs(default=dict)
    latest = serializers.IntegerField(min_value=0, max_value=10**6, required=False)
    count = serializers.IntegerField(min_value=1, max_value=AT_ONCE, default=PAGE)


class Beat(serializers.Serializer[Any]):
    """A device, where it listens, and what it has."""

    device = serializers.RegexField(r"^[A-Za-z0-9._-]{1,64}$")
    way = serializers.ChoiceField(["amqp", "stomp", "mqtt"], default="amqp")
    seqs = _Seqs(default=dict)


class NewConversation(serializers.Serializer[Any]):
    """`direct` with `user`, or `group` with `name` and `users`."""

    kind = serializers.ChoiceField([Kind.DIRECT.value, Kind.GROUP.value])
    user = _user(required=False)
    name = serializers.CharField(max_length=128, required=False)
    users = serializers.ListField(child=_user(), max_length=MEMBERS - 1, default=list)
    joining = serializers.ChoiceField(_choices(Joining), default=Joining.INVITE.value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What each kind needs."""
        needed = "user" if attrs["kind"] == Kind.DIRECT.value else "name"
        if needed not in attrs:
            raise serializers.ValidationError({needed: "is missing"})
        return attrs


class Change(serializers.Serializer[Any]):
    """What is to be otherwise; what is left out stays."""

    name = serializers.CharField(max_length=128, required=False)
    notice = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    joining = serializers.ChoiceField(_choices(Joining), required=False)
    mute_all = serializers.BooleanField(required=False)


class Mine(serializers.Serializer[Any]):
    """For oneself alone; what is left out stays."""

    quiet = serializers.BooleanField(required=False)
    pinned = serializers.BooleanField(required=False)


class Coming(serializers.Serializer[Any]):
    """Who is to come in; `invite`: if they accept."""

    users = serializers.ListField(child=_user(), min_length=1, max_length=MEMBERS)
    invite = serializers.BooleanField(default=False)


class ChangeMember(serializers.Serializer[Any]):
    """Another role (`owner`: the group is handed over), or silence until a moment (null: no more)."""

    role = serializers.ChoiceField(_choices(Role), required=False)
    muted_until = serializers.DateTimeField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One thing at a time: each is an entry of its own."""
        if len(attrs) != 1:
            raise serializers.ValidationError("give role or muted_until")
        return attrs


class ReadTo(serializers.Serializer[Any]):
    """Up to which entry."""

    seq = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class Sent(serializers.Serializer[Any]):
    """The sender's own id of a message."""

    client_msg_id = serializers.CharField(max_length=CLIENT_MSG_ID)


class Name(serializers.Serializer[Any]):
    """Exactly the name under which somebody signs in."""

    name = serializers.CharField(max_length=254)


class Ask(serializers.Serializer[Any]):
    """Whom to ask, by id or by exact sign-in name."""

    user = _user(required=False)
    name = serializers.CharField(max_length=254, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two."""
        if len(attrs) != 1:
            raise serializers.ValidationError("give user or name")
        return attrs


class ChangeContact(serializers.Serializer[Any]):
    """`state`: `friend` accepts, `blocked` blocks; `name`: what one calls him oneself."""

    state = serializers.ChoiceField([FRIEND, BLOCKED], required=False)
    name = serializers.CharField(max_length=64, allow_blank=True, required=False)


class SetPresence(serializers.Serializer[Any]):
    """How one wants to be seen; `hidden`: nobody is told at all."""

    state = serializers.ChoiceField(
        [one.value for one in Presence if one is not Presence.OFFLINE], required=False
    )
    hidden = serializers.BooleanField(required=False)

"""What the calls answer: how things look, and the same as the API's description."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from im.data import queries
from im.data.people import Person
from im.models import Contact, Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import FOREVER
from im.rules.messages import Data, StoredEntry, msg_id, to_wire, wire_time
from im.rules.vocabulary import Joining, Kind, Membership, Presence, Role


def _moment(value: datetime | None) -> str | None:
    return wire_time(value) if value else None


def conversation(
    mine: Member, last: StoredEntry | None, mentioned: int | None, other: Member | None
) -> Data:
    """A conversation in somebody's list."""
    one, seen = mine.conversation, queries.visible_range_of(mine)
    return {
        "conversation_id": str(one.pk),
        "kind": one.kind,
        "name": other.name if other else one.name,
        "user_id": other.user if other else None,
        "notice": one.notice,
        "joining": one.joining,
        "mute_all": one.mute_all,
        "closed": one.closed,
        "pins": one.pins,
        "members": one.members,
        "members_version": str(one.members_version),
        "role": mine.role,
        "state": mine.state,
        "muted_until": _muted(mine),
        "quiet": mine.quiet,
        "pinned": mine.pinned,
        "from_seq": seen.floor,
        "last_seq": seen.top,
        "read_seq": mine.read_seq,
        "unread": queries.unread_of(mine),
        "mentioned_seq": mentioned,
        "last": to_wire(last) if last else None,
        "created_at": _moment(one.created_at),
    }


def _muted(one: Member) -> str | None:
    """Whom the other one of two has blocked is not told so."""
    return None if one.muted_until == FOREVER else _moment(one.muted_until)


def member(one: Member) -> Data:
    """Somebody in a conversation, as the others see him."""
    return {
        "user_id": one.user,
        "name": one.name,
        "role": one.role,
        "state": one.state,
        "muted_until": _muted(one),
    }


def entry(found: tuple[StoredEntry, bool]) -> Data:
    """An entry of the log; of what somebody has deleted for himself only the place is left."""
    one, hidden = found
    if not hidden:
        return to_wire(one)
    about = {
        "conversation_id": str(one.conversation),
        "seq": one.seq,
        "msg_id": msg_id(one.conversation, one.seq),
    }
    return {"cmd": one.cmd.value, "data": {**about, "hidden": True}}


def contact(one: Contact, person: Person | None, presence: Presence | None) -> Data:
    """Somebody in one's list of contacts; None: the account is gone."""
    return {
        "user_id": one.other,
        "name": one.name or (person.name if person else ""),
        "own_name": one.name,
        "state": one.state,
        "presence": presence.value if presence else None,
    }


# ---- the same for the description ---------------------------------------------------------------

_Any = serializers.Serializer[Any]


def _choices(words: Any) -> list[str]:
    return [one.value for one in words]


class Done(_Any):
    """It is so now."""

    success = serializers.IntegerField()


class Nack(Done):
    """A refusal; `code` is a word (docs/im.md), `error_code` a number, `description` a sentence."""

    error_code = serializers.IntegerField()
    code = serializers.CharField()
    description = serializers.CharField()


def answers(shape: type[_Any]) -> dict[int | str, type[_Any]]:
    """What a call answers: this, or a refusal."""
    return {200: shape, "4XX": Nack}


class EntryShape(_Any):
    """An entry of a log, as it is pushed too."""

    cmd = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]


class ConversationShape(_Any):
    """A conversation in somebody's list. One sees `from_seq` < seq <= `last_seq`."""

    conversation_id = serializers.CharField()
    kind = serializers.ChoiceField(_choices(Kind))
    name = serializers.CharField()
    user_id = serializers.CharField(allow_null=True, help_text="One-to-one: the other one.")
    notice = serializers.CharField()
    joining = serializers.ChoiceField(_choices(Joining))
    mute_all = serializers.BooleanField()
    closed = serializers.BooleanField()
    pins = serializers.ListField(
        child=serializers.IntegerField(), max_length=conversation_decisions.MAX_PINS
    )
    members = serializers.IntegerField()
    members_version = serializers.CharField()
    role = serializers.ChoiceField(_choices(Role))
    state = serializers.ChoiceField(_choices(Membership))
    muted_until = serializers.DateTimeField(allow_null=True)
    quiet = serializers.BooleanField()
    pinned = serializers.BooleanField()
    from_seq = serializers.IntegerField()
    last_seq = serializers.IntegerField()
    read_seq = serializers.IntegerField()
    unread = serializers.IntegerField()
    mentioned_seq = serializers.IntegerField(allow_null=True)
    last = EntryShape(allow_null=True)
    created_at = serializers.DateTimeField()


class Conversations(Done):
    """A part of the list; `next` is null where it ends."""

    conversations = ConversationShape(many=True)
    next = serializers.CharField(allow_null=True)


class OneConversation(Done):
    """One of them."""

    conversation = ConversationShape()


class MemberShape(_Any):
    """Somebody in a conversation."""

    user_id = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(_choices(Role))
    state = serializers.ChoiceField(_choices(Membership))
    muted_until = serializers.DateTimeField(allow_null=True)


class Members(Done):
    """A part of them; `version` grows with each change."""

    members = MemberShape(many=True)
    version = serializers.CharField()
    next = serializers.CharField(allow_null=True)


class Added(Done):
    """How many were not in before."""

    changed = serializers.IntegerField()


class Joined(Done):
    """What one is now: `active`, or `asked`."""

    state = serializers.ChoiceField(_choices(Membership))


class Pins(Done):
    """All that are pinned."""

    pins = serializers.ListField(child=serializers.IntegerField())


class Entries(Done):
    """Without a gap: `from_seq` < seq <= `to_seq`; one sees up to `last_seq`."""

    entries = EntryShape(many=True)
    from_seq = serializers.IntegerField()
    to_seq = serializers.IntegerField()
    first_seq = serializers.IntegerField(help_text="Nothing up to it is seen.")
    last_seq = serializers.IntegerField()


class Part(_Any):
    """What was missing of one conversation."""

    conversation_id = serializers.CharField()
    from_seq = serializers.IntegerField()
    to_seq = serializers.IntegerField()
    last_seq = serializers.IntegerField()
    entries = EntryShape(many=True)


class Offline(Done):
    """What was missing; `more`: ask again."""

    conversations = Part(many=True)
    more = serializers.BooleanField()


class Cleared(Done):
    """Nothing up to it is seen any more."""

    from_seq = serializers.IntegerField()


class Reader(_Any):
    """Who has read how far."""

    user_id = serializers.CharField()
    seq = serializers.IntegerField()


class Readers(Done):
    """Who has read up to an entry."""

    readers = Reader(many=True)


class Trace(Done):
    """Where a message is; the rest only when it was accepted. `readers` is null in large groups."""

    accepted = serializers.BooleanField()
    msg_id = serializers.CharField(required=False)
    seq = serializers.IntegerField(required=False)
    sent_at = serializers.DateTimeField(required=False)
    recalled = serializers.BooleanField(required=False)
    readers = Reader(many=True, required=False, allow_null=True)


class PersonShape(_Any):
    """Somebody who was looked for."""

    user_id = serializers.CharField()
    name = serializers.CharField()


class Found(Done):
    """Somebody who was looked for."""

    person = PersonShape()


class ContactShape(_Any):
    """Somebody in one's list; `presence` of friends only."""

    user_id = serializers.CharField()
    name = serializers.CharField()
    own_name = serializers.CharField()
    state = serializers.ChoiceField(
        [
            conversation_decisions.ASKING,
            conversation_decisions.ASKED,
            conversation_decisions.FRIEND,
            conversation_decisions.BLOCKED,
            conversation_decisions.NOBODY,
        ]
    )
    presence = serializers.ChoiceField(_choices(Presence), allow_null=True)


class Contacts(Done):
    """A part of the list."""

    contacts = ContactShape(many=True)
    next = serializers.CharField(allow_null=True)


class ContactState(Done):
    """What somebody is in one's list now."""

    user_id = serializers.CharField()
    state = serializers.CharField()


class PresenceShape(Done):
    """How one is, and one's contacts, as they let themselves be seen."""

    state = serializers.ChoiceField(_choices(Presence))
    hidden = serializers.BooleanField()
    contacts = serializers.DictField(child=serializers.ChoiceField(_choices(Presence)))


class Behind(Done):
    """How far the conversations have come of which the device lacks something."""

    behind = serializers.DictField(child=serializers.IntegerField())

"""The module builds all answers of the HTTP API, and describes them by classes for the OpenAPI page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from im.api.request_forms import values_of
from im.data import queries
from im.data.people import Person
from im.models import Contact, Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import FOREVER
from im.rules.messages import Data, StoredEntry, msg_id, to_wire, wire_time
from im.rules.vocabulary import Joining, Kind, Membership, Presence, Role


def _wire_time_or_none(value: datetime | None) -> str | None:
    """Return a time as it is written on the wire; `None` stays `None`."""
    return wire_time(value) if value else None


def conversation(
    own_row: Member, last: StoredEntry | None, mentioned: int | None, other: Member | None
) -> Data:
    """Return a conversation in the form in which a person's list shows it.

    `own_row` is the person's `Member` row. `last` is the last message, `mentioned` the seq of the last
    unread mention, `other` the other person's row if the conversation is one-to-one.
    """
    row, visible = own_row.conversation, queries.visible_range_of(own_row)
    return {
        "conversation_id": str(row.pk),
        "kind": row.kind,
        "name": other.name if other else row.name,
        "user_id": other.user if other else None,
        "notice": row.notice,
        "joining": row.joining,
        "mute_all": row.mute_all,
        "closed": row.closed,
        "pins": row.pins,
        "members": row.members,
        "members_version": str(row.members_version),
        "role": own_row.role,
        "state": own_row.state,
        "muted_until": _muted_until(own_row),
        "quiet": own_row.quiet,
        "pinned": own_row.pinned,
        "from_seq": visible.floor,
        "last_seq": visible.top,
        "read_seq": own_row.read_seq,
        "unread": queries.unread_of(own_row),
        "mentioned_seq": mentioned,
        "last": to_wire(last) if last else None,
        "created_at": _wire_time_or_none(row.created_at),
    }


def _muted_until(row: Member) -> str | None:
    """Return until when a member is muted; `None` also for a mute without end, which is a block.

    The other members must not see that somebody is blocked.
    """
    return None if row.muted_until == FOREVER else _wire_time_or_none(row.muted_until)


def member(row: Member) -> Data:
    """Return a member of a conversation as the other members see it."""
    return {
        "user_id": row.user,
        "name": row.name,
        "role": row.role,
        "state": row.state,
        "muted_until": _muted_until(row),
    }


def entry(pair: tuple[StoredEntry, bool]) -> Data:
    """Return an entry of a conversation's log as clients get it; `pair`: (the entry, whether the person deleted it).

    Of a deleted entry only its place in the log is shown.
    """
    stored, hidden = pair
    if not hidden:
        return to_wire(stored)
    about = {
        "conversation_id": str(stored.conversation),
        "seq": stored.seq,
        "msg_id": msg_id(stored.conversation, stored.seq),
    }
    return {"cmd": stored.cmd.value, "data": {**about, "hidden": True}}


def contact(row: Contact, person: Person | None, presence: Presence | None) -> Data:
    """Return a contact of a person's list; without `person` the account no longer exists."""
    return {
        "user_id": row.other,
        "name": row.name or (person.name if person else ""),
        "own_name": row.name,
        "note": row.note,
        "state": row.state,
        "presence": presence.value if presence else None,
    }


# ---- the same for the description ---------------------------------------------------------------

_Form = serializers.Serializer[object]


class Done(_Form):
    """The call succeeded."""

    success = serializers.IntegerField()


class Nack(Done):
    """A refusal; `code` is a word (docs/im.md), `error_code` a number, `description` a sentence."""

    error_code = serializers.IntegerField()
    code = serializers.CharField()
    description = serializers.CharField()


def answers(shape: type[_Form]) -> dict[int | str, type[_Form]]:
    """Return the responses of a call for its OpenAPI description: the serializer `shape`, or a refusal."""
    return {200: shape, "4XX": Nack}


class EntryShape(_Form):
    """An entry of a log, in the same form as pushed entries."""

    cmd = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]  # the field hides a property of the serializer


class ConversationShape(_Form):
    """A conversation in a person's list. The person sees `from_seq` < seq <= `last_seq`."""

    conversation_id = serializers.CharField()
    kind = serializers.ChoiceField(values_of(Kind))
    name = serializers.CharField()
    user_id = serializers.CharField(allow_null=True, help_text="One-to-one: the other one.")
    notice = serializers.CharField()
    joining = serializers.ChoiceField(values_of(Joining))
    mute_all = serializers.BooleanField()
    closed = serializers.BooleanField()
    pins = serializers.ListField(
        child=serializers.IntegerField(), max_length=conversation_decisions.MAX_PINS
    )
    members = serializers.IntegerField()
    members_version = serializers.CharField()
    role = serializers.ChoiceField(values_of(Role))
    state = serializers.ChoiceField(values_of(Membership))
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
    """A page of the list; `next` is null at its end."""

    conversations = ConversationShape(many=True)
    next = serializers.CharField(allow_null=True)


class OneConversation(Done):
    """One conversation as the caller's list shows it."""

    conversation = ConversationShape()


class MemberShape(_Form):
    """A member of a conversation, as other members see it."""

    user_id = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(values_of(Role))
    state = serializers.ChoiceField(values_of(Membership))
    muted_until = serializers.DateTimeField(allow_null=True)


class Members(Done):
    """A page of members; `version` grows with each change of the members."""

    members = MemberShape(many=True)
    version = serializers.CharField()
    next = serializers.CharField(allow_null=True)


class Added(Done):
    """The number of people whose membership has changed (`changed`)."""

    changed = serializers.IntegerField()


class Joined(Done):
    """The caller's membership now: `active`, or `asked`."""

    state = serializers.ChoiceField(values_of(Membership))


class Pins(Done):
    """The ids of all pinned messages."""

    pins = serializers.ListField(child=serializers.IntegerField())


class MqttNames(_Form):
    """The names that an MQTT client uses: the beginning of its client id, and its two topics."""

    client_id_prefix = serializers.CharField()
    out = serializers.CharField(help_text="The topic to which the client publishes.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields, with one named `in`, a keyword of Python that cannot be the name of a class variable."""
        topic = serializers.CharField(help_text="The topic to which the client subscribes.")
        return {**super().get_fields(), "in": topic}


class ManagementNames(_Form):
    """The names (of queue and exchange) by which an administrator's client application gets all messages."""

    queue_prefix = serializers.CharField()
    exchange = serializers.CharField()
    key = serializers.CharField()


class SignedIn(Done):
    """A token for the broker, and the names and addresses to use there."""

    user_id = serializers.CharField()
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    heartbeat_seconds = serializers.IntegerField()
    exchange = serializers.CharField()
    queue_prefix = serializers.CharField()
    outgoing = serializers.CharField(help_text="The exchange to which the client publishes.")
    mqtt = MqttNames()
    addresses = serializers.DictField(child=serializers.CharField())
    management = ManagementNames(required=False)


class FileShape(_Form):
    """A completely uploaded file; width, height and duration are null where its content has none."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="In bytes.")
    content_type = serializers.CharField()
    width = serializers.IntegerField(allow_null=True, help_text="In pixels.")
    height = serializers.IntegerField(allow_null=True, help_text="In pixels.")
    duration_ms = serializers.IntegerField(allow_null=True)
    url = serializers.CharField()
    thumbnail_url = serializers.CharField(allow_null=True)


class Files(Done):
    """Files that the caller may read."""

    files = FileShape(many=True)


class UploadAnnounced(Done):
    """The upload may begin, at the address in the header `Location`."""

    id = serializers.UUIDField()


class Entries(Done):
    """Entries without a gap: `from_seq` < seq <= `to_seq`; the caller sees up to `last_seq`."""

    entries = EntryShape(many=True)
    from_seq = serializers.IntegerField()
    to_seq = serializers.IntegerField()
    first_seq = serializers.IntegerField(help_text="Nothing up to it is seen.")
    last_seq = serializers.IntegerField()


class Part(_Form):
    """The entries that the device lacks of one conversation."""

    conversation_id = serializers.CharField()
    from_seq = serializers.IntegerField()
    to_seq = serializers.IntegerField()
    last_seq = serializers.IntegerField()
    entries = EntryShape(many=True)


class Offline(Done):
    """The entries that the device lacks of all conversations; call again while `more` is true."""

    conversations = Part(many=True)
    more = serializers.BooleanField()


class Cleared(Done):
    """The caller no longer sees the entries up to `from_seq`."""

    from_seq = serializers.IntegerField()


class Reader(_Form):
    """A person, and how far that person has read."""

    user_id = serializers.CharField()
    seq = serializers.IntegerField()


class Readers(Done):
    """The people who have read up to an entry."""

    readers = Reader(many=True)


class Trace(Done):
    """The answer about a sent message; all fields but `accepted` exist only if it was accepted.

    `readers` is null in large groups.
    """

    accepted = serializers.BooleanField()
    msg_id = serializers.CharField(required=False)
    seq = serializers.IntegerField(required=False)
    sent_at = serializers.DateTimeField(required=False)
    recalled = serializers.BooleanField(required=False)
    readers = Reader(many=True, required=False, allow_null=True)


class PersonShape(_Form):
    """A person who may sign in: id and name."""

    user_id = serializers.CharField()
    name = serializers.CharField()


class Found(Done):
    """The person who signs in with the name that was asked for."""

    person = PersonShape()


class ContactShape(_Form):
    """A contact of the caller; `presence` of friends only."""

    user_id = serializers.CharField()
    name = serializers.CharField()
    own_name = serializers.CharField()
    note = serializers.CharField(help_text="The caller's own; nobody else sees it.")
    state = serializers.ChoiceField(
        [
            conversation_decisions.ASKING,
            conversation_decisions.ASKED,
            conversation_decisions.FRIEND,
            conversation_decisions.BLOCKED,
            conversation_decisions.NOBODY,
        ]
    )
    presence = serializers.ChoiceField(values_of(Presence), allow_null=True)


class Contacts(Done):
    """A page of the caller's contacts."""

    contacts = ContactShape(many=True)
    next = serializers.CharField(allow_null=True)


class ContactState(Done):
    """The state that a person has in the caller's list of contacts now."""

    user_id = serializers.CharField()
    state = serializers.CharField()


class PresenceShape(Done):
    """The presence of the caller, and of contacts as they let others see it."""

    state = serializers.ChoiceField(values_of(Presence))
    hidden = serializers.BooleanField()
    contacts = serializers.DictField(child=serializers.ChoiceField(values_of(Presence)))


class Behind(Done):
    """The conversations of whose log the device lacks entries: conversation id -> last seq of the log."""

    behind = serializers.DictField(child=serializers.IntegerField())

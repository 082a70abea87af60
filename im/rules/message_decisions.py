"""Who may say and do what in a conversation. Pure: facts in, an entry or a reason out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from im.rules.messages import Data, Draft, Edit, Incoming, React, Read, Say, Stored, msg_id
from im.rules.vocabulary import READ_SHOWN_UP_TO, RECALL_SECONDS, Cmd, Code, Kind, Role, Type

MOST_EDITS = 50
"""Of one message: each keeps the text before it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation as the rules see it."""

    kind: Kind
    closed: bool
    mute_all: bool
    last_seq: int
    members: int


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the rules see him. `id`: of his row; he sees what came after `since_seq`."""

    id: int
    user: str
    name: str
    role: Role
    muted_until: datetime | None
    since_seq: int


@dataclass(frozen=True, slots=True)
class No:
    """It is refused."""

    code: Code
    reason: str


@dataclass(frozen=True, slots=True)
class Again:
    """It was done before, by the entry with this seq."""

    seq: int


@dataclass(frozen=True, slots=True)
class Yes:
    """It becomes an entry; the message that it is about, if it changes one, has this `body` from now on,
    or is `gone`."""

    draft: Draft
    target: Stored | None = None
    body: str = ""
    gone: bool = False


NOT_MEMBER = No(Code.NOT_MEMBER, "you are not in this conversation")
CLOSED = No(Code.CLOSED, "the conversation is closed")
UNKNOWN = No(Code.UNKNOWN_MESSAGE, "there is no such message")


def may_speak(place: Place, person: Person | None, now: datetime) -> No | None:
    """Why somebody must be silent here; None: he may speak."""
    if person is None:
        return NOT_MEMBER
    if place.closed:
        return CLOSED
    leads = person.role is not Role.MEMBER
    if person.muted_until is not None and person.muted_until > now:
        return No(Code.MUTED, "you are muted here")
    if (place.mute_all or place.kind is Kind.SYSTEM) and not leads:
        return No(Code.MUTED, "only administrators speak here")
    return None


def say(incoming: Incoming, wish: Say, place: Place, person: Person) -> Yes | No:
    """A new message; what it answers must lie before it."""
    if wish.reply_to > place.last_seq or 0 < wish.reply_to <= person.since_seq:
        return UNKNOWN
    data: Data = {}
    if wish.file:
        data["file_id"] = wish.file
    if wish.reply_to:
        data["reply_to"] = msg_id(wish.conversation, wish.reply_to)
    if wish.mentions:
        data["mentions"] = list(wish.mentions)
    said = (wish.type.value, wish.body, data or None)
    return Yes(Draft(Cmd.MSG, person.user, person.name, incoming.client_msg_id, *said))


def edit(
    incoming: Incoming, wish: Edit, person: Person, target: Stored | None, edits: list[int]
) -> Yes | No | Again:
    """Another text for one's own; `edits`: the entries that changed it before."""
    if target is None or not _there(target, person):
        return UNKNOWN
    if target.sender != person.user:
        return No(Code.NOT_SENDER, "one changes one's own messages only")
    if target.type != Type.TEXT:
        return No(Code.UNKNOWN_MESSAGE, "only a text can be changed")
    if target.body == wish.body:
        return Again(target.edited_seq or target.seq)
    if len(edits) >= MOST_EDITS:
        return No(Code.TOO_LATE, f"it was changed {MOST_EDITS} times already")
    data: Data = {"msg_id": target.msg_id, "previous": target.body, "edits": edits}
    draft = _draft(incoming, person, Cmd.EDIT, data)
    return Yes(replace(draft, body=wish.body), target, wish.body)


def recall(
    incoming: Incoming, person: Person, target: Stored | None, now: datetime
) -> Yes | No | Again:
    """One's own for two minutes; administrators of a group anybody's, at any time."""
    if target is None or target.seq <= person.since_seq or target.cmd is not Cmd.MSG:
        return UNKNOWN
    own = target.sender == person.user
    if not own and person.role is Role.MEMBER:
        return No(Code.NOT_SENDER, "one takes back one's own messages only")
    if target.recalled_seq is not None:
        return Again(target.recalled_seq)
    late = now - target.sent_at > timedelta(seconds=RECALL_SECONDS)
    if person.role is Role.MEMBER and late:
        return No(Code.TOO_LATE, f"a message can be taken back for {RECALL_SECONDS} s")
    return Yes(_draft(incoming, person, Cmd.RECALL, {"msg_id": target.msg_id}), target, gone=True)


def react(incoming: Incoming, wish: React, person: Person, target: Stored | None) -> Yes | No:
    """A sign under a message that one sees."""
    if target is None or not _there(target, person):
        return UNKNOWN
    data = {"msg_id": target.msg_id, "emoji": wish.emoji, "on": wish.on}
    return Yes(_draft(incoming, person, Cmd.REACT, data))


def read(
    incoming: Incoming, wish: Read, place: Place, person: Person, read_seq: int
) -> Yes | No | None:
    """Everything up to there is read; None: nobody need be told (or it was known)."""
    if wish.seq > place.last_seq:
        return No(Code.UNKNOWN_MESSAGE, "the conversation has not come so far")
    if wish.seq <= read_seq or place.members > READ_SHOWN_UP_TO:
        return None
    return Yes(_draft(incoming, person, Cmd.READ, {"read_seq": wish.seq}))


def _there(target: Stored, person: Person) -> bool:
    """A message that this member sees, and that is not taken back."""
    visible = target.cmd is Cmd.MSG and target.seq > person.since_seq
    return visible and target.recalled_seq is None


def _draft(incoming: Incoming, person: Person, cmd: Cmd, data: Data) -> Draft:
    mark = incoming.client_msg_id
    return Draft(cmd, person.user, person.name, mark, data=data or None)

"""The module decides who may write what in a conversation.

It is pure: facts in, an entry or a reason out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from im.rules.messages import (
    Data,
    DraftEntry,
    Edit,
    IncomingRequest,
    React,
    Read,
    Say,
    StoredEntry,
    msg_id,
)
from im.rules.vocabulary import READ_SHOWN_UP_TO, RECALL_SECONDS, Cmd, Code, Kind, Role, Type

MAX_EDITS = 50
"""A message can be edited at most this often, since each edit keeps the previous text."""


@dataclass(frozen=True, slots=True)
class ConversationFacts:
    """An object holds what the rules need to know of a conversation.

    `mute_all`: only administrators write; `members`: how many.
    """

    kind: Kind
    closed: bool
    mute_all: bool
    last_seq: int
    members: int


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """An object holds what the rules need to know of a member of a conversation.

    `id` is the id of the member's row. The member sees the entries after `since_seq`.
    """

    id: int
    user: str
    name: str
    role: Role
    muted_until: datetime | None
    since_seq: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """The request is rejected, with a code and a reason for the sender."""

    code: Code
    reason: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The request repeats one that was carried out before; the entry with this `seq` is its result."""

    seq: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request is accepted, and `draft` becomes an entry of the conversation's log.

    `target` is the message that the request changes, if any: from now on it has this `body`, or it
    is `gone` (taken back).
    """

    draft: DraftEntry
    target: StoredEntry | None = None
    body: str = ""
    gone: bool = False


NOT_MEMBER = Rejected(Code.NOT_MEMBER, "you are not in this conversation")
CLOSED = Rejected(Code.CLOSED, "the conversation is closed")
UNKNOWN_MESSAGE = Rejected(Code.UNKNOWN_MESSAGE, "there is no such message")


def why_may_not_write(
    conversation: ConversationFacts, member: MemberFacts | None, now: datetime
) -> Rejected | None:
    """Return why a person may not write in this conversation; `None` means that the person may."""
    if member is None:
        return NOT_MEMBER
    if conversation.closed:
        return CLOSED
    is_administrator = member.role is not Role.MEMBER
    if member.muted_until is not None and member.muted_until > now:
        return Rejected(Code.MUTED, "you are muted here")
    if (conversation.mute_all or conversation.kind is Kind.SYSTEM) and not is_administrator:
        return Rejected(Code.MUTED, "only administrators speak here")
    return None


def decide_say(
    incoming: IncomingRequest, request: Say, conversation: ConversationFacts, member: MemberFacts
) -> Accepted | Rejected:
    """Return the log entry of a new message, or a refusal if the message that it answers is unknown to the member.

    `incoming` is the whole request of which `request` is the content.
    """
    if request.reply_to > conversation.last_seq or 0 < request.reply_to <= member.since_seq:
        return UNKNOWN_MESSAGE
    data: Data = {}
    if request.file:
        data["file_id"] = request.file
    if request.reply_to:
        data["reply_to"] = msg_id(request.conversation, request.reply_to)
    if request.mentions:
        data["mentions"] = list(request.mentions)
    if request.call:
        data["call_id"] = request.call
    content = (request.type.value, request.body, data or None)
    return Accepted(DraftEntry(Cmd.MSG, member.user, member.name, incoming.client_msg_id, *content))


def decide_edit(
    incoming: IncomingRequest,
    request: Edit,
    member: MemberFacts,
    target: StoredEntry | None,
    edits: list[int],
) -> Accepted | Rejected | Duplicate:
    """Decide whether a member may give the message `target` a new text; only the sender may.

    `target` is `None` if there is no such message. `edits` holds the seqs of the entries that changed it before, at
    most MAX_EDITS. A text that the message has already counts as repeated.
    """
    if target is None or not _is_visible(target, member):
        return UNKNOWN_MESSAGE
    if target.sender != member.user:
        return Rejected(Code.NOT_SENDER, "you can change only your own messages")
    if target.type != Type.TEXT:
        return Rejected(Code.UNKNOWN_MESSAGE, "only a text message can be changed")
    if target.body == request.body:
        return Duplicate(target.edited_seq or target.seq)
    if len(edits) >= MAX_EDITS:
        return Rejected(Code.TOO_LATE, f"it was changed {MAX_EDITS} times already")
    data: Data = {"msg_id": target.msg_id, "previous": target.body, "edits": edits}
    draft = _draft_without_text(incoming, member, Cmd.EDIT, data)
    return Accepted(replace(draft, body=request.body), target, request.body)


def decide_recall(
    incoming: IncomingRequest, member: MemberFacts, target: StoredEntry | None, now: datetime
) -> Accepted | Rejected | Duplicate:
    """Decide whether a member may take the message `target` back; `None` if there is no such message.

    Members may take back their own messages for two minutes, administrators anybody's at any time.
    """
    if target is None or target.seq <= member.since_seq or target.cmd is not Cmd.MSG:
        return UNKNOWN_MESSAGE
    is_own = target.sender == member.user
    if not is_own and member.role is Role.MEMBER:
        return Rejected(Code.NOT_SENDER, "you can take back only your own messages")
    if target.recalled_seq is not None:
        return Duplicate(target.recalled_seq)
    is_late = now - target.sent_at > timedelta(seconds=RECALL_SECONDS)
    if member.role is Role.MEMBER and is_late:
        return Rejected(Code.TOO_LATE, f"a message can be taken back for {RECALL_SECONDS} s")
    return Accepted(
        _draft_without_text(incoming, member, Cmd.RECALL, {"msg_id": target.msg_id}),
        target,
        gone=True,
    )


def decide_react(
    incoming: IncomingRequest,
    request: React,
    member: MemberFacts,
    target: StoredEntry | None,
    last: StoredEntry | None,
) -> Accepted | Rejected | Duplicate:
    """Decide whether a member may add an emoji to the message `target`, or remove it.

    `last` is the member's last entry about this emoji and message, `None` if there is none.
    """
    if target is None or not _is_visible(target, member):
        return UNKNOWN_MESSAGE
    if last is not None and (last.data or {}).get("on") is request.on:
        return Duplicate(last.seq)
    data = {"msg_id": target.msg_id, "emoji": request.emoji, "on": request.on}
    return Accepted(_draft_without_text(incoming, member, Cmd.REACT, data))


def decide_read(
    incoming: IncomingRequest,
    request: Read,
    conversation: ConversationFacts,
    member: MemberFacts,
    read_seq: int,
) -> Accepted | Rejected | None:
    """Decide whether the members are notified that one of them has read up to a seq.

    `read_seq` is the seq up to which the member had read before. `None` means that nobody needs to be notified: the
    mark is not new, or there are too many members.
    """
    if request.seq > conversation.last_seq:
        return Rejected(Code.UNKNOWN_MESSAGE, "the conversation has no entry with this seq yet")
    if request.seq <= read_seq or conversation.members > READ_SHOWN_UP_TO:
        return None
    return Accepted(_draft_without_text(incoming, member, Cmd.READ, {"read_seq": request.seq}))


def _is_visible(target: StoredEntry, member: MemberFacts) -> bool:
    """Return whether the member sees this message and it was not taken back."""
    visible = target.cmd is Cmd.MSG and target.seq > member.since_seq
    return visible and target.recalled_seq is None


def _draft_without_text(
    incoming: IncomingRequest, member: MemberFacts, cmd: Cmd, data: Data
) -> DraftEntry:
    """Return an entry without text by this member; it has no place in the conversation's log yet."""
    client_msg_id = incoming.client_msg_id
    return DraftEntry(cmd, member.user, member.name, client_msg_id, data=data or None)

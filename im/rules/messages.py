"""What is said in a conversation: what clients ask for, what the log holds, what others are shown (IM §10.3).

Of one entry pushes and history show the same: `shown` is the only place that knows how it looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from im.rules.vocabulary import Cmd, Code, Presence, Type

Data = dict[str, Any]

# ---- what comes in ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as the broker handed it over. `user_id`: checked by the broker, or empty."""

    body: bytes
    exchange: str
    key: str
    user_id: str = ""
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """A new message. `file`: the id of an upload; `reply_to`: the seq that it answers."""

    conversation: int
    type: Type
    body: str
    file: str = ""
    reply_to: int = 0
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Another text for one's own message."""

    conversation: int
    seq: int
    body: str


@dataclass(frozen=True, slots=True)
class Recall:
    """A message is taken back."""

    conversation: int
    seq: int


@dataclass(frozen=True, slots=True)
class React:
    """A sign under a message, or its end."""

    conversation: int
    seq: int
    emoji: str
    on: bool


@dataclass(frozen=True, slots=True)
class Read:
    """Everything up to there has been read."""

    conversation: int
    seq: int


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody writes just now; not stored."""

    conversation: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A device lives, and has of each conversation everything up to a seq."""

    device: str
    seqs: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SetPresence:
    """How reachable one wants to be seen."""

    state: Presence


Logged = Say | Edit | Recall | React | Read
"""These take a place in the order of their conversation."""
Wish = Logged | Typing | Heartbeat | SetPresence


@dataclass(frozen=True, slots=True)
class Incoming:
    """A wish that could be read. `way`: "a" over AMQP and STOMP, "m" over MQTT."""

    sender: str
    token: str
    wish: Wish
    client_msg_id: str | None = None
    way: str = "a"
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why somebody's message was not taken; `sender` is empty where nobody could be told."""

    sender: str
    code: Code
    reason: str
    client_msg_id: str | None = None


# ---- what the log holds -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that has no place in the order yet.

    `data` by `cmd`: msg `file_id`, `reply_to` (a msg_id), `mentions`; edit `msg_id`, `previous` (the
    former text), `edits` (all seqs that edited it before); recall `msg_id`; react `msg_id`, `emoji`, `on`;
    read `read_seq`; member and conversation: as the HTTP side says (`what`, `users`, ...).
    """

    cmd: Cmd
    sender: str
    sender_name: str
    client_msg_id: str | None = None
    type: str = ""
    body: str = ""
    data: Data | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry of a log. `number`: how many messages the conversation has up to and with it."""

    conversation: int
    seq: int
    cmd: Cmd
    sender: str
    sender_name: str
    client_msg_id: str | None
    type: str
    body: str
    data: Data | None
    number: int
    sent_at: datetime
    edited_seq: int | None = None
    recalled_seq: int | None = None

    @property
    def msg_id(self) -> str:
        """Its name on the wire."""
        return msg_id(self.conversation, self.seq)


@dataclass(slots=True)
class Outcome:
    """What a batch has led to, stored already: what is to be published."""

    entries: list[Stored] = field(default_factory=list)
    """To all members who are online."""
    acks: list[Stored] = field(default_factory=list)
    """To the sender alone: his message has this place."""
    refused: list[Refused] = field(default_factory=list)
    members: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """By conversation: who is in it."""
    notes: list[Note] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """What another batch has led to comes after it."""
        self.entries += other.entries
        self.acks += other.acks
        self.refused += other.refused
        self.members |= other.members
        self.notes += other.notes

    @property
    def people(self) -> set[str]:
        """Everybody to whom something of it might go."""
        found = {
            user for one in {e.conversation for e in self.entries} for user in self.members[one]
        }
        found |= {entry.sender for entry in self.acks} | {one.sender for one in self.refused}
        return found.union(*(note.users for note in self.notes)) - {""}


@dataclass(frozen=True, slots=True)
class Note:
    """What is told to some people, and kept nowhere. `conversation`: by whose key, 0: to each alone."""

    cmd: Cmd
    data: Data
    users: tuple[str, ...]
    conversation: int = 0


# ---- what others see ----------------------------------------------------------------------------


def msg_id(conversation: int, seq: int) -> str:
    """The name of an entry on the wire."""
    return f"{conversation}.{seq}"


def at(moment: datetime) -> str:
    """A moment on the wire: UTC, with milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


_HIDDEN = {"file_id", "file", "previous", "mentions", "emoji"}
"""Of `data`: not shown once a message is taken back."""


def shown(entry: Stored) -> Data:
    """`{"cmd", "data"}` of an entry as clients get it, pushed and in history alike (IM §10.3).

    `seq` always is the entry's own place; `msg_id` is the message that it is about. A message that was
    taken back, and what edited it, has no body any more.
    """
    data = {
        "conversation_id": str(entry.conversation),
        "seq": entry.seq,
        "msg_id": msg_id(entry.conversation, entry.seq),
        "publisher_id": entry.sender,
        "publisher_name": entry.sender_name,
        "sent_at": at(entry.sent_at),
    }
    gone = entry.recalled_seq is not None
    if entry.cmd is Cmd.MSG:
        data["type"] = entry.type
    if entry.cmd in (Cmd.MSG, Cmd.EDIT):
        data["body"] = "" if gone else entry.body
    if entry.client_msg_id is not None:
        data["client_msg_id"] = entry.client_msg_id
    for name, value in (entry.data or {}).items():
        if name != "edits" and not (gone and name in _HIDDEN):
            data[name] = value
    if entry.edited_seq is not None:
        data["edited_seq"] = entry.edited_seq
    if gone:
        data["recalled_seq"] = entry.recalled_seq
    if entry.cmd is Cmd.READ:
        data["user_id"] = entry.sender
    return {"cmd": entry.cmd.value, "data": data}


def acknowledged(entry: Stored) -> Data:
    """What the sender is told: stored, with this place in the order."""
    data = {
        "client_msg_id": entry.client_msg_id,
        "conversation_id": str(entry.conversation),
        "msg_id": entry.msg_id,
        "seq": entry.seq,
        "sent_at": at(entry.sent_at),
    }
    return {"cmd": Cmd.MSG_ACK.value, "data": data}


def refusal(refused: Refused) -> Data:
    """What the sender is told: not taken, and why."""
    data = {
        "client_msg_id": refused.client_msg_id,
        "code": refused.code.value,
        "reason": refused.reason,
    }
    return {"cmd": Cmd.MSG_REFUSED.value, "data": data}

"""The messages of a conversation as requested, as stored and as shown to others (IM §10.3).

Pushed messages and the history show an entry alike: only `to_wire` knows how an entry looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from im.rules.vocabulary import MISSED_CALL, Cmd, Code, Presence, Type

Data = dict[str, Any]

# ---- what clients request -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClientDelivery:
    """A delivery is one message as the broker handed it over.

    `user_id` is the sender, which the broker has checked, or "". `is_counted` says that the message
    was delivered before and counted then for its sender's rate.
    """

    body: bytes
    exchange: str
    key: str
    user_id: str = ""
    redelivered: bool = False
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """Represent a new message.

    `file` is the id of an upload, `reply_to` the seq of the message that it answers. `call` is the id
    of the call after which a voicemail was left; clients cannot set it.
    """

    conversation: int
    type: Type
    body: str
    file: str = ""
    reply_to: int = 0
    mentions: tuple[str, ...] = ()
    call: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Represent a request for another text in one of the sender's own messages."""

    conversation: int
    seq: int
    body: str


@dataclass(frozen=True, slots=True)
class Recall:
    """A request to take a message back."""

    conversation: int
    seq: int


@dataclass(frozen=True, slots=True)
class React:
    """A request to add an emoji to a message, or to remove it."""

    conversation: int
    seq: int
    emoji: str
    on: bool


@dataclass(frozen=True, slots=True)
class Read:
    """A request to mark everything up to `seq` as read by the sender."""

    conversation: int
    seq: int


@dataclass(frozen=True, slots=True)
class Typing:
    """Represent a client's signal that its person is typing; it is not stored."""

    conversation: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life of a device.

    `seqs` holds, by conversation, the last seq up to which the device has every entry.
    """

    device: str
    seqs: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SetPresence:
    """Represent a request to change the presence (online, busy, ...) that the sender shows."""

    state: Presence


@dataclass(frozen=True, slots=True)
class CallSignal:
    """Represent a client's signal about a call: `act` is start, ringing, answer, decline or hangup.

    `call` is the id of the call; to start one it is 0, and `user` the person to call. `mark` is the sender's own id of
    the message (`client_msg_id`), or "". The app `social` handles it.
    """

    act: str
    call: int
    user: str
    device: str
    mark: str = ""


LoggedRequest = Say | Edit | Recall | React | Read
"""The requests that become an entry of their conversation's log."""
EphemeralRequest = Typing | Heartbeat | SetPresence | CallSignal
"""These requests add no entry to a log by themselves."""
Request = LoggedRequest | EphemeralRequest


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """Represent a client's request that could be parsed, and its sender.

    `way` is "a" if it came over AMQP or STOMP, "m" over MQTT. `redelivered`: the broker has delivered it before.
    """

    sender: str
    token: str
    request: Request
    client_msg_id: str | None = None
    way: str = "a"
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """Represent a refused message, and why. `sender` is empty where nobody can be notified."""

    sender: str
    code: Code
    reason: str
    client_msg_id: str | None = None


# ---- what the log holds -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DraftEntry:
    """A draft is an entry that has no place (seq) in its conversation's log yet.

    `data` depends on `cmd`. msg: `file_id`, `reply_to` (a msg_id), `mentions`. edit: `msg_id`,
    `previous` (the former text), `edits` (the seqs of all earlier edits). recall: `msg_id`. react:
    `msg_id`, `emoji`, `on`. read: `read_seq`. member and conversation: what the HTTP API writes
    (`what`, `users`, ...). call: the call, and `what` has become of it, which is also the `type`.
    heard: `msg_id` of a voicemail, `call_id`.
    """

    cmd: Cmd
    sender: str
    sender_name: str
    client_msg_id: str | None = None
    type: str = ""
    body: str = ""
    data: Data | None = None

    @property
    def is_counted(self) -> bool:
        """Return whether the entry counts as a message that its readers have or have not read."""
        return self.cmd is Cmd.MSG or (self.cmd is Cmd.CALL and self.type == MISSED_CALL)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """Represent an entry of a conversation's log, such as a message, an edit or a change of members.

    `number` counts the messages of the conversation up to and with this entry. `edited_seq` and `recalled_seq` are
    the later entries that have changed this one or taken it back.
    """

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
        """Return the id that the entry has for clients: `<conversation>.<seq>`."""
        return msg_id(self.conversation, self.seq)


@dataclass(slots=True)
class BatchResult:
    """A result says what came of a batch of clients' requests: what is stored, and what is to be published about it."""

    entries: list[StoredEntry] = field(default_factory=list)
    """These entries go to all members who are online."""
    acks: list[StoredEntry] = field(default_factory=list)
    """These entries are acknowledged to their senders alone."""
    refused: list[RefusedMessage] = field(default_factory=list)
    members: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The members of each conversation, by its id."""
    notes: list[Notice] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is to be published for the batch."""
        return not (self.entries or self.acks or self.refused or self.notes)

    def add(self, other: BatchResult) -> None:
        """Append the result of the batch that came next."""
        self.entries += other.entries
        self.acks += other.acks
        self.refused += other.refused
        self.members |= other.members
        self.notes += other.notes

    @property
    def people(self) -> set[str]:
        """Return all people to whom a message of this result may go."""
        people = {
            user
            for conversation in {entry.conversation for entry in self.entries}
            for user in self.members[conversation]
        }
        people |= {entry.sender for entry in self.acks}
        people |= {refused.sender for refused in self.refused}
        return people.union(*(note.users for note in self.notes)) - {""}


@dataclass(frozen=True, slots=True)
class Notice:
    """Represent a message to the people `users` that is not stored.

    With `conversation` it is published with the routing key of that conversation; with 0 each person
    gets a message, or all of them the same one (`together`).
    """

    cmd: Cmd
    data: Data
    users: tuple[str, ...]
    conversation: int = 0
    together: bool = False


# ---- what others see ----------------------------------------------------------------------------


def msg_id(conversation: int, seq: int) -> str:
    """Return the id that an entry has for clients: `<conversation>.<seq>`."""
    return f"{conversation}.{seq}"


def wire_time(moment: datetime) -> str:
    """Return a time as it is written on the wire: UTC, with milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


_HIDDEN = {"file_id", "file", "previous", "mentions", "emoji"}
"""These keys of `data` are not shown once a message has been taken back."""


def to_wire(entry: StoredEntry) -> Data:
    """Return `{"cmd", "data"}` of an entry as clients get it, pushed and in the history (IM §10.3).

    `seq` always is the entry's own place; `msg_id` is the message that the entry is about. A
    message that was taken back, and each edit of it, has no body any more.
    """
    data = {
        "conversation_id": str(entry.conversation),
        "seq": entry.seq,
        "msg_id": msg_id(entry.conversation, entry.seq),
        "publisher_id": entry.sender,
        "publisher_name": entry.sender_name,
        "sent_at": wire_time(entry.sent_at),
    }
    is_recalled = entry.recalled_seq is not None
    if entry.cmd is Cmd.MSG:
        data["type"] = entry.type
    if entry.cmd in (Cmd.MSG, Cmd.EDIT):
        data["body"] = "" if is_recalled else entry.body
    if entry.client_msg_id is not None:
        data["client_msg_id"] = entry.client_msg_id
    for name, value in (entry.data or {}).items():
        # The seqs of earlier edits are for our own use; nothing is shown of the content of a recalled message.
        if name != "edits" and not (is_recalled and name in _HIDDEN):
            data[name] = value
    if entry.edited_seq is not None:
        data["edited_seq"] = entry.edited_seq
    if is_recalled:
        data["recalled_seq"] = entry.recalled_seq
    if entry.cmd is Cmd.READ:
        data["user_id"] = entry.sender
    return {"cmd": entry.cmd.value, "data": data}


def acknowledgement(entry: StoredEntry) -> Data:
    """Return the notice to the sender that the message is stored, and at which seq."""
    data = {
        "client_msg_id": entry.client_msg_id,
        "conversation_id": str(entry.conversation),
        "msg_id": entry.msg_id,
        "seq": entry.seq,
        "sent_at": wire_time(entry.sent_at),
    }
    return {"cmd": Cmd.MSG_ACK.value, "data": data}


def refusal_notice(refused: RefusedMessage) -> Data:
    """Return the notice to the sender that the message was refused, and why."""
    data = {
        "client_msg_id": refused.client_msg_id,
        "code": refused.code.value,
        "reason": refused.reason,
    }
    return {"cmd": Cmd.MSG_REFUSED.value, "data": data}

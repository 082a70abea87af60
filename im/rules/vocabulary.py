"""The vocabulary of instant messaging: commands, codes, states and limits (IM §9, §10.3)."""

from __future__ import annotations

from enum import StrEnum


class Cmd(StrEnum):
    """The kind of a message: `cmd` on the wire."""

    MSG = "msg"
    EDIT = "edit"
    RECALL = "recall"
    REACT = "react"
    READ = "read"
    TYPING = "typing"
    HEARTBEAT = "heartbeat"
    PRESENCE = "presence"
    MSG_ACK = "msg_ack"
    MSG_REFUSED = "msg_refused"
    MEMBER = "member"
    CONVERSATION = "conversation"
    BEHIND = "behind"
    CONTACT = "contact"
    CENTER_START = "center_start"
    BALANCE_CONFIG = "balance_config"
    MEDIA_CONFIG = "media_config"
    BROADCAST = "broadcast"
    EVENT = "event"
    NOTICE = "notice"
    CALL = "call"
    HEARD = "heard"
    CALL_RINGING = "call.ringing"
    CALL_ANSWERED = "call.answered"
    CALL_ENDED = "call.ended"
    CALL_SIGNAL = "call.signal"
    MOMENT = "moment"
    REACTION = "reaction"
    NUMBER = "number"


STORED = frozenset(
    {
        Cmd.MSG,
        Cmd.EDIT,
        Cmd.RECALL,
        Cmd.REACT,
        Cmd.READ,
        Cmd.MEMBER,
        Cmd.CONVERSATION,
        Cmd.CALL,
        Cmd.HEARD,
    }
)
"""Messages of these kinds take a place in the order of their conversation."""


class Code(StrEnum):
    """The reason of a refusal: `code` of `msg_refused` and of HTTP answers."""

    BAD_JSON = "bad_json"
    TOO_LARGE = "too_large"
    BAD_TOKEN = "bad_token"  # noqa: S105
    NOT_SENDER = "not_sender"
    NOT_MEMBER = "not_member"
    MUTED = "muted"
    CLOSED = "closed"
    MISMATCH = "conversation_mismatch"
    UNKNOWN_MESSAGE = "unknown_message"
    TOO_LATE = "too_late"
    RATE = "rate"
    UNKNOWN_CMD = "unknown_cmd"


class Type(StrEnum):
    """The content type of a message."""

    TEXT = "text"
    IMAGE = "image"
    FILE = "file"
    VOICE = "voice"


CALL_ACTS = ("start", "ringing", "answer", "decline", "hangup")
"""An act is what a client may say about a call: the field `act` of its message `call`."""

MISSED_CALL = "missed"
"""The `type` of an entry `call` that tells of a missed call, which counts as an unread message."""


class Kind(StrEnum):
    """The kind of a conversation. DIRECT: of two people. SYSTEM: only its administrators write."""

    DIRECT = "direct"
    GROUP = "group"
    SYSTEM = "system"
    CONFERENCE = "conference"


class Role(StrEnum):
    """The role of a member."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


class Membership(StrEnum):
    """The membership of a person in a conversation. ASKED: the person has asked to join."""

    ACTIVE = "active"
    LEFT = "left"
    REMOVED = "removed"
    INVITED = "invited"
    ASKED = "asked"


class Joining(StrEnum):
    """The way in which people join a group."""

    INVITE = "invite"
    APPROVE = "approve"
    FREE = "free"


class Presence(StrEnum):
    """A value says whether a person can be reached, as others see it; people may choose it themselves."""

    ONLINE = "online"
    AWAY = "away"
    BUSY = "busy"
    INVISIBLE = "invisible"
    OFFLINE = "offline"


TEXT_BYTES = 8 * 1024
BODY_BYTES = 64 * 1024
MAX_CLIENT_MSG_ID = 64
MAX_MENTIONS = 100
MAX_EMOJI = 32
MAX_MEMBERS = 5000
READ_SHOWN_UP_TO = 500
"""Read marks are sent to the others in conversations of up to this many members."""
BATCH = 100
"""A message center stores at most this many messages in one transaction."""
KEYS_A_PUBLISH = 500
PAGE = 100
MESSAGES_A_SECOND = 20.0
BURST = 100
RECALL_SECONDS = 120
HEARTBEAT_SECONDS = 30
SILENT_AFTER_SECONDS = 3 * HEARTBEAT_SECONDS
TOKEN_SECONDS = 12 * 3600

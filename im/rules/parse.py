"""Bytes become a wish, or a reason why not. Pure (IM §10.3).

Who sends is what the broker has checked: the property `user_id` over AMQP and STOMP, the topic over MQTT.
What the body says of it is compared, never believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import orjson

from im.rules.messages import (
    Data,
    Delivery,
    Edit,
    Heartbeat,
    Incoming,
    React,
    Read,
    Recall,
    Refused,
    Say,
    SetPresence,
    Typing,
    Wish,
)
from im.rules.topology import CLIENT, OUTGOING, USER, conversation_key
from im.rules.vocabulary import BODY_BYTES, EMOJI, MENTIONS, TEXT_BYTES, Cmd, Code, Presence, Type

PREFIX = "Tricolor"
"""Stands before the token (IM §10.3)."""

_MARK = re.compile(r"[!-~]{1,64}")
_DEVICE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_MOST = 2**63 - 1
_OUT = "out.u"
_EVERYBODY = "all"


class Bad(ValueError):
    """Not as agreed: a code and words for the sender."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def sender_of(delivery: Delivery) -> str:
    """Who has sent it, as the broker vouches for; "" when it does not."""
    if delivery.exchange == CLIENT:
        user = delivery.key.removeprefix(_OUT)
        if not delivery.key.startswith(_OUT) or delivery.user_id not in ("", user):
            return ""
    else:
        user = delivery.user_id
    return user if USER.fullmatch(user) else ""


def parse(delivery: Delivery) -> Incoming | Refused:
    """What the sender wishes. Whether he may, others decide."""
    sender, mark = sender_of(delivery), None
    if not sender:
        return Refused("", Code.NOT_SENDER, "the broker does not vouch for the sender")
    try:
        body = _body(delivery.body)
        data = body["data"]
        mark = _client_msg_id(data)
        token, wish = _token(body), _wish(body, data)
        _as_said(delivery, sender, data, wish)
        way = "m" if delivery.exchange == CLIENT else "a"
        return Incoming(sender, token, wish, mark, way, delivery.redelivered)
    except Bad as wrong:
        return Refused(sender, wrong.code, wrong.reason, mark)


def _body(text: bytes) -> Data:
    if len(text) > BODY_BYTES:
        raise Bad(Code.TOO_LARGE, f"a message has at most {BODY_BYTES} bytes")
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Bad(Code.BAD_JSON, "this is no JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise Bad(Code.BAD_JSON, "an object with cmd, token and data is expected")
    return body


def _token(body: Data) -> str:
    token = body.get("token")
    if not isinstance(token, str) or not token.startswith(PREFIX):
        raise Bad(Code.BAD_TOKEN, f"token: {PREFIX} directly followed by the token")
    return token.removeprefix(PREFIX)


def _client_msg_id(data: Data) -> str | None:
    mark = data.get("client_msg_id")
    if mark is None:
        return None
    if not isinstance(mark, str) or not _MARK.fullmatch(mark):
        raise Bad(Code.BAD_JSON, "client_msg_id: 1 to 64 printable ASCII characters")
    return mark


def _wish(body: Data, data: Data) -> Wish:
    read = _READERS.get(str(body.get("cmd")))
    if read is None:
        raise Bad(Code.UNKNOWN_CMD, "cmd: " + ", ".join(_READERS))
    return read(data)


def _as_said(delivery: Delivery, sender: str, data: Data, wish: Wish) -> None:
    """What the body says of sender and conversation agrees with what the broker has seen."""
    if data.get("publisher_id", "" if isinstance(wish, Say) else sender) != sender:
        raise Bad(Code.NOT_SENDER, "publisher_id: one speaks for oneself only")
    number = getattr(wish, "conversation", 0)
    if number and delivery.exchange == OUTGOING and delivery.key != conversation_key(number):
        raise Bad(Code.MISMATCH, "the routing key names another conversation")


# ---- one reader for each cmd --------------------------------------------------------------------


def _say(data: Data) -> Say:
    try:
        kind = Type(str(data.get("type")))
    except ValueError:
        raise Bad(Code.BAD_JSON, "type: " + ", ".join(Type)) from None
    number, file = _conversation(data), ""
    if kind is not Type.TEXT:
        file = _file(data)
    body = _text(data, empty=kind is not Type.TEXT)
    reply = _target(data, number, "reply_to") if data.get("reply_to") is not None else 0
    return Say(number, kind, body, file, reply, _mentions(data))


def _edit(data: Data) -> Edit:
    number = _conversation(data)
    return Edit(number, _target(data, number), _text(data))


def _recall(data: Data) -> Recall:
    number = _conversation(data)
    return Recall(number, _target(data, number))


def _react(data: Data) -> React:
    number, emoji, on = _conversation(data), data.get("emoji"), data.get("on", True)
    if not isinstance(emoji, str) or not 1 <= len(emoji) <= EMOJI:
        raise Bad(Code.BAD_JSON, f"emoji: 1 to {EMOJI} characters")
    if not isinstance(on, bool):
        raise Bad(Code.BAD_JSON, "on: true or false")
    return React(number, _target(data, number), emoji, on)


def _read(data: Data) -> Read:
    return Read(_conversation(data), _seq(data.get("seq"), least=1))


def _typing(data: Data) -> Typing:
    return Typing(_conversation(data))


def _heartbeat(data: Data) -> Heartbeat:
    seqs, device = data.get("seqs", {}), data.get("device", "")
    if not isinstance(seqs, dict):
        raise Bad(Code.BAD_JSON, "seqs: an object, conversation_id to seq")
    if device != "" and not (isinstance(device, str) and _DEVICE.fullmatch(device)):
        raise Bad(Code.BAD_JSON, "device: 1 to 64 letters, digits, dots, dashes")
    return Heartbeat(device, {_number(key): _seq(seq) for key, seq in seqs.items()})


def _presence(data: Data) -> SetPresence:
    try:
        return SetPresence(Presence(str(data.get("state"))))
    except ValueError:
        raise Bad(Code.BAD_JSON, "state: " + ", ".join(Presence)) from None


_READERS: dict[str, Callable[[Data], Wish]] = {
    Cmd.MSG.value: _say,
    Cmd.EDIT.value: _edit,
    Cmd.RECALL.value: _recall,
    Cmd.REACT.value: _react,
    Cmd.READ.value: _read,
    Cmd.TYPING.value: _typing,
    Cmd.HEARTBEAT.value: _heartbeat,
    Cmd.PRESENCE.value: _presence,
}


# ---- parts --------------------------------------------------------------------------------------


def _number(value: object) -> int:
    text = str(value) if isinstance(value, int) else value
    if isinstance(text, str) and _NUMBER.fullmatch(text) and int(text) <= _MOST:
        return int(text)
    raise Bad(Code.BAD_JSON, "conversation_id: a decimal number")


def _conversation(data: Data) -> int:
    return _number(data.get("conversation_id"))


def _seq(value: object, least: int = 0) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= _MOST:
        return value
    raise Bad(Code.BAD_JSON, f"seq: a number from {least}")


def _target(data: Data, conversation: int, name: str = "msg_id") -> int:
    """Of a msg_id the seq; it has to be one of this conversation."""
    value = data.get(name)
    where, dot, seq = value.partition(".") if isinstance(value, str) else ("", "", "")
    if not dot or not _NUMBER.fullmatch(seq) or int(seq) > _MOST:
        raise Bad(Code.BAD_JSON, f"{name}: a msg_id")
    if where != str(conversation):
        raise Bad(Code.UNKNOWN_MESSAGE, f"{name}: of another conversation")
    return int(seq)


def _text(data: Data, *, empty: bool = False) -> str:
    body = data.get("body", "")
    if not isinstance(body, str) or not (body or empty):
        raise Bad(Code.BAD_JSON, "body: a text")
    if len(body.encode()) > TEXT_BYTES:
        raise Bad(Code.TOO_LARGE, f"body: at most {TEXT_BYTES} bytes")
    return body


def _file(data: Data) -> str:
    try:
        return str(UUID(data["file_id"]))
    except (KeyError, ValueError, AttributeError, TypeError):
        raise Bad(Code.BAD_JSON, "file_id: the id of an upload") from None


def _mentions(data: Data) -> tuple[str, ...]:
    users = data.get("mentions", [])
    if not isinstance(users, list) or len(users) > MENTIONS:
        raise Bad(Code.BAD_JSON, f"mentions: at most {MENTIONS} user ids")
    if any(not isinstance(one, str) or not USER.fullmatch(one) for one in users):
        raise Bad(Code.BAD_JSON, f'mentions: user ids, or "{_EVERYBODY}"')
    return tuple(dict.fromkeys(users))

"""The module parses the bytes of a client's message into a request or a refusal.

It is pure (IM §10.3). The sender is the one that the broker has checked: the property `user_id`
over AMQP and STOMP, the topic over MQTT. What the body says of the sender is compared with that,
never believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import orjson

from foundation.plain_text import fault_of
from im.rules.messages import (
    CallSignal,
    ClientDelivery,
    Data,
    Edit,
    Heartbeat,
    IncomingRequest,
    React,
    Read,
    Recall,
    RefusedMessage,
    Request,
    Say,
    SetPresence,
    Typing,
)
from im.rules.topology import CLIENT, OUTGOING, USER, conversation_key
from im.rules.vocabulary import (
    BODY_BYTES,
    CALL_ACTS,
    MAX_EMOJI,
    MAX_MENTIONS,
    TEXT_BYTES,
    Cmd,
    Code,
    Presence,
    Type,
)

PREFIX = "Tricolor"
"""This word stands before the token (IM §10.3)."""

_CLIENT_MSG_ID = re.compile(r"[!-~]{1,64}")
_ID_IN_BYTES = re.compile(rb'"client_msg_id"\s*:\s*"([!#-\[\]-~]{1,64})"')
"""An id without quotes and backslashes; within a text the quotes around its name would be escaped."""
_SEARCHED_BYTES = 2 * BODY_BYTES
_DEVICE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_MAX_NUMBER = 2**63 - 1
_OUT = "out.u"
_EVERYBODY = "all"


class InvalidMessage(ValueError):
    """The message is not in the agreed form; holds a code and a reason for the sender."""

    def __init__(self, code: Code, reason: str) -> None:
        """Keep a code for client applications, and a sentence for the sender that says what is wrong."""
        super().__init__(reason)
        self.code, self.reason = code, reason


def sender_of(delivery: ClientDelivery) -> str:
    """Return the sender for whom the broker vouches, or "" if it vouches for nobody.

    An MQTT client is known by its topic, on which nobody else may publish; others by the property
    `user_id`, which the broker checks.
    """
    if delivery.exchange == CLIENT:
        user = delivery.key.removeprefix(_OUT)
        if not delivery.key.startswith(_OUT) or delivery.user_id not in ("", user):
            return ""
    else:
        user = delivery.user_id
    return user if USER.fullmatch(user) else ""


def parse_message(delivery: ClientDelivery) -> IncomingRequest | RefusedMessage:
    """Return a client's message as a request, or a refusal that says why it cannot be read.

    Whether the request is allowed is decided elsewhere.
    """
    sender, client_msg_id = sender_of(delivery), None
    if not sender:
        return RefusedMessage("", Code.NOT_SENDER, "the broker does not vouch for the sender")
    if refused := refused_too_large(delivery):
        return refused
    try:
        body = _parse_json(delivery.body)
        data = body["data"]
        client_msg_id = client_msg_id_of(data)
        token, request = _token_of(body), _parse_request(body, data)
        _check_sender_and_key(delivery, sender, data, request)
        way = "m" if delivery.exchange == CLIENT else "a"  # MQTT, or AMQP and STOMP
        return IncomingRequest(sender, token, request, client_msg_id, way, delivery.redelivered)
    except InvalidMessage as error:
        if client_msg_id is None:
            return refused_unread(delivery, error.code, error.reason)
        return RefusedMessage(sender, error.code, error.reason, client_msg_id)


def refused_unread(delivery: ClientDelivery, code: Code, reason: str) -> RefusedMessage:
    """Return a refusal of a message that was not parsed, with its client_msg_id if that can be found in its bytes.

    Otherwise the client would not know which of its messages is meant, and send it for ever.
    """
    match = _ID_IN_BYTES.search(delivery.body, 0, _SEARCHED_BYTES)
    client_msg_id = match[1].decode() if match else None
    return RefusedMessage(sender_of(delivery), code, reason, client_msg_id)


def refused_too_large(delivery: ClientDelivery) -> RefusedMessage | None:
    """Return a refusal of a message that is larger than a message center reads; `None` for one that is not."""
    if len(delivery.body) <= BODY_BYTES:
        return None
    return refused_unread(delivery, Code.TOO_LARGE, f"a message has at most {BODY_BYTES} bytes")


def token_in(delivery: ClientDelivery) -> str:
    """Return the token that a message holds, or "" if it cannot be read."""
    if len(delivery.body) > BODY_BYTES:
        return ""
    try:
        return _token_of(_parse_json(delivery.body))
    except InvalidMessage:
        return ""


def _parse_json(text: bytes) -> Data:
    """Return the JSON object that the bytes of a message hold; it holds an object `data`. Raises InvalidMessage."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidMessage(Code.BAD_JSON, "this is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise InvalidMessage(Code.BAD_JSON, "an object with cmd, token and data is expected")
    return body


def _token_of(body: Data) -> str:
    """Return the access token in a message, without the word `PREFIX` before it. Raises InvalidMessage."""
    token = body.get("token")
    if not isinstance(token, str) or not token.startswith(PREFIX):
        raise InvalidMessage(Code.BAD_TOKEN, f"token: {PREFIX} directly followed by the token")
    return token.removeprefix(PREFIX)


def client_msg_id_of(data: Data) -> str | None:
    """Return the sender's own id of the message; `None` if it has none. Raises InvalidMessage."""
    client_msg_id = data.get("client_msg_id")
    if client_msg_id is None:
        return None
    if not isinstance(client_msg_id, str) or not _CLIENT_MSG_ID.fullmatch(client_msg_id):
        raise InvalidMessage(Code.BAD_JSON, "client_msg_id: 1 to 64 printable ASCII characters")
    return client_msg_id


def _parse_request(body: Data, data: Data) -> Request:
    """Return the request in a message's `data`, as its `cmd` demands. Raises InvalidMessage."""
    parser = _PARSERS.get(str(body.get("cmd")))
    if parser is None:
        raise InvalidMessage(Code.UNKNOWN_CMD, "cmd: " + ", ".join(_PARSERS))
    return parser(data)


def _check_sender_and_key(
    delivery: ClientDelivery, sender: str, data: Data, request: Request
) -> None:
    """Check that a message's body names no other sender or conversation than the broker's properties do.

    `sender` is the one whom the broker has checked. Raises InvalidMessage.
    """
    if data.get("publisher_id", "" if isinstance(request, Say) else sender) != sender:
        raise InvalidMessage(
            Code.NOT_SENDER, "publisher_id: you can send messages only as yourself"
        )
    number = getattr(request, "conversation", 0)
    if number and delivery.exchange == OUTGOING and delivery.key != conversation_key(number):
        raise InvalidMessage(Code.MISMATCH, "the routing key names another conversation")


# ---- one parser for each cmd --------------------------------------------------------------------


def _parse_say(data: Data) -> Say:
    """Return a new message: only texts need a body, and only the other types a file. Raises InvalidMessage."""
    try:
        kind = Type(str(data.get("type")))
    except ValueError:
        raise InvalidMessage(Code.BAD_JSON, "type: " + ", ".join(Type)) from None
    number, file = _conversation_id(data), ""
    if kind is not Type.TEXT:
        file = _file_id(data)
    body = message_text(data, empty=kind is not Type.TEXT)
    reply = _target_seq(data, number, "reply_to") if data.get("reply_to") is not None else 0
    return Say(number, kind, body, file, reply, _mentioned_users(data))


def _parse_edit(data: Data) -> Edit:
    """Return a request to give a message another text. Raises InvalidMessage."""
    number = _conversation_id(data)
    return Edit(number, _target_seq(data, number), message_text(data))


def _parse_recall(data: Data) -> Recall:
    """Return a request to take a message back. Raises InvalidMessage."""
    number = _conversation_id(data)
    return Recall(number, _target_seq(data, number))


def _parse_reaction(data: Data) -> React:
    """Return a reaction to a message. It adds the emoji, or removes it if `on` is false. Raises InvalidMessage."""
    number, emoji, on = _conversation_id(data), data.get("emoji"), data.get("on", True)
    if not isinstance(emoji, str) or not 1 <= len(emoji) <= MAX_EMOJI:
        raise InvalidMessage(Code.BAD_JSON, f"emoji: 1 to {MAX_EMOJI} characters")
    if not isinstance(on, bool):
        raise InvalidMessage(Code.BAD_JSON, "on: true or false")
    return React(number, _target_seq(data, number), emoji, on)


def _parse_read_mark(data: Data) -> Read:
    """Return a request to mark messages as read. Raises InvalidMessage."""
    return Read(_conversation_id(data), _parse_seq(data.get("seq"), least=1))


def _parse_typing(data: Data) -> Typing:
    """Return a signal that the sender is typing. Raises InvalidMessage."""
    return Typing(_conversation_id(data))


def _parse_heartbeat(data: Data) -> Heartbeat:
    """Return a heartbeat; both the device and the seqs up to which it has all entries may be left out.

    Raises InvalidMessage.
    """
    seqs, device = data.get("seqs", {}), data.get("device", "")
    if not isinstance(seqs, dict):
        raise InvalidMessage(Code.BAD_JSON, "seqs: an object, conversation_id to seq")
    if device != "" and not (isinstance(device, str) and _DEVICE.fullmatch(device)):
        raise InvalidMessage(Code.BAD_JSON, "device: 1 to 64 letters, digits, dots, dashes")
    return Heartbeat(device, {_parse_id(key): _parse_seq(seq) for key, seq in seqs.items()})


def _parse_presence(data: Data) -> SetPresence:
    """Return a request to show a presence (online, away, ...). Raises InvalidMessage for an unknown one."""
    try:
        return SetPresence(Presence(str(data.get("state"))))
    except ValueError:
        raise InvalidMessage(Code.BAD_JSON, "state: " + ", ".join(Presence)) from None


def _parse_call_signal(data: Data) -> CallSignal:
    """Return a client's signal about a call: which call it is or, to start one, whom to call. Raises InvalidMessage."""
    act, device, user = data.get("act"), data.get("device", ""), data.get("user_id", "")
    if act not in CALL_ACTS:
        raise InvalidMessage(Code.BAD_JSON, "act: " + ", ".join(CALL_ACTS))
    if not (isinstance(device, str) and _DEVICE.fullmatch(device)):
        raise InvalidMessage(Code.BAD_JSON, "device: 1 to 64 letters, digits, dots, dashes")
    if act != CALL_ACTS[0]:
        return CallSignal(act, _parse_id(data.get("call_id"), "call_id"), "", device)
    if not (isinstance(user, str) and USER.fullmatch(user)):
        raise InvalidMessage(Code.BAD_JSON, "user_id: the person to call")
    return CallSignal(act, 0, user, device, client_msg_id_of(data) or "")


_PARSERS: dict[str, Callable[[Data], Request]] = {
    Cmd.MSG.value: _parse_say,
    Cmd.EDIT.value: _parse_edit,
    Cmd.RECALL.value: _parse_recall,
    Cmd.REACT.value: _parse_reaction,
    Cmd.READ.value: _parse_read_mark,
    Cmd.TYPING.value: _parse_typing,
    Cmd.HEARTBEAT.value: _parse_heartbeat,
    Cmd.PRESENCE.value: _parse_presence,
    Cmd.CALL.value: _parse_call_signal,
}


# ---- parts --------------------------------------------------------------------------------------


def _parse_id(value: object, name: str = "conversation_id") -> int:
    """Return an id, given as a number or as its decimal digits; `name` is its field. Raises InvalidMessage."""
    text = str(value) if isinstance(value, int) else value
    if isinstance(text, str) and _NUMBER.fullmatch(text) and int(text) <= _MAX_NUMBER:
        return int(text)
    raise InvalidMessage(Code.BAD_JSON, f"{name}: a decimal number")


def _conversation_id(data: Data) -> int:
    """Return the conversation's id, from the field `conversation_id`. Raises InvalidMessage.

    An id that no conversation can have is refused as one in which the sender is not a member.
    """
    value = data.get("conversation_id")
    try:
        return _parse_id(value)
    except InvalidMessage:
        if isinstance(value, str) and value:
            reason = "conversation_id: there is no such conversation"
            raise InvalidMessage(Code.NOT_MEMBER, reason) from None
        raise


def _parse_seq(value: object, least: int = 0) -> int:
    """Return a seq, the number of an entry in a conversation's log. Raises InvalidMessage if it is below `least`."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= _MAX_NUMBER:
        return value
    raise InvalidMessage(Code.BAD_JSON, f"seq: a number from {least}")


def _target_seq(data: Data, conversation: int, name: str = "msg_id") -> int:
    """Return the seq in a msg_id (`<conversation>.<seq>`), which the field `name` of a message holds.

    Raises InvalidMessage, also for a message of another conversation.
    """
    value = data.get(name)
    conversation_text, dot, seq = value.partition(".") if isinstance(value, str) else ("", "", "")
    if not dot or not _NUMBER.fullmatch(seq) or int(seq) > _MAX_NUMBER:
        raise InvalidMessage(Code.BAD_JSON, f"{name}: a msg_id")
    if conversation_text != str(conversation):
        raise InvalidMessage(Code.UNKNOWN_MESSAGE, f"{name}: of another conversation")
    return int(seq)


def message_text(data: Data, *, empty: bool = False) -> str:
    """Return a message's text of at most TEXT_BYTES. Raises InvalidMessage for a longer or unreadable one.

    An empty text is refused, too, unless `empty` allows it.
    """
    body = data.get("body", "")
    if not isinstance(body, str) or not (body or empty):
        raise InvalidMessage(Code.BAD_JSON, "body: a text")
    if len(body.encode()) > TEXT_BYTES:
        raise InvalidMessage(Code.TOO_LARGE, f"body: at most {TEXT_BYTES} bytes")
    if fault := fault_of(body, may_have_lines=True, may_be_empty=empty):
        raise InvalidMessage(Code.BAD_JSON, f"body: {fault}")
    return body


def _file_id(data: Data) -> str:
    """Return the id of an uploaded file, the UUID in `file_id`, in its usual form. Raises InvalidMessage."""
    try:
        return str(UUID(data["file_id"]))
    except (KeyError, ValueError, AttributeError, TypeError):
        raise InvalidMessage(Code.BAD_JSON, "file_id: the id of an upload") from None


def _mentioned_users(data: Data) -> tuple[str, ...]:
    """Return the mentioned users without repetition, at most MAX_MENTIONS. Raises InvalidMessage."""
    users = data.get("mentions", [])
    if not isinstance(users, list) or len(users) > MAX_MENTIONS:
        raise InvalidMessage(Code.BAD_JSON, f"mentions: at most {MAX_MENTIONS} user ids")
    if any(not isinstance(user, str) or not USER.fullmatch(user) for user in users):
        raise InvalidMessage(Code.BAD_JSON, f'mentions: user ids, or "{_EVERYBODY}"')
    return tuple(dict.fromkeys(users))

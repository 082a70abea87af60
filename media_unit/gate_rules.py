"""Define the rules of the gate, the proxy before Janus: what participants may say, about which room. Pure.

A participant is whoever holds a token. The token names one Janus room and is good for that room alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from wire.visitor_token import visitor_named_in, visitor_token

AUDIO = "janus.plugin.audiobridge"
VIDEO = "janus.plugin.videoroom"
TEXT = "janus.plugin.textroom"
PLUGINS = (AUDIO, VIDEO, TEXT)
"""The plugins that have a Janus room for each conference."""
STREAMING = "janus.plugin.streaming"
"""The plugin that offers composed pictures, under the names of the Janus rooms, where the unit composes them."""

EVERYBODY = "all"
"""The group of the mixer in which participants are as a rule."""
LISTENED_TO = ("listened1", "listened2", "listened3", "listened4")
"""The groups for participants whose sound alone is sent to a monitor, one for each; Janus allows five groups in all."""

TOKEN_LASTS = 90 * 24 * 3600
"""Seconds for which a token is valid: longer than any conference lasts, also one whose end is moved.

A token ends with its conference all the same, since the gate (the proxy before Janus) asks Janus whether the Janus room
is there.
"""

MOST_HANDLES = 600
"""Handles of one participant: sound, own pictures, those of others, notices; old pages have one for each picture."""
_PARTICIPANT = re.compile("[0-9A-Za-z_-]{1,64}")
_LENGTH_OF_PAGE_ID = 24
"""Characters of the id of a page's connections, which begins with the visitor's id (`media_unit/roster.py`)."""
MOST_CHARACTERS = 512

_ENTER = frozenset(("room", "pin", "id", "display"))
_REQUESTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    AUDIO: {
        "join": _ENTER | {"muted"},
        "configure": frozenset(("muted", "volume")),
        "leave": frozenset(),
    },
    VIDEO: {
        "join": _ENTER | {"ptype", "streams", "private_id", "feed"},
        "joinandconfigure": _ENTER | {"ptype", "audio", "video", "descriptions"},
        "publish": frozenset(("audio", "video", "descriptions")),
        "configure": frozenset(("audio", "video", "streams", "descriptions")),
        "unpublish": frozenset(),
        "subscribe": frozenset(("streams",)),
        "unsubscribe": frozenset(("streams",)),
        "update": frozenset(("subscribe", "unsubscribe")),
        "switch": frozenset(("streams",)),
        "start": frozenset(),
        "pause": frozenset(),
        "leave": frozenset(),
    },
    # All else of the text room is said over its data channel, which does not pass here.
    TEXT: {"setup": frozenset(), "ack": frozenset(), "restart": frozenset()},
    STREAMING: {
        "watch": frozenset(("id", "pin")),
        "start": frozenset(),
        "pause": frozenset(),
        "stop": frozenset(),
    },
}
"""What pages ask of each plugin, and the fields that they may give. A field that is not here is refused:
`record`, `filename`, `secret`, `admin_key`, `rtp` among them."""

_STREAM = frozenset(("feed", "mid", "sub_mid", "send", "description", "substream", "temporal"))
_NAMES_ROOM = {"join": "room", "joinandconfigure": "room", "watch": "id"}
"""Request -> its field that names the Janus room."""
_NAMES_PARTICIPANT = ("join", "joinandconfigure")
"""The requests by which somebody enters a Janus room under an id."""
_ALWAYS = frozenset(("janus", "transaction", "token", "session_id"))
_COMMANDS: Mapping[str, frozenset[str]] = {
    "create": frozenset(),
    "keepalive": frozenset(),
    "destroy": frozenset(),
    "attach": frozenset(("plugin", "opaque_id")),
    "detach": frozenset(("handle_id",)),
    "hangup": frozenset(("handle_id",)),
    "trickle": frozenset(("handle_id", "candidate", "candidates")),
    "message": frozenset(("handle_id", "body", "jsep")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """The settings of a gate, the proxy before a Janus; the agent writes them into a file for it."""

    server_name: str
    ip: str
    port: int
    janus_url: str
    admin_url: str
    admin_secret: str
    token_key: str
    most_sockets: int
    control_port: int
    control_path: str


class Refused(Exception):
    """The exception by which the gate (the proxy before Janus) refuses a participant's message; its text says why."""


def make_token(key: str, janus_room: str, now: float) -> str:
    """Return a token for one Janus room, in the form that Janus itself accepts (`token_auth`)."""
    plain = ",".join(
        [str(int(now) + TOKEN_LASTS), "janus", *PLUGINS, STREAMING, f"room={janus_room}"]
    )
    return f"{plain}:{_signature(key, plain)}"


class Ticket(NamedTuple):
    """The content of a participant's token: the Janus room that it is valid for, and the visitor who may use it.

    `visitor` is "" for the token of a whole room, as programs get it. `room_token` is the token that Janus accepts.
    """

    janus_room: str
    visitor: str
    room_token: str


def read_token(key: str, token: object, now: float) -> Ticket:
    """Return the content of a participant's token. Raises Refused if it is forged or has expired.

    `key` is the key by which the tokens of rooms are signed, `now` the time in seconds since 1970.
    """
    if not isinstance(token, str):
        raise Refused("a token is needed")
    room_text, visitor = visitor_named_in(token.rpartition(":")[0])
    room_token = f"{room_text}:{_signature(key, room_text)}"
    expected = visitor_token(room_token, visitor) if visitor else room_token
    expires, *parts = room_text.split(",")
    is_ours = hmac.compare_digest(expected.encode(), token.encode())
    if not is_ours or not parts or not parts[-1].startswith("room="):
        raise Refused("the token is not good")
    if int(expires) < now:
        raise Refused("the token has expired")
    return Ticket(parts[-1].removeprefix("room="), visitor, room_token)


def _signature(key: str, plain: str) -> str:
    """Return the signature of a token's text, as Janus itself computes it."""
    signed = hmac.new(key.encode(), plain.encode(), hashlib.sha1).digest()
    return base64.b64encode(signed).decode()


@dataclass(slots=True)
class Visitor:
    """A visitor is one WebSocket of a participant: its Janus room, its session, and the plugin of each handle.

    `visitor` is the id that the token is bound to; "" means that the token is good for any participant of the room.
    """

    token: str
    janus_room: str
    visitor: str = ""
    room_token: str = ""
    """The token that Janus accepts, in place of the visitor's own one."""
    session: int = 0
    handles: dict[int, str] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    """Open transaction -> the plugin of the handle that its answer brings; "" where it brings the session."""
    entering: dict[str, int] = field(default_factory=dict)
    """Open transaction -> the handle that enters the mixer by it; its answer brings the id of the participant."""
    mixer_ids: dict[int, str] = field(default_factory=dict)
    """Handle -> the id of the participant that it is in the mixer."""

    def check(self, message: Mapping[str, object]) -> str:
        """Return the command of a participant's message to Janus if participants may send it. Raises Refused.

        For "create" and "attach" the transaction is remembered, since its answer brings the id of the session
        or handle that later messages may use.
        """
        command = message.get("janus")
        if not isinstance(command, str) or command not in _COMMANDS:
            raise Refused(f"{str(command)[:40]} is not for participants")
        _check_field_names(message, _ALWAYS | _COMMANDS[command], command)
        transaction = message.get("transaction")
        if not isinstance(transaction, str) or len(transaction) > MOST_CHARACTERS:
            raise Refused("transaction: a string is needed")
        if message.get("token") != self.token:
            raise Refused("token: not the one with which this connection began")
        if command == "create":
            if self.session or self.pending:
                raise Refused("one session for each connection")
            self.pending[transaction] = ""
        elif message.get("session_id") != self.session:
            raise Refused("session_id: not the session of this connection")
        elif command == "attach":
            self._allow_attach(message.get("plugin"), transaction)
        elif command in ("detach", "hangup", "trickle", "message"):
            self._check_handle_command(command, message.get("handle_id"), message.get("body"))
        return command

    @property
    def is_waiting(self) -> bool:
        """Return whether an answer of Janus is expected that brings an id to remember."""
        return bool(self.pending or self.entering)

    def message_for_janus(self, message: Mapping[str, object]) -> Mapping[str, object]:
        """Return a checked message as it is sent to Janus: with the token of the room in place of the visitor's.

        A request to join the sound mixer also gets the common group, and is remembered, since its answer brings the
        participant's id. A message that stays as it is is returned itself.
        """
        if self.visitor:
            message = {**message, "token": self.room_token}
        handle, body = message.get("handle_id"), message.get("body")
        is_join = isinstance(body, dict) and body.get("request") == "join"
        if not is_join or not isinstance(handle, int) or self.handles.get(handle) != AUDIO:
            return message
        assert isinstance(body, dict)
        self.entering[str(message["transaction"])] = handle
        return {**message, "body": {**body, "group": EVERYBODY}}

    def remember_ids(self, answer: Mapping[str, object]) -> None:
        """Remember the session, handle or participant whose id an answer of Janus brings; ignore other answers."""
        transaction = answer.get("transaction")
        if not isinstance(transaction, str):
            return
        if transaction in self.entering and answer.get("janus") != "ack":
            # The first answer, "ack", only says that the request has arrived.
            self._remember_mixer_id(self.entering.pop(transaction), answer.get("plugindata"))
        if transaction not in self.pending:
            return
        plugin = self.pending.pop(transaction)
        data = answer.get("data")
        new_id = data.get("id") if isinstance(data, dict) else None
        if not isinstance(new_id, int):
            return
        # An answer to `attach` has the id of a handle for the plugin, one to `create` that of the session.
        if plugin:
            self.handles[new_id] = plugin
        else:
            self.session = new_id

    def _remember_mixer_id(self, handle: int, plugin_data: object) -> None:
        """Remember, from Janus's answer, as which participant a handle has joined the sound mixer, if it has."""
        data = plugin_data.get("data") if isinstance(plugin_data, dict) else None
        if isinstance(data, dict) and data.get("audiobridge") == "joined":
            self.mixer_ids[handle] = str(data.get("id"))

    def handle_of(self, participant: str) -> int | None:
        """Return this connection's Janus handle that is the participant in the sound mixer, or `None`."""
        return next(
            (handle for handle, person in self.mixer_ids.items() if person == participant), None
        )

    def _allow_attach(self, plugin: object, transaction: str) -> None:
        """Allow a new handle of a conference plugin, and remember its transaction. Raises Refused."""
        if plugin not in _REQUESTS:
            raise Refused("plugin: not one of a conference's")
        if len(self.handles) + len(self.pending) >= MOST_HANDLES:
            raise Refused(f"at most {MOST_HANDLES} handles")
        self.pending[transaction] = str(plugin)

    def _check_handle_command(self, command: str, handle: object, body: object) -> None:
        """Check a command on a Janus handle, which must belong to this connection. Raises Refused.

        After "detach" the handle is forgotten.
        """
        plugin = self.handles.get(handle) if isinstance(handle, int) else None
        if plugin is None or not isinstance(handle, int):
            raise Refused("handle_id: not a handle of this connection")
        if command == "message":
            self._check_plugin_request(plugin, body)
        elif command == "detach":
            del self.handles[handle]
            self.mixer_ids.pop(handle, None)

    def _check_plugin_request(self, plugin: str, body: object) -> None:
        """Check a request (`body`) to a Janus plugin: its name, fields, values and Janus room. Raises Refused."""
        if not isinstance(body, dict):
            raise Refused("body: an object is needed")
        request = body.get("request")
        allowed = _REQUESTS[plugin].get(request) if isinstance(request, str) else None
        if allowed is None:
            raise Refused(f"{str(request)[:40]} is not for participants")
        _check_field_names(body, allowed | {"request"}, str(request))
        for name, value in body.items():
            _check_value(name, value)
        field_name = _NAMES_ROOM.get(str(request))
        if field_name and body.get(field_name) != self.janus_room:
            raise Refused(f"{field_name}: not the one that the token is good for")
        if self.visitor and request in _NAMES_PARTICIPANT and body.get("ptype") != "subscriber":
            self._check_participant(body.get("id"))

    def _check_participant(self, participant: object) -> None:
        """Raise Refused unless an id to enter under begins with this connection's visitor, as a page's does."""
        is_own = isinstance(participant, str) and participant.startswith(self.visitor)
        if not is_own or len(str(participant)) != _LENGTH_OF_PAGE_ID:
            raise Refused(
                f"id: {_LENGTH_OF_PAGE_ID} characters are needed that begin with the visitor's id"
            )


def _check_field_names(fields: Mapping[str, object], allowed: frozenset[str], context: str) -> None:
    """Raise Refused if `fields` has a field that is not allowed; `context` names the message or object in the text."""
    if not fields.keys() <= allowed:
        name = min(fields.keys() - allowed)
        raise Refused(f"{context}: {name[:40]} is not for participants")


def _check_value(name: str, value: object) -> None:
    """Raise Refused unless a field's value is plain (no object), or a list of streams with plain values."""
    if isinstance(value, list):
        for stream in value:
            if not isinstance(stream, dict):
                raise Refused(f"{name}: objects are needed")
            _check_field_names(stream, _STREAM, name)
            for key, plain in stream.items():
                _check_plain(key, plain)
    else:
        _check_plain(name, value)


def _check_plain(name: str, value: object) -> None:
    """Raise Refused if the field `name` has a value that participants may not send.

    These are objects, lists, too long strings, bad ids and volumes outside of 0 to 100.
    """
    if isinstance(value, dict | list):
        raise Refused(f"{name}: a plain value is needed")
    # It becomes a part of the names of recorded files.
    if name == "id" and not (isinstance(value, str) and _PARTICIPANT.fullmatch(value)):
        raise Refused("id: 1 to 64 letters, digits and dashes are needed")
    if name == "volume" and (type(value) is not int or not 0 <= value <= 100):
        raise Refused("volume: a whole number from 0 to 100 is needed")
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        raise Refused(f"{name}: at most {MOST_CHARACTERS} characters")

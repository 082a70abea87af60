"""Each type of message has one frozen class; JSON is read into its objects and written from them.

A message is one JSON object in UTF-8 with a `type`, at most 256 KiB long and 20 levels deep. orjson reads and writes
the bytes, msgspec the declared fields (see `typed_json`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, TypeVar

import orjson

from foundation.bus.typed_json import TypedObject, read_as, to_json
from foundation.bus.typed_json_words import InvalidValue

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
_MAX_GLANCE_BYTES = 16 * MAX_BYTES

M = TypeVar("M", bound="Message")
T = TypeVar("T", bound=TypedObject)


Body = dict[str, Any]
"""A JSON object as orjson reads it. What it holds is known once `from_body` or `read_fields` has checked it."""


class BadMessage(ValueError):
    """The exception says that a message's body cannot be read: `field` is wrong, and `detail` says what is wrong."""

    def __init__(self, detail: str, field: str = "") -> None:
        """Say what is wrong (`detail`), and in which field of the body; "" means the body as a whole."""
        self.field = field
        self.detail = f"{field}: {detail}" if field else detail
        super().__init__(self.detail)


class NotTaken(BadMessage):
    """The exception by which a handler does not accept a message that it has read.

    It is raised before any change is staged. The message is parked (stored for operators) with this reason, and the
    other messages of its batch are handled.
    """


# ---- declarations of messages --------------------------------------------------------------------


class Message(TypedObject):
    """Define the base class of all messages. They are frozen, and their fields are given by name."""

    wire_type: ClassVar[str] = ""
    """The value of the field `type` in messages of this class."""
    nack: ClassVar[str] = ""
    """The `type` of the refusal of a request; "" if there is none."""

    @property
    def type(self) -> str:
        """Return the value of the field `type` in this message."""
        return self.wire_type


class Raw(Message, kw_only=False):
    """A message whose fields are not declared, for instance one that is forwarded unchanged."""

    body: Body

    @property
    def type(self) -> str:
        """Return the value of the field `type` in the body."""
        return str(self.body["type"])


TYPES: dict[str, type[Message]] = {}


def message(wire_type: str, nack: str = "") -> Callable[[type[M]], type[M]]:
    """Return a decorator that registers a class for messages with this `type`.

    `nack` is the `type` of the refusal of a request, so that even a request that cannot be read can be refused.
    """

    def register(cls: type[M]) -> type[M]:
        """Add the class to the known types of messages, and return it.

        Raises TypeError if the type has a class already.
        """
        if wire_type in TYPES:
            raise TypeError(f"{wire_type} is declared twice")
        cls.wire_type, cls.nack = wire_type, nack
        TYPES[wire_type] = cls
        return cls

    return register


# ---- bytes -> object -> message ------------------------------------------------------------------


def loads(body: bytes) -> Body:
    """Return the body of a message as a JSON object. Raises BadMessage if it is none, too large, or without `type`."""
    if len(body) > MAX_BYTES:
        raise BadMessage(f"body has {len(body)} bytes; at most {MAX_BYTES} are taken")
    try:
        parsed = orjson.loads(body)
    except ValueError:
        raise BadMessage("body is not JSON in UTF-8") from None
    if not isinstance(parsed, dict):
        raise BadMessage("body must be one JSON object")
    if not isinstance(parsed.get("type"), str):
        raise BadMessage("is missing or not a string", "type")
    _check_depth(parsed)
    return parsed


def read_some_fields(body: bytes, names: Collection[str]) -> Body | None:
    """Return those of the fields `names` that a body has, to refuse a request which breaks the limits of size or depth.

    `None` means that the body is far too large, or no JSON object with a `type`.
    """
    if len(body) > _MAX_GLANCE_BYTES:
        return None
    try:
        parsed = orjson.loads(body)
    except ValueError:
        return None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("type"), str):
        return None
    return {name: parsed[name] for name in names if isinstance(parsed.get(name), str)}


def _check_depth(value: object) -> None:
    """Raise BadMessage if objects and lists are nested deeper than MAX_DEPTH."""
    containers, depth = [value], 0
    while containers:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadMessage(f"body is nested deeper than {MAX_DEPTH} levels")
        members: list[object] = []
        for container in containers:
            if isinstance(container, dict):
                members += container.values()
            elif isinstance(container, list):
                members += container
        containers = [member for member in members if isinstance(member, dict | list)]


def from_body(cls: type[M], body: Mapping[str, object]) -> M:
    """Return a JSON object as a message of the class `cls`. Unknown fields are ignored. Raises BadMessage."""
    return read_fields(cls, body)


def read_fields(cls: type[T], body: Mapping[str, object]) -> T:
    """Return a JSON object as a typed object of the class `cls`. Raises BadMessage, which names the wrong field."""
    try:
        return read_as(cls, body)
    except InvalidValue as error:
        words = InvalidValue(error.path[1:], error.words)
        raise BadMessage(str(words), str(error.path[0])) from None


def to_body(typed_message: Message) -> Body:
    """Return the JSON object of a message. Fields that are `None` are left out, flags are 0 or 1."""
    if isinstance(typed_message, Raw):
        return typed_message.body
    return {"type": typed_message.type, **to_json(typed_message)}


def dumps(body: Mapping[str, object]) -> bytes:
    """Return a JSON object as JSON text in bytes (UTF-8)."""
    return orjson.dumps(body)


def canonical(body: Mapping[str, object]) -> bytes:
    """Return a JSON object as bytes, with sorted keys, so that equal objects give equal bytes."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)

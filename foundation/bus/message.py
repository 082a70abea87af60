"""A message is one frozen class for each type on the wire; bytes are read into it and written from it.

The limits are those of the wire's first section: one UTF-8 JSON object, at most 256 KiB and 20 levels deep, with a
`type`. orjson reads and writes the bytes, msgspec the declared fields (see `typed_json`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, TypeVar

import orjson

from foundation.bus.typed_json import TypedObject, read_as, to_json
from foundation.bus.typed_json_words import InvalidValue

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20

M = TypeVar("M", bound="Message")
T = TypeVar("T", bound=TypedObject)


Body = dict[str, Any]
"""A JSON object as orjson reads it. What it holds is known once `from_body` or `read_fields` has checked it."""


class BadMessage(ValueError):
    """A body cannot be read. `field` names the place, `detail` says what to do."""

    def __init__(self, detail: str, field: str = "") -> None:
        self.field = field
        self.detail = f"{field}: {detail}" if field else detail
        super().__init__(self.detail)


class NotTaken(BadMessage):
    """A handler has read a message and does not accept it.

    It raises this before it stages anything: the message is parked with this reason, and the rest of its
    batch goes on.
    """


# ---- declaring -----------------------------------------------------------------------------------


class Message(TypedObject):
    """Base of all messages: frozen, its fields given by name, known by its wire type."""

    wire_type: ClassVar[str] = ""
    nack: ClassVar[str] = ""
    """The wire type of the refusal of a request; empty where there is none."""

    @property
    def type(self) -> str:
        """The wire type; forwarded messages carry their own."""
        return self.wire_type


class Raw(Message, kw_only=False):
    """A message whose type and content are found at run time: forwarded, or a refusal of the unreadable."""

    body: Body

    @property
    def type(self) -> str:
        """The type it came with."""
        return str(self.body["type"])


TYPES: dict[str, type[Message]] = {}


def message(wire_type: str, nack: str = "") -> Callable[[type[M]], type[M]]:
    """Make a class known by its wire type.

    `nack` names the refusal of a request, so that even an unreadable one can be answered.
    """

    def register(cls: type[M]) -> type[M]:
        if wire_type in TYPES:
            raise TypeError(f"{wire_type} is declared twice")
        cls.wire_type, cls.nack = wire_type, nack
        TYPES[wire_type] = cls
        return cls

    return register


# ---- bytes -> object -> message ------------------------------------------------------------------


def loads(body: bytes) -> Body:
    """Read a body into a JSON object with a `type`. Raises BadMessage."""
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


def glance(body: bytes, names: Collection[str]) -> Body | None:
    """Return what names a request that breaks the limits of size or depth: enough to refuse it."""
    if len(body) > 16 * MAX_BYTES:
        return None
    try:
        parsed = orjson.loads(body)
    except ValueError:
        return None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("type"), str):
        return None
    return {name: parsed[name] for name in names if isinstance(parsed.get(name), str)}


def _check_depth(value: object) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadMessage(f"body is nested deeper than {MAX_DEPTH} levels")
        below: list[object] = []
        for container in level:
            if isinstance(container, dict):
                below += container.values()
            elif isinstance(container, list):
                below += container
        level = [member for member in below if isinstance(member, dict | list)]


def from_body(cls: type[M], body: Mapping[str, object]) -> M:
    """Make the message of a JSON object. Unknown fields are ignored. Raises BadMessage."""
    return read_fields(cls, body)


def read_fields(cls: type[T], body: Mapping[str, object]) -> T:
    """Read the declared fields of a JSON object. Raises BadMessage, with the name of the field."""
    try:
        return read_as(cls, body)
    except InvalidValue as error:
        words = InvalidValue(error.path[1:], error.words)
        raise BadMessage(str(words), str(error.path[0])) from None


def to_body(sent: Message) -> Body:
    """Return the JSON object of a message: absent values are left out, flags are 0 or 1."""
    if isinstance(sent, Raw):
        return sent.body
    return {"type": sent.type, **to_json(sent)}


def dumps(body: Mapping[str, object]) -> bytes:
    """Return a JSON object as bytes."""
    return orjson.dumps(body)


def canonical(body: Mapping[str, object]) -> bytes:
    """Return the same bytes for the same content, whatever the order of its keys."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)

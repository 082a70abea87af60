"""What is said on the wire: one frozen class per message, and the way from bytes to class and back.

Limits and errors are those of the wire's first section: one UTF-8 JSON object, at most 256 KiB and
20 levels deep, with a `type`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform

import orjson

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20

Check = Callable[[Any], Any]
M = TypeVar("M", bound="Message")


class BadMessage(ValueError):
    """A body that cannot be read. `field` names the place, `detail` says what to do."""

    def __init__(self, detail: str, field: str = "") -> None:
        self.field = field
        self.detail = f"{field}: {detail}" if field else detail
        super().__init__(self.detail)


class NotTaken(BadMessage):
    """A handler has read a message and does not take it. Raised before anything is staged: the
    message is parked with this reason, and the rest of its batch goes on."""


class Message:
    """Base of all messages. Subclasses are made by `@message(...)`."""

    __slots__ = ()
    wire_type: ClassVar[str]
    nack: ClassVar[str]
    _fields: ClassVar[tuple[tuple[str, str, Check], ...]]

    @property
    def type(self) -> str:
        """The wire type; forwarded messages carry their own."""
        return self.wire_type


class Raw(Message):
    """A message whose type and content are found at run time: forwarded, or a refusal of the unreadable."""

    __slots__ = ("body",)
    _fields = ()

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    @property
    def type(self) -> str:
        """The type it came with."""
        return str(self.body["type"])


# ---- checks: value in, value out, ValueError with words for people -----------------------------


def text(most: int = 1024, least: int = 0) -> Check:
    """A string of `least` to `most` characters without control characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        if not least <= len(value) <= most:
            raise ValueError(f"must have {least} to {most} characters")
        if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
            raise ValueError("must not contain control characters")
        return value

    return check


def digits(most: int = 16) -> Check:
    """A string of 1 to `most` decimal digits (E.164 numbers)."""
    pattern = re.compile(rf"[0-9]{{1,{most}}}")

    def check(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"must be a string of 1 to {most} digits")
        return value

    return check


def whole(least: int = -(2**31), most: int = 2**53) -> Check:
    """A whole number within bounds; a string of digits is accepted as older clients send one."""

    def check(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,16}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be a whole number")
        if not least <= value <= most:
            raise ValueError(f"must lie between {least} and {most}")
        return value

    return check


def one_of(*choices: Any) -> Check:
    """One of the given values."""

    def check(value: Any) -> Any:
        if isinstance(value, bool | float) or value not in choices:
            raise ValueError("must be one of " + ", ".join(map(str, choices)))
        return value

    return check


def flag(value: Any) -> bool:
    """0 or 1; booleans are accepted."""
    if value not in (0, 1, True, False) or isinstance(value, float):
        raise ValueError("must be 0 or 1")
    return bool(value)


def obj(value: Any) -> dict[str, Any]:
    """Any JSON object."""
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    return value


def list_of(item: Check, most: int = 500) -> Check:
    """A list of at most `most` items, each checked."""

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError("must be a list")
        if len(value) > most:
            raise ValueError(f"must have at most {most} items")
        found = []
        for position, one in enumerate(value):
            try:
                found.append(item(one))
            except ValueError as wrong:
                raise ValueError(f"item {position} {wrong}") from None
        return tuple(found)

    return check


def any_value(value: Any) -> Any:
    """Whatever JSON says."""
    return value


# ---- declaring ----------------------------------------------------------------------------------

_DERIVED: dict[str, Check] = {"str": text(), "int": whole(), "bool": flag}


def wire(name: str, check: Check | None = None, *, default: Any = dataclasses.MISSING) -> Any:
    """A field's wire spelling, and what its value must be."""
    meta = {"wire": name, "check": check}
    return dataclasses.field(default=default, metadata=meta)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(wire,))
def message(wire_type: str, nack: str = "") -> Callable[[type[M]], type[M]]:
    """Make the class a message: frozen, slotted, keyword-only, known by its wire type.

    `nack` names the refusal of a request, so that even an unreadable one can be answered.
    """

    def make(cls: type[M]) -> type[M]:
        made: type[M] = dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)
        made.wire_type, made.nack = wire_type, nack
        made._fields = tuple(
            (f.name, f.metadata.get("wire", f.name), _check_of(f))
            for f in dataclasses.fields(cast(Any, made))
        )
        if wire_type:
            if wire_type in TYPES:
                raise TypeError(f"{wire_type} is declared twice")
            TYPES[wire_type] = made
        return made

    return make


TYPES: dict[str, type[Message]] = {}


def _check_of(field: dataclasses.Field[Any]) -> Check:
    given: Check | None = field.metadata.get("check")
    if given:
        return given
    return _DERIVED.get(str(field.type).removesuffix(" | None"), any_value)


# ---- bytes -> object -> message -----------------------------------------------------------------


def loads(body: bytes) -> dict[str, Any]:
    """Read a body into a JSON object with a `type`. Raises BadMessage."""
    if len(body) > MAX_BYTES:
        raise BadMessage(f"body has {len(body)} bytes; at most {MAX_BYTES} are taken")
    try:
        found = orjson.loads(body)
    except ValueError:
        raise BadMessage("body is not JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise BadMessage("body must be one JSON object")
    if not isinstance(found.get("type"), str):
        raise BadMessage("is missing or not a string", "type")
    _check_depth(found)
    return found


def glance(body: bytes, names: Collection[str]) -> dict[str, Any] | None:
    """What names a request that breaks the limits of size or depth: enough to refuse it."""
    if len(body) > 16 * MAX_BYTES:
        return None
    try:
        found = orjson.loads(body)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        return None
    return {name: found[name] for name in names if isinstance(found.get(name), str)}


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadMessage(f"body is nested deeper than {MAX_DEPTH} levels")
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below += one.values()
            elif isinstance(one, list):
                below += one
        level = [one for one in below if isinstance(one, dict | list)]


def from_body(cls: type[M], body: Mapping[str, Any]) -> M:
    """Make the message of a JSON object. Unknown fields are ignored. Raises BadMessage."""
    values: dict[str, Any] = {}
    for name, spelt, check in cls._fields:
        if (value := body.get(spelt)) is None:
            continue
        try:
            values[name] = check(value)
        except ValueError as wrong:
            raise BadMessage(str(wrong), spelt) from None
    try:
        return cls(**values)
    except TypeError:
        missing = next(
            spelt
            for (name, spelt, _), f in zip(cls._fields, dataclasses.fields(cls), strict=True)  # type: ignore[arg-type]
            if name not in values and f.default is dataclasses.MISSING
        )
        raise BadMessage("is missing", missing) from None


def to_body(sent: Message) -> dict[str, Any]:
    """The JSON object of a message: absent values are left out, flags are 0 or 1."""
    if isinstance(sent, Raw):
        return sent.body
    body: dict[str, Any] = {"type": sent.type}
    for name, spelt, _ in sent._fields:
        value = getattr(sent, name)
        if value is not None:
            body[spelt] = int(value) if isinstance(value, bool) else value
    return body


def dumps(body: Mapping[str, Any]) -> bytes:
    """A JSON object as bytes."""
    return orjson.dumps(body)


def canonical(body: Mapping[str, Any]) -> bytes:
    """The same bytes for the same content, whatever the order of its keys."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)

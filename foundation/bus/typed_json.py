"""JSON objects become typed values by msgspec, and typed values JSON objects again.

msgspec checks types, limits and missing fields in C. Three habits of the wire are not msgspec's, and are prepared
here before it reads: `null` means absent, flags are 0 or 1, and whole numbers may come as strings of digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform

import msgspec
from msgspec import Meta, field, inspect

from foundation.bus.typed_json_words import CLEAN, EXTRA, bare, explained

_NUMBER_AS_TEXT = re.compile(r"-?[0-9]{1,16}")
_ENCODED_EXTRA = f'"{EXTRA}":'.encode()
Prepare = Callable[[object], object]
T = TypeVar("T")


# ---- limits, for use in Annotated ----------------------------------------------------------------


def text(most: int = 1024, least: int = 0) -> Meta:
    """Limit a string to `least` to `most` characters without control characters."""
    words = (
        f"string of {least} to {most} characters"
        if least
        else f"string of at most {most} characters"
    )
    return Meta(min_length=least, max_length=most, pattern=CLEAN, description=words)


def letters(allowed: str, most: int, least: int = 0) -> Meta:
    """Limit a string to `least` to `most` characters of a class such as `0-9`."""
    count = f"{least} to {most}" if least else f"at most {most}"
    kind = "digits" if allowed == "0-9" else f"characters of {allowed}"
    pattern = rf"\A[{allowed}]{{{least},{most}}}\Z"
    return Meta(pattern=pattern, description=f"string of {count} {kind}")


def digits(most: int = 16) -> Meta:
    """Limit a string to 1 to `most` decimal digits (E.164 numbers)."""
    return letters("0-9", most, 1)


def whole(least: int = -(2**31), most: int = 2**53) -> Meta:
    """Limit a whole number; a string of digits is accepted, as older clients send one."""
    return Meta(ge=least, le=most, description=f"whole number from {least} to {most}")


def items(most: int = 500) -> Meta:
    """Limit a list to `most` items."""
    return Meta(max_length=most)


# ---- typed objects -------------------------------------------------------------------------------


class _TypedObjectMeta(msgspec.StructMeta):
    """The type of all typed objects makes them frozen, with fields that are given by name."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, object], **config: Any
    ) -> _TypedObjectMeta:
        config = {"frozen": True, "kw_only": True, **config}
        return super().__new__(mcs, name, bases, namespace, **config)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class TypedObject(msgspec.Struct, metaclass=_TypedObjectMeta, frozen=True, kw_only=True):
    """A JSON object with declared fields; unknown members are dropped when it is read."""

    @classmethod
    def prepared(cls, value: object) -> object:
        """Return a value that may be spelt in an older way as this class declares it."""
        return value


class OpenObject(TypedObject, omit_defaults=True, forbid_unknown_fields=True):
    """A JSON object that is passed on: members that it does not declare are kept in `extra`.

    A `lenient` class refuses no object: numbers are read as text where text is declared, any value as a flag where
    a flag is declared, and what does not fit at all is kept in `extra` as it came.
    """

    lenient: ClassVar[bool] = False
    extra: dict[str, object] = field(name=EXTRA, default_factory=dict)


# ---- JSON object -> typed value ------------------------------------------------------------------


def read_as(kind: type[T], value: object) -> T:
    """Return a JSON value as the declared type. Raises InvalidValue."""
    prepare, is_rare = _preparation(cast(Hashable, kind))
    return read_own(kind, value) if is_rare else _convert(kind, value, prepare)


def read_own(kind: type[T], value: object) -> T:
    """Return a JSON value that most likely is spelt as declared: it is prepared only if it is not."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return _convert(kind, value, _preparation(cast(Hashable, kind))[0])


def _convert(kind: type[T], value: object, prepare: Prepare | None) -> T:
    try:
        return msgspec.convert(prepare(value) if prepare else value, kind)
    except msgspec.ValidationError as error:
        raise explained(inspect.type_info(kind), str(error)) from None


@cache
def _preparation(kind: Hashable) -> tuple[Prepare | None, bool]:
    """Return the preparation of a type, and whether its values rarely need it."""
    node = inspect.type_info(kind)
    return _preparation_of(node), _is_rarely_prepared(node)


def _is_rarely_prepared(node: inspect.Type) -> bool:
    """Tell whether values of this type nearly always come in the declared form.

    Flags come as numbers nearly always, and an older spelling may look like the declared one.
    """
    match node := bare(node):
        case inspect.BoolType():
            return False
        case inspect.UnionType():
            return all(map(_is_rarely_prepared, node.types))
        case inspect.VarTupleType() | inspect.ListType():
            return _is_rarely_prepared(node.item_type)
        case inspect.StructType() | inspect.TypedDictType():
            below = all(_is_rarely_prepared(field.type) for field in node.fields)
            return below and _older_spelling_of(node.cls) is None
        case _:
            return True


def _preparation_of(node: inspect.Type) -> Prepare | None:
    node = bare(node)
    match node:
        case inspect.UnionType():
            if any(isinstance(bare(choice), inspect.StrType) for choice in node.types):
                return None  # A string is one of the choices: it is no number spelt in another way.
            return next((p for choice in node.types if (p := _preparation_of(choice))), None)
        case inspect.BoolType():
            return _flag_of_number
        case inspect.IntType():
            return _number_of_text
        case inspect.LiteralType(values=(0, 1)):
            return _number_of_flag
        case inspect.VarTupleType() | inspect.ListType():
            return _preparation_of_items(node.item_type)
        case inspect.StructType() | inspect.TypedDictType() | inspect.DataclassType():
            is_open = issubclass(node.cls, OpenObject)
            return (_OpenPreparation if is_open else _Preparation)(node.cls, node.fields)
        case _:
            return None


def _flag_of_number(value: object) -> object:
    return value == 1 if type(value) is int and value in (0, 1) else value


def _number_of_flag(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def _number_of_text(value: object) -> object:
    return int(value) if isinstance(value, str) and _NUMBER_AS_TEXT.fullmatch(value) else value


def _preparation_of_items(node: inspect.Type) -> Prepare | None:
    prepare = _preparation_of(node)
    if prepare is None:
        return None
    return lambda value: (
        [prepare(item) for item in value] if isinstance(value, list | tuple) else value
    )


class _Preparation:
    """Prepares a closed object: `null` members are dropped, the others prepared by their fields."""

    __slots__ = ("_older_spelling", "_prepares")

    def __init__(self, cls: type, fields: tuple[inspect.Field, ...]) -> None:
        prepares = ((field.encode_name, _preparation_of(field.type)) for field in fields)
        self._prepares = tuple((name, prepare) for name, prepare in prepares if prepare)
        self._older_spelling = _older_spelling_of(cls)

    def __call__(self, value: object) -> object:
        if self._older_spelling:
            value = self._older_spelling(value)
        if not isinstance(value, dict):
            return value
        ready = {name: member for name, member in value.items() if member is not None}
        for name, prepare in self._prepares:
            if name in ready:
                ready[name] = prepare(ready[name])
        return ready


class _OpenPreparation:
    """Prepares an open object: what it does not declare, or a lenient one cannot hold, is extra."""

    __slots__ = ("_fits", "_older_spelling", "_prepares")

    def __init__(self, cls: type[OpenObject], fields: tuple[inspect.Field, ...]) -> None:
        declared = [field for field in fields if field.encode_name != EXTRA]
        self._prepares = {field.encode_name: _preparation_of(field.type) for field in declared}
        self._fits = (
            {field.encode_name: _kinds(field.type) for field in declared} if cls.lenient else {}
        )
        self._older_spelling = _older_spelling_of(cls)

    def __call__(self, value: object) -> object:
        if self._older_spelling:
            value = self._older_spelling(value)
        if not isinstance(value, dict):
            return value
        ready: dict[str, object] = {}
        extra: dict[str, object] = {}
        for name, member in value.items():
            if name not in self._prepares:
                extra[name] = member
            elif member is not None:
                self._put(name, member, ready, extra)
        if extra:
            ready[EXTRA] = extra
        return ready

    def _put(
        self, name: str, member: object, ready: dict[str, object], extra: dict[str, object]
    ) -> None:
        if kinds := self._fits.get(name):
            if kinds == {bool}:
                member = int(bool(member))
            elif kinds == {str} and isinstance(member, int | float):
                member = str(member)
            elif type(member) not in kinds:
                extra[name] = member
                return
        prepare = self._prepares[name]
        ready[name] = prepare(member) if prepare else member


def _older_spelling_of(cls: type) -> Prepare | None:
    is_own = issubclass(cls, TypedObject)
    prepared = cast("type[TypedObject]", cls).prepared if is_own else None
    if prepared is None or prepared.__func__ is TypedObject.prepared.__func__:  # type: ignore[attr-defined]  # bound class methods have it
        return None
    return prepared


def _kinds(node: inspect.Type) -> set[type]:
    """Return the JSON types that a declaration takes, limits aside."""
    match node:
        case inspect.UnionType():
            return set().union(*(_kinds(choice) for choice in node.types))
        case inspect.StrType():
            return {str}
        case inspect.IntType():
            return {int}
        case inspect.LiteralType(values=(0, 1)):
            return {bool}
        case inspect.VarTupleType():
            return {list}
        case inspect.StructType():
            return {dict}
        case _:
            return set()


# ---- typed value -> JSON object ------------------------------------------------------------------


@cache
def _is_flat(cls: Hashable) -> bool:
    """Tell whether msgspec alone writes it as the wire wants it, `extra` aside: nothing nested, no `bool`."""
    if not (isinstance(cls, type) and issubclass(cls, OpenObject) and cls.lenient):
        return False
    node = inspect.type_info(cls)
    assert isinstance(node, inspect.StructType)
    types = [bare(field.type) for field in node.fields if field.encode_name != EXTRA]
    return not any(isinstance(node, inspect.StructType | inspect.BoolType) for node in types)


@cache
def _spellings(cls: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))


def to_json(value: msgspec.Struct) -> dict[str, Any]:
    """Return the JSON object of a typed value: absent members are left out, flags are 0 or 1."""
    if _is_flat(type(value)):
        flat: dict[str, Any] = msgspec.to_builtins(value)
        extra: dict[str, Any] = flat.pop(EXTRA, {})
        return flat | extra
    members: dict[str, object] = {}
    for name, spelt in _spellings(type(value)):
        member = getattr(value, name)
        if member is None:
            continue
        kind = type(member)
        if kind is str or kind is int:
            members[spelt] = member
        elif kind is bool:
            members[spelt] = int(member)
        elif spelt == EXTRA:
            members |= member
        else:
            members[spelt] = _plain(member)
    return members


def _plain(member: Any) -> Any:
    if isinstance(member, msgspec.Struct):
        return to_json(member)
    if isinstance(member, tuple):
        return tuple(to_json_list(member))
    return member


def to_json_list(values: Sequence[Any]) -> list[Any]:
    """Return the JSON values of a list; typed objects in it are all of one class."""
    if values and _is_flat(cast(Any, type(values[0]))):
        flat: list[dict[str, Any]] = msgspec.to_builtins(values)
        return [row | row.pop(EXTRA) if EXTRA in row else row for row in flat]
    return [_plain(value) for value in values]


def encode(value: msgspec.Struct) -> bytes:
    """Return a struct as JSON text, without the members that have their default.

    Members that an open object does not declare stand beside the declared ones again.
    """
    encoded = msgspec.json.encode(value)
    if _ENCODED_EXTRA not in encoded:
        return encoded
    return msgspec.json.encode(_with_extra(msgspec.json.decode(encoded)))


def _with_extra(value: object) -> object:
    if isinstance(value, list):
        return [_with_extra(item) for item in value]
    if not isinstance(value, dict):
        return value
    extra: dict[str, object] = value.pop(EXTRA, {})
    return {name: _with_extra(member) for name, member in value.items()} | extra

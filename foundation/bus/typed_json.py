"""JSON objects are converted to typed objects by msgspec, and typed objects to JSON objects.

msgspec checks types, limits and missing fields in C. The protocol has three rules of its own:
`null` means absent, flags are 0 or 1, and whole numbers may come as strings of digits. So JSON
values are normalized before msgspec reads them, that is, changed to the form that msgspec expects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple, TypeVar, cast, dataclass_transform

import msgspec
from msgspec import Meta, field, inspect

from foundation.bus.typed_json_words import CLEAN, EXTRA, to_invalid_value, without_none
from foundation.plain_text import NAME

_NUMBER_AS_TEXT = re.compile(r"-?[0-9]{1,16}")
_ENCODED_EXTRA = f'"{EXTRA}":'.encode()
Normalize = Callable[[object], object]
"""A function that returns a received JSON value in the form that msgspec can read."""
T = TypeVar("T")


# ---- limits, for use in Annotated ----------------------------------------------------------------


def text(maximum: int = 1024, minimum: int = 0) -> Meta:
    """Return the constraint of a string field: `minimum` to `maximum` characters, without control characters."""
    words = (
        f"string of {minimum} to {maximum} characters"
        if minimum
        else f"string of at most {maximum} characters"
    )
    return Meta(min_length=minimum, max_length=maximum, pattern=CLEAN, description=words)


def line(maximum: int) -> Meta:
    """Return the constraint of a field that is a name: one line of 1 to `maximum` characters, not all invisible."""
    words = f"string of 1 to {maximum} characters"
    return Meta(min_length=1, max_length=maximum, pattern=NAME, description=words)


def letters(allowed: str, maximum: int, minimum: int = 0) -> Meta:
    """Return the constraint of a string field: `minimum` to `maximum` characters of a regex class such as `0-9`."""
    count = f"{minimum} to {maximum}" if minimum else f"at most {maximum}"
    kind = "digits" if allowed == "0-9" else f"characters of {allowed}"
    pattern = rf"\A[{allowed}]{{{minimum},{maximum}}}\Z"
    return Meta(pattern=pattern, description=f"string of {count} {kind}")


def digits(maximum: int = 16) -> Meta:
    """Return the constraint of a string field: 1 to `maximum` decimal digits, for instance an E.164 number."""
    return letters("0-9", maximum, 1)


def whole(minimum: int = -(2**31), maximum: int = 2**53) -> Meta:
    """Return the constraint of an integer field. A string of digits is accepted too, since older clients send one."""
    return Meta(ge=minimum, le=maximum, description=f"whole number from {minimum} to {maximum}")


def items(maximum: int = 500) -> Meta:
    """Return the constraint of a list field: at most `maximum` items."""
    return Meta(max_length=maximum)


# ---- typed objects -------------------------------------------------------------------------------


class _TypedObjectMeta(msgspec.StructMeta):
    """The metaclass of typed objects makes them frozen, with fields that are given by name."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, object], **config: Any
    ) -> _TypedObjectMeta:
        """Create and return a class that is `frozen` and `kw_only`, unless its definition says otherwise."""
        config = {"frozen": True, "kw_only": True, **config}
        return super().__new__(mcs, name, bases, namespace, **config)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class TypedObject(msgspec.Struct, metaclass=_TypedObjectMeta, frozen=True, kw_only=True):
    """A typed object is a JSON object with declared fields. Unknown members are dropped when it is read."""

    @classmethod
    def from_older_form(cls, value: object) -> object:
        """Return a JSON value that an older client may have sent, in the form that this class declares."""
        return value


class OpenObject(TypedObject, omit_defaults=True, forbid_unknown_fields=True):
    """An open object is a JSON object that is forwarded. Members that it does not declare are stored in `extra`.

    A `lenient` class refuses no object: numbers are read as text where text is declared, any value as a flag where a
    flag is declared, and members of any other wrong type are stored in `extra` unchanged.
    """

    lenient: ClassVar[bool] = False
    extra: dict[str, object] = field(name=EXTRA, default_factory=dict)


# ---- JSON value -> typed value -------------------------------------------------------------------


def read_as(kind: type[T], value: object) -> T:
    """Return a received JSON value (flags may come as numbers) as an object of the type `kind`. Raises InvalidValue."""
    normalizer = _normalizer_of_class(cast(Hashable, kind))
    if normalizer.is_rarely_needed:
        return read_own(kind, value)
    return _convert(kind, value, normalizer.normalize)


def read_own(kind: type[T], value: object) -> T:
    """Return a JSON value that we have written ourselves as an object of the type `kind`. Raises InvalidValue.

    It is normalized (brought into the declared form) only if msgspec refuses it unchanged, which is fast.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return _convert(kind, value, _normalizer_of_class(cast(Hashable, kind)).normalize)


def _convert(kind: type[T], value: object, normalize: Normalize | None) -> T:
    """Return a JSON value, normalized first, as an object of the declared type. Raises InvalidValue."""
    try:
        return msgspec.convert(normalize(value) if normalize else value, kind)
    except msgspec.ValidationError as error:
        raise to_invalid_value(inspect.type_info(kind), str(error)) from None


class _TypeNormalizer(NamedTuple):
    """Represent the function that normalizes values of a type (`None`: they need none), and how often it is needed."""

    normalize: Normalize | None
    is_rarely_needed: bool


@cache
def _normalizer_of_class(kind: Hashable) -> _TypeNormalizer:
    """Return the function that brings received JSON values of a type into the form that msgspec reads (cached)."""
    node = inspect.type_info(kind)
    return _TypeNormalizer(_normalizer_of(node), _is_rarely_normalized(node))


def _is_rarely_normalized(node: inspect.Type) -> bool:
    """Return whether received values of this type nearly always come in the form that msgspec reads.

    Types with flags, which come as numbers, do not, nor do classes with an older form, which may
    look alike.
    """
    match node := without_none(node):
        case inspect.BoolType():
            return False
        case inspect.UnionType():
            return all(map(_is_rarely_normalized, node.types))
        case inspect.VarTupleType() | inspect.ListType():
            return _is_rarely_normalized(node.item_type)
        case inspect.StructType() | inspect.TypedDictType():
            fields_are = all(_is_rarely_normalized(member.type) for member in node.fields)
            return fields_are and _converter_from_older_form(node.cls) is None
        case _:
            return True


def _normalizer_of(node: inspect.Type) -> Normalize | None:
    """Return the function that normalizes values of a declared type; `None` means that they need none."""
    node = without_none(node)
    match node:
        case inspect.UnionType():
            if any(isinstance(without_none(choice), inspect.StrType) for choice in node.types):
                return None  # A string is allowed as it is: it must not be read as a number.
            normalizers = (_normalizer_of(choice) for choice in node.types)
            return next((normalize for normalize in normalizers if normalize), None)
        case inspect.BoolType():
            return _flag_of_number
        case inspect.IntType():
            return _number_of_text
        case inspect.LiteralType(values=(0, 1)):
            return _number_of_flag
        case inspect.VarTupleType() | inspect.ListType():
            return _normalizer_of_items(node.item_type)
        case inspect.StructType() | inspect.TypedDictType() | inspect.DataclassType():
            is_open = issubclass(node.cls, OpenObject)
            return (_OpenObjectNormalizer if is_open else _ObjectNormalizer)(node.cls, node.fields)
        case _:
            return None


def _flag_of_number(value: object) -> object:
    """Return 0 and 1 as False and True, and all other values as they are."""
    return value == 1 if type(value) is int and value in (0, 1) else value


def _number_of_flag(value: object) -> object:
    """Return False and True as 0 and 1, and all other values as they are."""
    return int(value) if isinstance(value, bool) else value


def _number_of_text(value: object) -> object:
    """Return a text of digits as a number, and all other values as they are."""
    return int(value) if isinstance(value, str) and _NUMBER_AS_TEXT.fullmatch(value) else value


def _normalizer_of_items(node: inspect.Type) -> Normalize | None:
    """Return the function that normalizes a list whose items have this type; `None`: they need none."""
    normalize = _normalizer_of(node)
    if normalize is None:
        return None
    return lambda value: (
        [normalize(element) for element in value] if isinstance(value, list | tuple) else value
    )


class _ObjectNormalizer:
    """The function that normalizes JSON objects of a class: their fields, and it drops `null` members."""

    __slots__ = ("_from_older_form", "_normalizers")

    def __init__(self, cls: type, fields: tuple[inspect.Field, ...]) -> None:
        """Find the fields of a class whose JSON values must be changed before msgspec reads them."""
        normalizers = ((member.encode_name, _normalizer_of(member.type)) for member in fields)
        self._normalizers = tuple((name, normalize) for name, normalize in normalizers if normalize)
        """(name of a field in JSON, function that normalizes its values), for fields that need one."""
        self._from_older_form = _converter_from_older_form(cls)

    def __call__(self, value: object) -> object:
        """Return a received JSON object in the form that msgspec reads, without `null`; other values unchanged."""
        if self._from_older_form:
            value = self._from_older_form(value)
        if not isinstance(value, dict):
            return value
        normalized = {name: member for name, member in value.items() if member is not None}
        for name, normalize in self._normalizers:
            if name in normalized:
                normalized[name] = normalize(normalized[name])
        return normalized


class _OpenObjectNormalizer:
    """The function that normalizes JSON objects of an open class.

    Members that the class does not declare, and those of a wrong type if it is lenient, move to the
    member EXTRA.
    """

    __slots__ = ("_from_older_form", "_json_types", "_normalizers")

    def __init__(self, cls: type[OpenObject], fields: tuple[inspect.Field, ...]) -> None:
        """Find how the JSON value of each declared field of a class is changed before msgspec reads it."""
        declared = [member for member in fields if member.encode_name != EXTRA]
        self._normalizers = {member.encode_name: _normalizer_of(member.type) for member in declared}
        json_types = {member.encode_name: _json_types_of(member.type) for member in declared}
        self._json_types = json_types if cls.lenient else {}
        """Name of a field -> the JSON types that it can hold; empty if the class is not lenient."""
        self._from_older_form = _converter_from_older_form(cls)

    def __call__(self, value: object) -> object:
        """Return a received JSON object in the form that msgspec reads; undeclared members move to EXTRA."""
        if self._from_older_form:
            value = self._from_older_form(value)
        if not isinstance(value, dict):
            return value
        normalized: dict[str, object] = {}
        extra: dict[str, object] = {}
        for name, member in value.items():
            if name not in self._normalizers:
                extra[name] = member
            elif member is not None:
                self._normalize_member(name, member, normalized, extra)
        if extra:
            normalized[EXTRA] = extra
        return normalized

    def _normalize_member(
        self, name: str, member: object, normalized: dict[str, object], extra: dict[str, object]
    ) -> None:
        """Put a declared member into `normalized`; a lenient class keeps one of a wrong type in `extra`."""
        if json_types := self._json_types.get(name):
            # Other makers' software sends flags as 0 or 1, and texts that are digits as numbers.
            if json_types == {bool}:
                member = int(bool(member))
            elif json_types == {str} and isinstance(member, int | float):
                member = str(member)
            elif type(member) not in json_types:
                extra[name] = member
                return
        normalize = self._normalizers[name]
        normalized[name] = normalize(member) if normalize else member


def _converter_from_older_form(cls: type) -> Normalize | None:
    """Return the method by which a class reads values in an older form; `None` if it does not override it."""
    is_own = issubclass(cls, TypedObject)
    convert = cast("type[TypedObject]", cls).from_older_form if is_own else None
    if convert is None or convert.__func__ is TypedObject.from_older_form.__func__:  # type: ignore[attr-defined]  # bound class methods have it
        return None
    return convert


def _json_types_of(node: inspect.Type) -> set[type]:
    """Return the Python types of the JSON values that a declared type accepts, whatever its limits."""
    match node:
        case inspect.UnionType():
            return set().union(*(_json_types_of(choice) for choice in node.types))
        case inspect.StrType():
            return {str}
        case inspect.IntType():
            return {int}
        case inspect.LiteralType(values=(0, 1)):
            # A flag: 0 or 1.
            return {bool}
        case inspect.VarTupleType():
            return {list}
        case inspect.StructType():
            return {dict}
        case _:
            return set()


# ---- typed object -> JSON object -----------------------------------------------------------------


@cache
def _is_flat(cls: Hashable) -> bool:
    """Return whether msgspec alone can write objects of a class as JSON, except for their member `extra`.

    That is so for lenient open objects without nested objects and without `bool` flags, sent as 0 and 1.
    """
    if not (isinstance(cls, type) and issubclass(cls, OpenObject) and cls.lenient):
        return False
    node = inspect.type_info(cls)
    assert isinstance(node, inspect.StructType)
    types = [without_none(member.type) for member in node.fields if member.encode_name != EXTRA]
    return not any(isinstance(kind, inspect.StructType | inspect.BoolType) for kind in types)


@cache
def _json_names(cls: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """Return the fields of a class: (name of the attribute, name in JSON)."""
    return tuple(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))


def to_json(value: msgspec.Struct) -> dict[str, Any]:
    """Return the JSON object of a typed object: fields that are `None` are left out, flags are 0 or 1."""
    if _is_flat(type(value)):
        flat: dict[str, Any] = msgspec.to_builtins(value)
        extra: dict[str, Any] = flat.pop(EXTRA, {})
        return flat | extra
    members: dict[str, object] = {}
    for name, json_name in _json_names(type(value)):
        member = getattr(value, name)
        if member is None:
            continue
        kind = type(member)
        if kind is str or kind is int:
            members[json_name] = member
        elif kind is bool:
            members[json_name] = int(member)
        elif json_name == EXTRA:
            members |= member
        else:
            members[json_name] = _json_member(member)
    return members


def _json_member(member: Any) -> Any:
    """Return a member of a typed object as JSON: nested objects and lists are converted, others left as they are."""
    if isinstance(member, msgspec.Struct):
        return to_json(member)
    if isinstance(member, tuple):
        return tuple(to_json_list(member))
    return member


def to_json_list(values: Sequence[Any]) -> list[Any]:
    """Return a list of typed objects, all of one class, or of other values, as JSON values."""
    if values and _is_flat(cast(Any, type(values[0]))):
        flat: list[dict[str, Any]] = msgspec.to_builtins(values)
        return [item | item.pop(EXTRA) if EXTRA in item else item for item in flat]
    return [_json_member(value) for value in values]


def encode(value: msgspec.Struct) -> bytes:
    """Return a struct as JSON text, without default values; the members in `extra` become the object's own members."""
    encoded = msgspec.json.encode(value)
    if _ENCODED_EXTRA in encoded:
        return msgspec.json.encode(_with_extra(msgspec.json.decode(encoded)))
    return encoded


def _with_extra(value: object) -> object:
    """Return a JSON value in which the members inside each object's member EXTRA are moved into that object."""
    if isinstance(value, dict):
        extra: dict[str, object] = value.pop(EXTRA, {})
        return {name: _with_extra(member) for name, member in value.items()} | extra
    return [_with_extra(item) for item in value] if isinstance(value, list) else value

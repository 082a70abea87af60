"""The module describes declared types of JSON values in words: for errors, and for docs/messages.md."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from msgspec import inspect

from foundation.plain_text import NAME, NAME_RULE

CLEAN = r"\A[^\x00-\x1f\ud800-\udfff]*\Z"
"""Text without control characters and without halves of surrogate pairs, which UTF-8 cannot write."""
EXTRA = "*"
"""The member of a JSON object in which `typed_json` collects the members that an open class does not declare."""


class InvalidValue(ValueError):
    """A JSON value does not fit its declaration.

    `path` has the names and list positions that lead from the outermost value to the wrong one, `words` say what is
    wrong.
    """

    def __init__(self, path: tuple[str | int, ...], words: str) -> None:
        """Say where in the JSON value the fault is (`path`), and what is wrong in `words`."""
        self.path, self.words = path, words
        super().__init__(" ".join([*self.path_in_words(path), words]))

    @staticmethod
    def path_in_words(path: tuple[str | int, ...]) -> list[str]:
        """Return a path into a JSON value in words: list positions as `item 1`, member names as they are."""
        return [f"item {step}" if isinstance(step, int) else step for step in path]


# ---- errors in words -----------------------------------------------------------------------------

_STEP = re.compile(r"\.([^.\[]+)|\[([0-9]+)\]")
_MISSING = re.compile(r"Object missing required field `(.+)`")


def to_invalid_value(node: inspect.Type, error_text: str) -> InvalidValue:
    """Return a msgspec error as an InvalidValue, which says where the wrong value is and what it must be.

    `node` is the declared type of the whole value, `error_text` the text of msgspec's error.
    """
    problem, _, location = error_text.partition(" - at `$")
    steps = _STEP.finditer(location.removesuffix("`"))
    path: list[str | int] = [int(step[2]) if step[2] else step[1] for step in steps]
    if missing := _MISSING.fullmatch(problem):
        return InvalidValue((*path, missing[1]), "is missing")
    for step in path:
        node = _type_of_member(node, step)
    if "matching regex" in problem and _pattern(node) == CLEAN:
        return InvalidValue(tuple(path), "must not contain control characters")
    if "matching regex" in problem and _pattern(node) == NAME:
        return InvalidValue(tuple(path), NAME_RULE)
    words = describe(node)
    # "a string ...", "a whole number", "a list", "an object"; other words, such as "0 or 1", have no article.
    article = {"s": "a ", "w": "a ", "l": "a ", "o": "an "}.get(words[0], "")
    return InvalidValue(tuple(path), f"must be {article}{words}")


def without_none(node: inspect.Type) -> inspect.Type:
    """Return a declared type without its description, and without the alternative `None` if it has that."""
    if isinstance(node, inspect.UnionType):
        choices = [choice for choice in node.types if not isinstance(choice, inspect.NoneType)]
        return without_none(choices[0]) if len(choices) == 1 else node
    return node.type if isinstance(node, inspect.Metadata) else node


def _type_of_member(node: inspect.Type, step: str | int) -> inspect.Type:
    """Return the declared type of a list's items, or of an object's member with the name `step`."""
    match without_none(node):
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return item
        case inspect.StructType(fields=fields) | inspect.TypedDictType(fields=fields):
            types = {member.encode_name: member.type for member in fields}
            return types.get(str(step), inspect.AnyType())
        case _:
            return inspect.AnyType()


def _pattern(node: inspect.Type) -> str | None:
    """Return the regular expression that a declared string must match; `None` if there is none."""
    string = without_none(node)
    return string.pattern if isinstance(string, inspect.StrType) else None


def describe(node: inspect.Type) -> str:
    """Return in words, for an error message, which JSON value a declared type requires."""
    match node:
        case inspect.Metadata(extra_json_schema={"description": str() as words}):
            return words
        case inspect.Metadata():
            return describe(node.type)
        case inspect.UnionType():
            choices = [choice for choice in node.types if not isinstance(choice, inspect.NoneType)]
            return " or ".join(describe(choice) for choice in choices)
        case inspect.LiteralType():
            return " or ".join(dict.fromkeys(str(value) for value in node.values))
        case inspect.VarTupleType() | inspect.ListType():
            return f"list of at most {node.max_length} items" if node.max_length else "list"
        case inspect.BoolType():
            return "0 or 1"
        case inspect.StrType():
            return "string"
        case inspect.IntType():
            return "whole number"
        case inspect.StructType() | inspect.TypedDictType() | inspect.DictType():
            return "object"
        case _:
            return "any"


# ---- declared fields, for docs/messages.md -------------------------------------------------------


class DeclaredField(NamedTuple):
    """Represent a declared field of a message type, as docs/messages.md lists it.

    `path` is its name, or, in a nested object, the names that lead to it (`mts[].account`).
    """

    path: str
    words: str
    required: bool
    default: object


def declared_fields(kind: Any, prefix: str = "") -> list[DeclaredField]:
    """Return the fields of a class of typed objects, each followed by the fields of a nested object."""
    return _fields_of_type(inspect.type_info(kind), prefix)


def _fields_of_type(node: inspect.Type, prefix: str) -> list[DeclaredField]:
    """Return the fields of a declared type, required ones first; their paths begin with `prefix`.

    [] for a type without fields.
    """
    node = without_none(node)
    if isinstance(node, inspect.VarTupleType | inspect.ListType):
        return _fields_of_type(node.item_type, prefix.removesuffix(".") + "[].")
    if not isinstance(node, inspect.StructType | inspect.TypedDictType):
        return []
    rows = []
    for field in sorted(node.fields, key=lambda field: not field.required):
        if field.encode_name == EXTRA:
            continue
        path = prefix + field.encode_name
        rows.append(DeclaredField(path, describe(field.type), field.required, field.default))
        rows += _fields_of_type(field.type, path + ".")
    return rows

"""Short words for the shapes of arguments and answers, from which the OpenAPI description is made."""

from __future__ import annotations

from typing import Any, cast

from rest_framework import serializers

from foundation.web.serializers import Accepted

Shape = serializers.Serializer[object]
AnyField = serializers.Field[Any, Any, Any, Any]


def shape(name: str, words: str, /, *bases: type[Shape], **fields: AnyField) -> type[Shape]:
    """Return the shape `name` with the fields of its bases and these; `words` describe it."""
    return cast("type[Shape]", type(name, bases or (Shape,), {"__doc__": words, **fields}))


def answer(name: str, words: str, /, *bases: type[Shape], **fields: AnyField) -> type[Shape]:
    """Return the shape of an answer to a call that succeeded."""
    return shape(name, words, *bases, Accepted, **fields)


def many(kind: type[Shape], words: str = "") -> AnyField:
    """Return a field that is a list of objects; `words` describe it in the documentation of the API."""
    return kind(many=True, help_text=words)


def many_or_none(kind: type[Shape], words: str = "") -> AnyField:
    """Return an optional field that is a list of objects; `words` describe it in the documentation of the API."""
    return kind(many=True, help_text=words, required=False)


def flag(words: str = "", *, required: bool = True) -> AnyField:
    """Return a field that is 0 or 1; `words` describe it in the documentation of the API."""
    return serializers.ChoiceField([0, 1], help_text=words, required=required)


def number(
    lowest: int = 0, highest: int | None = None, words: str = "", *, required: bool = True
) -> AnyField:
    """Return a field that is a whole number; programs may send it as a string of digits."""
    return serializers.IntegerField(
        min_value=lowest, max_value=highest, help_text=words, required=required
    )


def string(words: str = "", *, required: bool = True) -> AnyField:
    """Return a field that is a text."""
    return serializers.CharField(allow_blank=True, help_text=words, required=required)


def name(longest: int, words: str = "", *, required: bool = True) -> AnyField:
    """Return a field that is a text of 1 to `longest` characters."""
    return serializers.CharField(max_length=longest, help_text=words, required=required)


def text(longest: int, words: str = "", *, required: bool = True) -> AnyField:
    """Return a field that is a text of at most `longest` characters, which may be empty."""
    return serializers.CharField(
        max_length=longest, allow_blank=True, help_text=words, required=required
    )

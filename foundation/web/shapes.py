"""Short words for the shapes of arguments and answers, from which the OpenAPI description is made."""

from __future__ import annotations

from typing import Any, cast

from rest_framework import serializers

from foundation.web.serializers import Accepted

Shape = serializers.Serializer[object]
AnyField = serializers.Field[Any, Any, Any, Any]


def shape(name: str, words: str, /, *bases: type[Shape], **fields: AnyField) -> type[Shape]:
    """Return a new serializer class, by which the API's description lists the fields of an object.

    `name` is its name there and `words` its description; it has the fields of `bases` and these.
    """
    return cast("type[Shape]", type(name, bases or (Shape,), {"__doc__": words, **fields}))


def answer(name: str, words: str, /, *bases: type[Shape], **fields: AnyField) -> type[Shape]:
    """Return a new serializer class for the answer to a call that succeeded: the given fields, and `success`.

    In the API's description it has this name, and `words` describe it.
    """
    return shape(name, words, *bases, Accepted, **fields)


def many(kind: type[Shape], words: str = "") -> AnyField:
    """Return a field that is a list of objects of a shape (`kind`); `words` describe it in the API's documentation."""
    return kind(many=True, help_text=words)


def many_or_none(kind: type[Shape], words: str = "") -> AnyField:
    """Return an optional field that is a list of objects of a shape (`kind`); `words` describe it for readers."""
    return kind(many=True, help_text=words, required=False)


def flag(words: str = "", *, required: bool = True) -> AnyField:
    """Return a field that is 0 or 1; `words` describe it in the documentation of the API."""
    return serializers.ChoiceField([0, 1], help_text=words, required=required)


def number(
    lowest: int = 0, highest: int | None = None, words: str = "", *, required: bool = True
) -> AnyField:
    """Return a field that is a whole number from `lowest` to `highest`; `words` describe it in the documentation."""
    return serializers.IntegerField(
        min_value=lowest, max_value=highest, help_text=words, required=required
    )


def string(words: str = "", *, required: bool = True) -> AnyField:
    """Return a field that is a text of any length; `words` describe it in the documentation of the API."""
    return serializers.CharField(allow_blank=True, help_text=words, required=required)


def name(longest: int, words: str = "", *, required: bool = True) -> AnyField:
    """Return a field that is a text of 1 to `longest` characters; `words` describe it in the API's documentation."""
    return serializers.CharField(max_length=longest, help_text=words, required=required)


def text(longest: int, words: str = "", *, required: bool = True) -> AnyField:
    """Return a field that is a text of at most `longest` characters, perhaps empty; `words` describe it for readers."""
    return serializers.CharField(
        max_length=longest, allow_blank=True, help_text=words, required=required
    )

"""The functions here check arguments of new client applications against the description of the call, before it is made.

New client applications are those written for the API's description, not for the 5.x API. Client applications of the
5.x generation send numbers as texts and leave out what they should send, so theirs are read leniently (`arguments`).
A new client application gets an error that names the wrong argument.
"""

from __future__ import annotations

from collections.abc import Mapping

from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from foundation.web.errors import Unreadable, is_new_program
from foundation.web.shapes import AnyField, Shape


def refuse_undescribed(view: object, request: Request) -> None:
    """Raise Unreadable if a new client application sends a JSON body that breaks the call's OpenAPI description.

    A new client application has a Bearer token or accepts problem details. `view` is the view of the call.
    """
    if request.method in SAFE_METHODS or not is_new_program(request._request):
        return
    if request.content_type and "json" not in request.content_type:
        return  # A form has texts alone.
    shape = described_request(view, str(request.method))
    params: object = request._request.api_params  # type: ignore[attr-defined]  # set by WildRequests
    if shape is not None and (fault := fault_of_object(shape, params)):
        raise Unreadable(fault)


def described_request(view: object, method: str) -> Shape | None:
    """Return the serializer that describes the arguments of a view's HTTP method (by `extend_schema`), or `None`."""
    handler = getattr(view, method.lower(), None)
    description = getattr(handler, "kwargs", {}).get("schema")
    if description is None:
        return None
    described = description()
    described.view, described.method = view, method.upper()
    shape = described.get_request_serializer()
    if isinstance(shape, type) and issubclass(shape, serializers.Serializer):
        shape = shape()
    return shape if isinstance(shape, serializers.Serializer) else None


def fault_of_object(shape: Shape, value: object, name: str = "") -> str:
    """Return what is wrong with a JSON object that `shape` describes, as "member: sentence"; "" if nothing is.

    `name` is the object's own name in the arguments, "" for the arguments as a whole.
    """
    prefix = f"{name}." if name else ""
    if not isinstance(value, Mapping):
        return f"{name or 'the arguments'}: must be an object"
    for member, field in shape.fields.items():
        if member not in value:
            if field.required:
                return f"{prefix}{member}: is missing"
        elif fault := fault_of(field, value[member], prefix + member):
            return fault
    return ""


def fault_of(field: AnyField, value: object, name: str) -> str:
    """Return what is wrong with the value of a described field, as "name: sentence"; "" if nothing is."""
    if value is None:
        return "" if field.allow_null else f"{name}: must not be null"
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        assert field.child is not None
        return _fault_of_list(field.child, value, name)
    if isinstance(field, serializers.Serializer):
        return fault_of_object(field, value, name)
    sentence = _fault_of_scalar(field, value)
    return f"{name}: {sentence}" if sentence else ""


def _fault_of_list(entry: AnyField, value: object, name: str) -> str:
    """Return the first fault of a list whose entries are described by `entry`; "" if there is none."""
    if not isinstance(value, list):
        return f"{name}: must be a list"
    faults = (fault_of(entry, item, f"{name}[{place}]") for place, item in enumerate(value))
    return next(filter(None, faults), "")


def _fault_of_scalar(field: AnyField, value: object) -> str:
    """Return what is wrong with a simple value (no list, no object) of a field, as a sentence; "" if nothing is."""
    if isinstance(field, serializers.BooleanField):
        return "" if isinstance(value, bool) else "must be true or false"
    if isinstance(field, serializers.ChoiceField):
        is_one = any(type(value) is type(choice) and value == choice for choice in field.choices)
        choices = ", ".join(map(str, field.choices))
        return "" if is_one else f"must be one of {choices}"
    if isinstance(field, serializers.IntegerField):
        return _fault_of_number(field, value)
    if isinstance(field, serializers.CharField):
        return _fault_of_text(field, value)
    return ""


def _fault_of_number(field: serializers.IntegerField, value: object) -> str:
    """Return what is wrong with the value of an integer field, in words; "" if nothing is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON knows no whole numbers: 1.0 is one.
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be a whole number"
    if field.min_value is not None and value < field.min_value:
        return f"must be {field.min_value} or more"
    if field.max_value is not None and value > field.max_value:
        return f"must be {field.max_value} or less"
    return ""


def _fault_of_text(field: serializers.CharField, value: object) -> str:
    """Return what is wrong with the value of a text field, in words; "" if nothing is."""
    if not isinstance(value, str):
        return "must be a text"
    if not value:
        return "" if field.allow_blank else "must not be empty"
    if field.max_length is not None and len(value) > field.max_length:
        return f"at most {field.max_length} characters are taken"
    if field.min_length is not None and len(value) < field.min_length:
        return f"at least {field.min_length} characters are needed"
    patterns = [check for check in field.validators if hasattr(check, "regex")]
    if any(not check.regex.search(value) for check in patterns):
        return "is not of the form that the description names"
    return ""

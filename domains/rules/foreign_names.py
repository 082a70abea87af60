"""Names that come from the core, or from a third party's console (BMC), are cleaned, not refused.

A refused message would leave a hole that is asked for again and again, and a tenant without a domain. What is left out
shows nothing or turns the line. A name of which nothing is left is replaced by the id (MOID) of what it names.
"""

from __future__ import annotations

from collections.abc import Mapping

from foundation.plain_text import cleaned

_WHOLE = ("name", "account")
"""These names are never empty."""
_MAY_BE_EMPTY = ("firstname", "lastname", "position")
_ID_FIELDS = {"rooms": "roommoid", "apikeys": "key", "departments": "departmentmoid"}
"""Lists of objects with names -> the field of their ids."""


def with_plain_names(subject: Mapping[str, object]) -> dict[str, object]:
    """Return a domain or account that came in a message, with names that contain nothing invisible.

    Removed are control characters and marks that change the writing direction, also in the names of its parts.
    """
    plain = _with_cleaned_names(subject, "moid")
    for field, id_field in _ID_FIELDS.items():
        if isinstance(items := plain.get(field), list):
            plain[field] = [_with_cleaned_names(item, id_field) for item in items]
    return plain


def _with_cleaned_names(item: Mapping[str, object], id_field: str) -> dict[str, object]:
    """Return an object with its names cleaned; an empty name that must not be empty is replaced by the id."""
    required = {field: cleaned(str(item[field])) for field in _WHOLE if field in item}
    replaced = {field: name or str(item.get(id_field, "")) for field, name in required.items()}
    optional = {field: cleaned(str(item[field])) for field in _MAY_BE_EMPTY if field in item}
    return {**item, **replaced, **optional}

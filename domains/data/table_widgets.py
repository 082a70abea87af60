"""The widgets read the cells of imported tables, and write those of exported ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from import_export.widgets import CharWidget, Widget

_AT_ONCE = 1000
_YES = frozenset({"1", "true", "yes", "y", "是"})
_NO = frozenset({"0", "false", "no", "n", "否"})


def batched(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield the distinct values in order, in lists of at most a thousand."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]


class FlagWidget(Widget):  # type: ignore[misc]  # the base class has no types
    """The widget reads 1 or 0, yes or no. Everything else is a mistake."""

    def clean(self, value: Any, row: Any = None, **more: Any) -> bool:
        """Return the flag of a cell. Raises ValidationError."""
        text = str(value).strip().lower()
        if text not in _YES | _NO:
            raise ValidationError(gettext("Write 1 (yes) or 0 (no)."))
        return text in _YES

    def render(self, value: Any, obj: Any = None, **more: Any) -> str:
        """Return "1" or "0"."""
        return str(int(bool(value)))


class WholeNumberWidget(Widget):  # type: ignore[misc]  # the base class has no types
    """The widget reads a whole number, or nothing."""

    def clean(self, value: Any, row: Any = None, **more: Any) -> int | None:
        """Return the number of a cell, or `None` if it is empty. Raises ValidationError."""
        text = str(value).strip()
        if not text:
            return None
        if not text.isdecimal() or len(text) > 10:
            raise ValidationError(gettext("Write a whole number, or nothing."))
        return int(text)

    def render(self, value: Any, obj: Any = None, **more: Any) -> str:
        """Return the digits of the number."""
        return "" if value is None else str(value)


class OptionalTextWidget(CharWidget):  # type: ignore[misc]  # the base class has no types
    """The widget reads a unique text. An empty cell means that there is none."""

    def clean(self, value: Any, row: Any = None, **more: Any) -> str | None:
        """Return the text of a cell, or `None` if it is empty."""
        return str(value).strip() or None


class RelationWidget(Widget):  # type: ignore[misc]  # the base class has no types
    """The widget finds an existing domain or room by MOID, or by a name that only one has."""

    def __init__(self, relation: str) -> None:
        super().__init__()
        self.relation = relation
        self.by_moid: set[str] = set()
        self.by_name: dict[str, list[str]] = {}

    def learn(self, wanted: Iterable[str], offered: QuerySet[Any]) -> None:
        """Read those of the offered rows that a table names, with one statement for a thousand names."""
        for batch in batched(wanted):
            rows = offered.filter(Q(pk__in=batch) | Q(name__in=batch)).values_list("pk", "name")
            for moid, name in rows:
                self.by_moid.add(moid)
                self.by_name.setdefault(name, []).append(moid)

    def clean(self, value: Any, row: Any = None, **more: Any) -> str | None:
        """Return the MOID of the row that a cell names, or `None` if it is empty. Raises ValidationError."""
        text = str(value).strip()
        if not text or text in self.by_moid:
            return text or None
        moids = self.by_name.get(text, [])
        if len(moids) == 1:
            return moids[0]
        if moids:
            text = gettext("%(count)d are called “%(name)s”: write the MOID.")
            raise ValidationError(text % {"count": len(moids), "name": value})
        raise ValidationError(gettext("There is none “%s” that you may choose.") % text)

"""The widgets read the cells of imported tables, and write those of exported ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext
from import_export.widgets import CharWidget, Widget

_BATCH = 1000
_MAX_DIGITS = 10
_YES = frozenset({"1", "true", "yes", "y", "是"})
_NO = frozenset({"0", "false", "no", "n", "否"})


def batched(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield the distinct values, sorted, in lists of at most a thousand."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), _BATCH):
        yield ordered[start : start + _BATCH]


class FlagWidget(Widget):  # type: ignore[misc]  # the base class has no types
    """The widget reads 1 or 0, yes or no. Everything else is an error."""

    def clean(self, value: object, row: object = None, **kwargs: object) -> bool:
        """Return the truth value of an imported cell. Raises ValidationError."""
        text = str(value).strip().lower()
        if text not in _YES | _NO:
            raise ValidationError(gettext("Write 1 (yes) or 0 (no)."))
        return text in _YES

    def render(self, value: object, obj: object = None, **kwargs: object) -> str:
        """Return a flag as an exported cell: "1" or "0"."""
        return str(int(bool(value)))


class WholeNumberWidget(Widget):  # type: ignore[misc]  # the base class has no types
    """The widget reads a whole number, or an empty cell."""

    def clean(self, value: object, row: object = None, **kwargs: object) -> int | None:
        """Return the number in an imported cell, or `None` if it is empty. Raises ValidationError."""
        text = str(value).strip()
        if not text:
            return None
        if not text.isdecimal() or len(text) > _MAX_DIGITS:
            raise ValidationError(gettext("Write a whole number, or nothing."))
        return int(text)

    def render(self, value: object, obj: object = None, **kwargs: object) -> str:
        """Return a number as an exported cell; "" for `None`."""
        return "" if value is None else str(value)


class OptionalTextWidget(CharWidget):  # type: ignore[misc]  # the base class has no types
    """The widget reads a text of a unique column, in which `None` stands for an empty cell."""

    def clean(self, value: object, row: object = None, **kwargs: object) -> str | None:
        """Return the text of an imported cell, or `None` if it is empty."""
        return str(value).strip() or None


class RelationWidget(Widget):  # type: ignore[misc]  # the base class has no types
    """The widget finds an existing domain or machine room by its id (MOID), or by its name if no other has it too.

    `relation` is the name of the foreign key that the cell fills.
    """

    def __init__(self, relation: str) -> None:
        """Begin without known rows. `relation` is the name of the foreign key that the cell fills."""
        super().__init__()
        self.relation = relation
        self._known_moids: set[str] = set()
        """The MOIDs, among the cells of the table, of rows that may be chosen."""
        self._moids_by_name: dict[str, list[str]] = {}
        """Name in a cell -> MOIDs of the rows of this name that may be chosen."""

    def load_targets(self, cells: Iterable[str], choices: QuerySet[Model]) -> None:
        """Read those of the `choices` that the cells of a table name, with one query for a thousand cells."""
        for batch in batched(cells):
            rows = choices.filter(Q(pk__in=batch) | Q(name__in=batch)).values_list("pk", "name")
            for moid, name in rows:
                self._known_moids.add(moid)
                self._moids_by_name.setdefault(name, []).append(moid)

    def clean(self, value: object, row: object = None, **kwargs: object) -> str | None:
        """Return the MOID of the domain or machine room that a cell names, or `None` for an empty cell.

        Raises ValidationError if none, or more than one, is so called. `load_targets` has read them before.
        """
        text = str(value).strip()
        if not text or text in self._known_moids:
            return text or None
        moids = self._moids_by_name.get(text, [])
        if len(moids) == 1:
            return moids[0]
        if moids:
            text = gettext("%(count)d are called “%(name)s”: write the MOID.")
            raise ValidationError(text % {"count": len(moids), "name": value})
        raise ValidationError(gettext("There is none “%s” that you may choose.") % text)

"""What people call themselves is no formula in a table that an administrator opens."""

from __future__ import annotations

import pytest

from foundation.web.table_export import csv_lines, mark_formula, remove_formula_mark


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff201"]
)
def test_a_formula_is_marked_and_comes_back_as_it_was(text: str) -> None:
    assert mark_formula(text) == f"'{text}"
    assert remove_formula_mark(f"'{text}") == text
    line = list(csv_lines(["name"], [[text]]))[1]
    assert line.lstrip('"').startswith("'")


@pytest.mark.parametrize("value", ["Anna", "Müller = Meier", "'tis", 7, None, ""])
def test_other_values_stay_as_they_are(value: object) -> None:
    assert mark_formula(value) == value
    assert not isinstance(value, str) or remove_formula_mark(value) == value

"""Each row of docs/css-design.md names code and a test that exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "css-design.md"
ROWS = 181
"""So many things are asked for by the chapters 1 to 12."""
_CELL = re.compile(r"`([\w./]+\.py)`(?: `(\w+)`)?")


def rows() -> list[list[str]]:
    """Return the cells of each row."""
    lines = [line for line in PAGE.read_text().splitlines() if re.match(r"\| \d+ \|", line)]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the names that a module defines at any depth."""
    defined = r"^[ \t]*(?:async )?(?:def|class) (\w+)|^(\w+)(?:: [^=\n]+)? ="
    found = re.findall(defined, path.read_text(), re.M)
    return frozenset(name for pair in found for name in pair if name)


def test_the_rows_are_numbered_and_counted() -> None:
    table = rows()
    assert [int(row[0]) for row in table] == list(range(1, ROWS + 1))
    assert {len(row) for row in table} == {6}
    differ = sum(bool(row[5].strip(" |")) for row in table)
    assert f"{ROWS} rows: {ROWS - differ} as asked, {differ} differ." in PAGE.read_text()


@pytest.mark.parametrize("column", [3, 4])
def test_code_and_tests_of_each_row_exist(column: int) -> None:
    missing = []
    for row in rows():
        cell = _CELL.fullmatch(row[column])
        path = ROOT / cell[1] if cell else ROOT / "-"
        if cell is None or not path.is_file() or (cell[2] and cell[2] not in names_in(path)):
            missing.append(f"row {row[0]}: {row[column]}")
    assert missing == [], "the code was moved or renamed: name what does it, and what shows it, now"

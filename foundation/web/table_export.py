"""The module exports tables as CSV or XLSX row by row, and marks texts that a spreadsheet would run as formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from tempfile import TemporaryFile
from typing import IO

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A spreadsheet takes a text that begins with one of these for a formula; an East Asian one also the wide forms."""


def mark_formula(value: object) -> object:
    """Return a value with "'" before it if a spreadsheet would take it for a formula, else unchanged."""
    return "'" + value if isinstance(value, str) and value[:1] in FORMULAS else value


def remove_formula_mark(value: str) -> str:
    """Return a text without the mark that `mark_formula` has set."""
    return value[1:] if value[:1] == "'" and value[1:2] in FORMULAS else value


class _Echo:
    """A file whose `write` returns the text, so that the CSV writer returns each line."""

    def write(self, text: str) -> str:
        """Return the text that the CSV writer wants to write, so that its `writerow` returns it."""
        return text


def csv_lines(headings: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file. A byte order mark at its beginning tells spreadsheets that it is UTF-8."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(map(mark_formula, headings))
    for row in rows:
        yield writer.writerow([mark_formula(value) for value in row])


def xlsx_file(headings: Sequence[object], rows: Iterable[Sequence[object]]) -> IO[bytes]:
    """Return a temporary XLSX file, which is written row by row and vanishes when it is closed."""
    from openpyxl import Workbook  # It is large, and few processes ever write a file.

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in chain([headings], rows):
        sheet.append([mark_formula(value) for value in row])
    file = TemporaryFile()  # noqa: SIM115 - closed by the response that sends it
    book.save(file)
    file.seek(0)
    return file

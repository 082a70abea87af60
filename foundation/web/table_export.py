"""Tables are exported as CSV or XLSX line by line, and without formulas for the spreadsheet that opens them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from tempfile import TemporaryFile
from typing import IO

from openpyxl import Workbook

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins with one of these for a formula."""


def harmless(value: object) -> object:
    """Mark a text as text where a spreadsheet would take it for a formula."""
    return "'" + value if isinstance(value, str) and value[:1] in FORMULAS else value


def unmarked(value: str) -> str:
    """Return the text as it was before `harmless`."""
    return value[1:] if value[:1] == "'" and value[1:2] in FORMULAS else value


class _Echo:
    """The file returns what is written to it."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


def csv_lines(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a CSV file line by line; the mark at its beginning tells spreadsheets that it is UTF-8."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(map(harmless, head))
    for row in rows:
        yield writer.writerow([harmless(value) for value in row])


def xlsx_file(head: Sequence[object], rows: Iterable[Sequence[object]]) -> IO[bytes]:
    """Return an XLSX file, written row by row to a file without a name."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in chain([head], rows):
        sheet.append([harmless(value) for value in row])
    file = TemporaryFile()  # noqa: SIM115 - closed by the answer that sends it
    book.save(file)
    file.seek(0)
    return file

"""The module reads tables that people save from a spreadsheet, whatever their encoding and delimiter."""

from __future__ import annotations

import codecs
import csv
import io

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DELIMITERS = ",;\t"


def as_utf8_csv(content: bytes) -> bytes:
    """Return a CSV file in UTF-8, with commas between its columns. Raises UnicodeError.

    Spreadsheets on Windows write "Unicode text" as UTF-16 with tabs, a Chinese one writes CSV in GB 18030, and some
    languages put semicolons where others put commas.
    """
    text = _decoded(content)
    heading = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    if delimiter == ",":
        return text.encode()
    rewritten = io.StringIO(newline="")
    csv.writer(rewritten).writerows(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    return rewritten.getvalue().encode()


def _decoded(content: bytes) -> str:
    """Return a file's text, in UTF-16 if its first bytes say so, else in UTF-8 or GB 18030."""
    if content.startswith(_UTF_16):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


def read_xlsx(content: bytes, most_rows: int, most_columns: int) -> list[list[object]]:
    """Return the headings and the first `most_rows` rows of an XLSX file's first sheet, up to `most_columns` columns.

    The limits protect memory: a file of 1 KiB may say that its last cell is in column 16,384 of row 1,048,576. Blank
    rows at the end, and columns beyond the last heading, are left out.
    Raises ValueError if it is no such file.
    """
    from openpyxl import load_workbook  # It is large, and few processes ever read a file.

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        cells = book.worksheets[0].iter_rows(
            max_row=most_rows + 1, max_col=most_columns, values_only=True
        )
        rows = list(cells)
    except Exception as error:  # zipfile, the XML parser and openpyxl raise errors of many kinds.
        raise ValueError("this is no XLSX file that can be read") from error
    while rows and not any(cell is not None for cell in rows[-1]):
        rows.pop()
    width = len(rows[0]) if rows else 0
    while width and rows[0][width - 1] is None:
        width -= 1
    return [list(row[:width]) for row in rows]

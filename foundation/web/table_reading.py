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

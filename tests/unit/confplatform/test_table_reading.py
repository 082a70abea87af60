"""Tables as spreadsheets save them are read alike."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from openpyxl import Workbook

from foundation.web.table_reading import as_utf8_csv, read_xlsx

PLAIN = "name,parent\r\n研发部,总部\r\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("gb18030"),
        PLAIN.encode("utf-16"),
        PLAIN.replace(",", "\t").encode("utf-16"),
        PLAIN.replace(",", ";").encode(),
    ],
)
def test_a_table_is_read_whatever_its_encoding_and_delimiter(content: bytes) -> None:
    assert as_utf8_csv(content).decode() == PLAIN


def test_a_comma_inside_of_a_cell_stays_there() -> None:
    assert as_utf8_csv(b'name;parent\r\n"a,b";c\r\n') == b'name,parent\r\n"a,b",c\r\n'


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(UnicodeError):
        as_utf8_csv(b"\xff\x00\xff")


def xlsx(cells: Mapping[str, str]) -> bytes:
    """Return an XLSX file with these cells: address -> text."""
    book, file = Workbook(), io.BytesIO()
    for address, value in cells.items():
        book.active[address] = value
    book.save(file)
    return file.getvalue()


def test_an_xlsx_file_is_read_with_its_headings_and_blank_cells() -> None:
    file = xlsx({"A1": "name", "B1": "parent", "A2": "a", "B4": "b"})
    assert read_xlsx(file, 10, 10) == [["name", "parent"], ["a", None], [None, None], [None, "b"]]


def test_a_small_file_that_claims_to_be_huge_is_read_up_to_the_limits() -> None:
    file = xlsx({"A1": "name", "A3": "a", "XFD1048576": "far away"})
    assert read_xlsx(file, 10, 10) == [["name"], [None], ["a"]]
    assert len(read_xlsx(xlsx({"A1": "name", "A14": "a", "A15": "b"}), 13, 10)) == 14


def test_what_is_no_xlsx_file_is_refused() -> None:
    with pytest.raises(ValueError, match="no XLSX file"):
        read_xlsx(b"PK\x03\x04 and nothing", 10, 10)

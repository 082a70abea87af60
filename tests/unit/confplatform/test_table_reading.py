"""Tables as spreadsheets save them are read alike."""

from __future__ import annotations

import pytest

from foundation.web.table_reading import as_utf8_csv

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

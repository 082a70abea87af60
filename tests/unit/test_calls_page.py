"""The page of calls says what the table says."""

from __future__ import annotations

from tests.http.calls_page import PAGE, page


def test_the_page_of_calls_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run `make calls`"

"""A number may be typed as people write it."""

import pytest

from conferences.rules.typed_number import number_of_typed


@pytest.mark.parametrize(
    "typed",
    [
        "8800001",
        " 880 0001 ",
        "880-00-01",
        "880\u201300\u201301",
        "+88 (000) 01",
        "\uff18800001",
        "\u202a8800001",
    ],
)
def test_spaces_dashes_brackets_and_wide_digits_are_allowed(typed: str) -> None:
    assert number_of_typed(typed) == "8800001"


@pytest.mark.parametrize("typed", ["", " - ", "88a1", "\u0668\u0660", "1" * 17, "1" + " " * 64])
def test_what_is_no_number_is_none(typed: str) -> None:
    assert number_of_typed(typed) == ""

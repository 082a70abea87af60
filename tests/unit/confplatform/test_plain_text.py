"""One rule for all texts: nothing invisible alone, nothing that turns the line, no control characters."""

from __future__ import annotations

import pytest

from foundation.plain_text import fault_of


@pytest.mark.parametrize(
    "text",
    [
        "talk",
        "研发部",
        "שלום",
        "مرحبا",
        "नमस्ते",
        "می\u200cخواهم",
        "👩\u200d👩\u200d👧",
        "❤\ufe0f",
        "1",
        "-",
    ],
)
def test_names_in_all_scripts_and_emoji_are_sound(text: str) -> None:
    assert fault_of(text) == fault_of(text, may_have_lines=True) == ""


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\u3164", "\u2800", "\u00ad\u200d", "\u3000"])
def test_what_shows_nothing_is_no_name_and_no_message(text: str) -> None:
    assert "seen" in fault_of(text)
    assert "seen" in fault_of(text, may_have_lines=True)
    assert fault_of(text, may_be_empty=True) == ""


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\ud800"])
def test_controls_are_refused_everywhere(sign: str) -> None:
    assert "control" in fault_of(f"a{sign}b")
    assert "control" in fault_of(f"a{sign}b", may_have_lines=True)


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u2028", "\ufeff", "\n", "\t"])
def test_a_name_is_one_line_in_one_direction_and_a_message_may_be_more(sign: str) -> None:
    assert fault_of(f"a{sign}b")
    assert fault_of(f"a{sign}b", may_have_lines=True) == ""

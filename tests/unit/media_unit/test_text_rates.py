"""Nobody holds up a text room by what he says in it."""

from __future__ import annotations

from media_unit.text_rates import MOST_TEXTS, WINDOW, TextRates


def test_one_text_too_many_counts_once_in_a_window_and_for_its_sender_alone() -> None:
    rates = TextRates()
    verdicts = [rates.is_too_many("room", "mallory", 1.0) for _ in range(2 * MOST_TEXTS)]
    assert [number for number, is_too_many in enumerate(verdicts, 1) if is_too_many] == [
        MOST_TEXTS + 1
    ]
    assert not rates.is_too_many("room", "anna", 1.0)
    assert not rates.is_too_many("other", "mallory", 1.0)


def test_a_new_window_begins_with_no_texts() -> None:
    rates = TextRates()
    for second in range(10):
        for _ in range(MOST_TEXTS):
            assert not rates.is_too_many("room", "anna", second * WINDOW)

"""Pure rules say what may be asked in a poll, what may be chosen, and which votes result."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from conferences.pages.texts import voter_text
from conferences.rules.polls import GUEST_MARK, Draft, Vote, are_choices, fault_of_draft, results

TWO = ("Yes", "No")


@pytest.mark.parametrize(
    ("question", "answers", "fault"),
    [
        ("Well?", TWO, ""),
        ("Well?", tuple(str(number) for number in range(10)), ""),
        ("", TWO, "question"),
        ("x" * 201, TWO, "question"),
        ("two\nlines", TWO, "question"),
        ("Well?", ("Yes",), "answers"),
        ("Well?", ("Yes", "Yes"), "answers"),
        ("Well?", tuple(str(number) for number in range(11)), "answers"),
        ("Well?", ("Yes", "x" * 101), "answers"),
        ("Well?", ("Yes", " "), "answers"),
    ],
)
def test_a_question_has_a_text_and_two_to_ten_different_answers(
    question: str, answers: tuple[str, ...], fault: str
) -> None:
    assert fault_of_draft(Draft(question, answers, False, False)) == fault


def test_one_answer_is_chosen_or_several_where_that_is_asked_and_none_takes_the_vote_back() -> None:
    assert are_choices([0], 2, False)
    assert are_choices([], 2, False)
    assert not are_choices([0, 1], 2, False)
    assert are_choices([0, 1], 2, True)
    assert not are_choices([0, 0], 2, True)
    assert not are_choices([2], 2, True)


def test_shares_are_of_those_who_have_voted() -> None:
    votes = [Vote("a", "Anna", (0, 1)), Vote("b", "Ben", (1,)), Vote("c", "Cara", ())]
    answers, voters = results(("Yes", "No"), votes)
    assert voters == 2
    assert [(one.votes, one.percent, one.names) for one in answers] == [
        (1, 50, ("Anna",)),
        (2, 100, ("Anna", "Ben")),
    ]
    assert results(TWO, [])[0][0].percent == 0


def test_guests_are_marked_in_the_language_of_the_page_and_accounts_are_not() -> None:
    assert voter_text("Gus" + GUEST_MARK) == "Gus (guest)"
    with override("zh-hans"):
        assert [voter_text(name) for name in ("Gus" + GUEST_MARK, "Anna")] == [
            "Gus（来宾）",
            "Anna",
        ]

"""Define the rules of polls in a call: what may be asked and chosen, and how votes are counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from foundation.plain_text import fault_of

MIN_ANSWERS, MAX_ANSWERS = 2, 10
MAX_QUESTION, MAX_ANSWER = 200, 100
MAX_POLLS = 20
"""So many polls are held in one conference at most."""
MAX_VOTES = 5000
MAX_NAMED = 50
"""The results name so many voters of an answer at most."""
GUEST_MARK = " (guest)"
"""The name of a guest who votes is stored with this at its end; pages show it in their language."""


class Draft(NamedTuple):
    """Represent a poll as somebody wants to begin it: a question with answers to choose from.

    `multiple`: several answers may be chosen. `anonymous`: nobody sees who has chosen what.
    """

    question: str
    answers: tuple[str, ...]
    multiple: bool
    anonymous: bool


class Vote(NamedTuple):
    """One person's vote: the chosen answers, by their indices. `name` is empty in an anonymous poll."""

    voter: str
    name: str
    choices: tuple[int, ...]


class AnswerResult(NamedTuple):
    """The result of one answer: how often it was chosen, by how many per cent of the voters, and their names."""

    text: str
    votes: int
    percent: int
    names: tuple[str, ...]


def fault_of_draft(draft: Draft) -> str:
    """Return which part of a new poll is not allowed: "question" or "answers"; "" if all is well."""
    if len(draft.question) > MAX_QUESTION or fault_of(draft.question):
        return "question"
    answers = draft.answers
    if not MIN_ANSWERS <= len(answers) <= MAX_ANSWERS or len({*answers}) < len(answers):
        return "answers"
    return "answers" if any(len(text) > MAX_ANSWER or fault_of(text) for text in answers) else ""


def are_choices(choices: Sequence[int], answers: int, multiple: bool) -> bool:
    """Return whether one person may choose these answers (by index) of a poll that has so many `answers`.

    No choice is allowed: it withdraws a vote.
    """
    if len({*choices}) < len(choices) or (len(choices) > 1 and not multiple):
        return False
    return all(0 <= index < answers for index in choices)


def results(answers: Sequence[str], votes: Iterable[Vote]) -> tuple[list[AnswerResult], int]:
    """Return the result of each answer, and how many people have voted.

    With more than one choice the percentages may add up to more than 100.
    """
    # A vote without a choice was withdrawn.
    cast = [vote for vote in votes if vote.choices]
    chosen = [[vote for vote in cast if index in vote.choices] for index in range(len(answers))]
    return [
        AnswerResult(
            text,
            len(chosen_by),
            round(100 * len(chosen_by) / len(cast)) if cast else 0,
            tuple(sorted(vote.name for vote in chosen_by if vote.name)[:MAX_NAMED]),
        )
        for text, chosen_by in zip(answers, chosen, strict=True)
    ], len(cast)

"""Slow readers of large files occupy a part of the web process' threads, and each person a few of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast

import pytest

from foundation.web.large_answers import (
    FRONT_HOLDS,
    MOST_AT_ONCE,
    MOST_OF_PERSON,
    TooManyDownloads,
    with_place,
)


class Content(Protocol):
    """The content is an iterator of the bytes of an answer."""

    def __next__(self) -> bytes: ...

    def close(self) -> None: ...


def answer_to(person: str, size: int = FRONT_HOLDS + 1) -> Content:
    """Return the content of an answer of `size` bytes to a person, which nobody has read to its end."""
    return cast(Content, with_place(person, size, (piece for piece in [b"film"])))


@pytest.fixture
def held() -> Iterator[list[Content]]:
    """Return a list of answers, which are closed at the end."""
    answers: list[Content] = []
    yield answers
    for answer in answers:
        answer.close()


def test_a_person_reads_few_large_files_at_once_and_any_number_of_small_ones(
    held: list[Content],
) -> None:
    held += [answer_to("anna") for _ in range(MOST_OF_PERSON)]
    with pytest.raises(TooManyDownloads):
        answer_to("anna")
    held += [answer_to("anna", FRONT_HOLDS) for _ in range(100)]
    held.append(answer_to("ben"))
    assert next(held[-1]) == b"film"


def test_all_together_leave_threads_for_the_pages(held: list[Content]) -> None:
    held += [answer_to(f"person {number}") for number in range(MOST_AT_ONCE)]
    with pytest.raises(TooManyDownloads):
        answer_to("somebody else")


def test_a_place_is_free_when_the_reader_has_gone_and_is_given_back_once() -> None:
    for _ in range(2 * MOST_AT_ONCE):
        answer = answer_to("anna")
        answer.close()
        answer.close()


def test_a_place_is_free_when_the_answer_is_thrown_away_unread() -> None:
    for _ in range(2 * MOST_OF_PERSON):
        answer_to("anna")

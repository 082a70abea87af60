"""The search index finds texts by their grams."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from im.rules.bigrams import (
    MAX_WORD_LENGTH,
    SEQ_MASK,
    GramLookup,
    contains_all,
    grams,
    normalize,
    parse_query,
    place_difference,
    place_of,
    seq_of,
    snippet,
)

MIXED = st.text(alphabet="会议室今天ab cZ-,。1②Ａß", max_size=60)


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("会议室", {"会议", "议室", "室"}),
        ("iPhone手机", {"iphone", "手机", "机"}),
        ("ＡＢＣ  abc", {"abc"}),
        ("?! …", set()),
        ("x" * 99, {"x" * MAX_WORD_LENGTH}),
    ],
)
def test_a_text_has_these_entries(text: str, entries: set[str]) -> None:
    assert grams(text) == entries


def test_the_last_word_of_a_query_may_be_a_beginning_and_the_others_not() -> None:
    assert parse_query("Board conf").parts == (GramLookup("board"), GramLookup("conf", True))
    assert parse_query("会议室").parts == (GramLookup("会议"), GramLookup("议室"))
    assert parse_query("室").parts == (GramLookup("室", True),)
    assert parse_query("a").parts == (GramLookup("a"),)
    assert parse_query("。!").parts == ()


@pytest.mark.parametrize(
    ("text", "asked", "there"),
    [
        ("今天在会议室开会", "会议室", True),
        ("今天在会议的室", "会议室", False),
        ("The Conference", "conf", True),
        ("reconference", "conf", False),
        ("my iPhone手机", "phone手机", False),
        ("会议 conference", "conference 会议", True),
    ],
)
def test_a_text_has_every_term_words_from_their_beginning(
    text: str, asked: str, there: bool
) -> None:
    assert contains_all(normalize(text), parse_query(asked).terms) is there


@given(MIXED, MIXED)
@example("11", "1")
def test_the_index_misses_no_pair_and_no_beginning_that_the_text_has(text: str, asked: str) -> None:
    wanted = parse_query(asked)
    if wanted.parts and contains_all(normalize(text), wanted.terms):
        entries = grams(text)
        for part in wanted.parts:
            if part.is_prefix:
                assert any(entry.startswith(part.gram) for entry in entries)
            elif len(grams(part.gram)) > 1:  # a pair; other words are found whole only
                assert part.gram in entries


@given(MIXED, MIXED)
def test_a_snippet_is_a_piece_of_the_text(text: str, asked: str) -> None:
    assert "".join(piece for piece, _ in snippet(text, parse_query(asked).terms)) in text


def test_a_snippet_shows_what_was_found_with_its_surroundings() -> None:
    text = "a" * 100 + " 会议室 " + "b" * 100
    pieces = snippet(text, parse_query("会议室").terms)
    assert [hit for _, hit in pieces] == [False, True, False]
    assert pieces[1][0] == "会议室"
    assert sum(len(piece) for piece, _ in pieces) == 120


@given(st.integers(0, 2**32), st.integers(1, SEQ_MASK))
def test_places_are_ordered_by_time_and_tell_the_seq(second: int, seq: int) -> None:
    assert seq_of(place_of(second, seq)) == seq
    assert (
        place_of(second + 86400 * 3, seq) - place_of(second, seq) in (0, place_difference(3))
        or second < 1.6e9
    )

"""Texts and queries are split into the entries of the search index. The module is pure.

Scripts without spaces (Han, kana, hangul) are indexed by character bigrams, and the last character
of a run also alone, so that a single character always is the beginning of some entry. All other
text is indexed by words. Case and width do not count. The index only yields candidates:
`contains_all` decides whether a text really contains the terms of the query.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MAX_WORD_LENGTH = 24
"""The index keeps this many characters of a word."""
MAX_LOOKUPS = 8
"""A query looks up at most this many index entries; `contains_all` checks the rest of it."""
SEQ_BITS = 33
SEQ_MASK = (1 << SEQ_BITS) - 1
_EPOCH = 1_577_836_800
"""The clock of places starts in 2020; in seconds since 1970."""
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"([{_UNSPACED}]+)|((?:(?![{_UNSPACED}])\w)+)")


@dataclass(frozen=True, slots=True)
class GramLookup:
    """A lookup names one entry of the search index, a word or bigram; with `is_prefix`, all entries that begin so."""

    gram: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A search query: the `terms` that a text must contain, and the index entries to look up first (`parts`)."""

    terms: tuple[str, ...]
    parts: tuple[GramLookup, ...]


def normalize(text: str) -> str:
    """Return the text in a form that is equal for texts that differ only by case or width."""
    return unicodedata.normalize("NFKC", text).casefold()


def grams(text: str) -> set[str]:
    """Return the entries of the search index for a text: its words, and the character bigrams of its `dense` runs.

    A dense run is written without spaces (Chinese, Japanese, Korean).
    """
    entries = set()
    for dense, word in _TOKEN.findall(normalize(text)):
        if word:
            entries.add(word[:MAX_WORD_LENGTH])
        else:
            entries.update(dense[start : start + 2] for start in range(len(dense)))
    return entries


def parse_query(text: str) -> Query:
    """Return a query from its text: all its terms, the last of which may be incomplete.

    Within a term, a run of characters that are written without spaces (`dense`: Chinese, Japanese,
    Korean) becomes bigrams; a word of other letters is looked up as a whole.
    """
    terms = tuple(dict.fromkeys(normalize(text).split()))
    tokens = [token for term in terms for token in _TOKEN.findall(term)]
    parts: dict[GramLookup, None] = {}  # a set that keeps its order
    for position, (dense, word) in enumerate(tokens, 1):
        if word:
            parts[GramLookup(word[:MAX_WORD_LENGTH], position == len(tokens) and len(word) > 1)] = (
                None
            )
        elif len(dense) == 1:
            parts[GramLookup(dense, True)] = None
        else:
            parts.update(
                {GramLookup(dense[start : start + 2]): None for start in range(len(dense) - 1)}
            )
    return Query(terms, tuple(parts)[:MAX_LOOKUPS])


def contains_all(text: str, terms: tuple[str, ...]) -> bool:
    """Return whether a normalized text contains all terms of a search, each from the beginning of a word."""
    return all(spans(text, term) for term in terms)


def spans(text: str, term: str) -> list[tuple[int, int]]:
    """Return where a search term stands in a normalized text, as (first, end) with `end` excluded.

    A term in a script with spaces must begin at the beginning of a word.
    """
    begin = r"(?<!\w)" if re.match(rf"(?![{_UNSPACED}])\w", term) else ""
    return [match.span() for match in re.finditer(begin + re.escape(term), text)]


# ---- places -------------------------------------------------------------------------------------


def place_of(second: float, seq: int) -> int:
    """Return a number by which messages of all conversations are ordered: by time, then by `seq`.

    `second` is the time of sending in seconds since 1970, `seq` the message's number in its conversation.
    """
    return (max(int(second) - _EPOCH, 0) << SEQ_BITS) + seq


def place_difference(count: int) -> int:
    """Return the difference of the `place_of` numbers of two messages that are `count` days apart."""
    return count * 86400 << SEQ_BITS


def seq_of(place: int) -> int:
    """Return the `seq`, a message's number in its conversation, from the number that `place_of` has given it."""
    return place & SEQ_MASK


# ---- snippets of results ------------------------------------------------------------------------

CHARACTERS_AROUND = 40
"""A snippet shows this many characters on either side of the first match."""


def snippet(text: str, terms: tuple[str, ...]) -> list[tuple[str, bool]]:
    """Return the part of a found text to show: 3 * CHARACTERS_AROUND characters around the first match of a term.

    The part is divided into (piece, whether it matches a term), so that matches can be highlighted.
    """
    # `origin`: for each character of the normalized text, the position of the character in `text` that it comes from.
    folded, origin = [], list[int]()
    for position, character in enumerate(text):
        pieces = normalize(character)
        folded.append(pieces)
        origin += [position] * len(pieces)
    folded_text, origin = "".join(folded), [*origin, len(text)]
    matches = sorted(
        (origin[first], origin[end - 1] + 1)
        for term in terms
        for first, end in spans(folded_text, term)
    )
    begin = max(matches[0][0] - CHARACTERS_AROUND, 0) if matches else 0
    return list(_pieces(text, matches, begin, min(begin + 3 * CHARACTERS_AROUND, len(text))))


def _pieces(
    text: str, matches: list[tuple[int, int]], position: int, end: int
) -> Iterator[tuple[str, bool]]:
    """Yield the text between two positions in pieces, each with whether it matches. `matches`: where matches are."""
    for first, last in matches:
        first, last = max(first, position), min(last, end)
        if first < last:
            if position < first:
                yield text[position:first], False
            yield text[first:last], True
            position = last
    if position < end:
        yield text[position:end], False

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
    """A lookup names one index entry; with `is_prefix`, every entry that begins so."""

    gram: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A query holds the `terms` that a text must have, and the `parts` to look up in the index."""

    terms: tuple[str, ...]
    parts: tuple[GramLookup, ...]


def normalize(text: str) -> str:
    """Return the text in a form that is equal for texts that differ only by case or width."""
    return unicodedata.normalize("NFKC", text).casefold()


def grams(text: str) -> set[str]:
    """Return the entries of the search index for a text: its words and character bigrams."""
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
    parts: dict[GramLookup, None] = {}
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
    """Return whether a normalized text contains all terms, each from the beginning of a word."""
    return all(spans(text, term) for term in terms)


def spans(text: str, term: str) -> list[tuple[int, int]]:
    """Return where a term stands in a normalized text, as (first, end) with `end` excluded."""
    begin = r"(?<!\w)" if re.match(rf"(?![{_UNSPACED}])\w", term) else ""
    return [match.span() for match in re.finditer(begin + re.escape(term), text)]


# ---- places -------------------------------------------------------------------------------------


def place_of(second: float, seq: int) -> int:
    """Return a message's place in the order of all conversations: by time, then by `seq`, as one number."""
    return (max(int(second) - _EPOCH, 0) << SEQ_BITS) + seq


def place_distance(count: int) -> int:
    """Return the distance between two places that are `count` days apart."""
    return count * 86400 << SEQ_BITS


def seq_of(place: int) -> int:
    """Return the `seq` of the message at this place."""
    return place & SEQ_MASK


# ---- snippets of results ------------------------------------------------------------------------

CHARACTERS_AROUND = 40
"""A snippet shows this many characters on either side of the first match."""


def snippet(text: str, terms: tuple[str, ...]) -> list[tuple[str, bool]]:
    """Return about 3 * CHARACTERS_AROUND characters of a text around the first match, as (piece, whether it matches)."""
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
    """Cut the text between two positions into pieces that match and pieces that do not."""
    for first, last in matches:
        first, last = max(first, position), min(last, end)
        if first < last:
            if position < first:
                yield text[position:first], False
            yield text[first:last], True
            position = last
    if position < end:
        yield text[position:end], False

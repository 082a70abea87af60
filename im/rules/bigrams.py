"""What of a text is found again: the entries of the search index, and what a query asks of them. Pure.

Scripts without spaces (Han, kana, hangul) go by pairs of neighbours, the last one of a run alone, so
that a single character is the beginning of some entry; everything else goes by words. Case and width do not count.
What the index offers is only a candidate: whether a text has what was asked, `has` says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 24
"""Characters of a word that the index keeps."""
MOST_PARTS = 8
"""Entries of the index that a query looks up; `has` sees to the rest of it."""
SEQ_BITS = 33
SEQ_MASK = (1 << SEQ_BITS) - 1
_BEGIN = 1_577_836_800
"""2020, in seconds since 1970."""
_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"([{_DENSE}]+)|((?:(?![{_DENSE}])\w)+)")


@dataclass(frozen=True, slots=True)
class Part:
    """One entry that a text has to have, or the beginning of one."""

    gram: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: `terms` stand in the text, and so these parts in the index."""

    terms: tuple[str, ...]
    parts: tuple[Part, ...]


def normal(text: str) -> str:
    """Texts that differ by case or width only are the same."""
    return unicodedata.normalize("NFKC", text).casefold()


def grams(text: str) -> set[str]:
    """The entries of a text."""
    found = set()
    for dense, word in _TOKEN.findall(normal(text)):
        if word:
            found.add(word[:LONGEST])
        else:
            found.update(dense[at : at + 2] for at in range(len(dense)))
    return found


def query(text: str) -> Query:
    """What these words ask for. The last one may be the beginning of a word; all have to be there."""
    terms = tuple(dict.fromkeys(normal(text).split()))
    tokens = [found for term in terms for found in _TOKEN.findall(term)]
    parts: dict[Part, None] = {}
    for at, (dense, word) in enumerate(tokens, 1):
        if word:
            parts[Part(word[:LONGEST], at == len(tokens) and len(word) > 1)] = None
        elif len(dense) == 1:
            parts[Part(dense, True)] = None
        else:
            parts.update({Part(dense[n : n + 2]): None for n in range(len(dense) - 1)})
    return Query(terms, tuple(parts)[:MOST_PARTS])


def has(text: str, terms: tuple[str, ...]) -> bool:
    """Does the text have all of these, words from their beginning?"""
    return all(spans(text, term) for term in terms)


def spans(text: str, term: str) -> list[tuple[int, int]]:
    """Where a term stands in a normal text: from, up to."""
    begin = r"(?<!\w)" if re.match(rf"(?![{_DENSE}])\w", term) else ""
    return [m.span() for m in re.finditer(begin + re.escape(term), text)]


# ---- places -------------------------------------------------------------------------------------


def place(second: float, seq: int) -> int:
    """Where an entry stands among those of all conversations: by its time, then by its seq."""
    return (max(int(second) - _BEGIN, 0) << SEQ_BITS) + seq


def days(count: int) -> int:
    """How far places are apart that lie so many days apart."""
    return count * 86400 << SEQ_BITS


def seq_of(place: int) -> int:
    """The seq in a place."""
    return place & SEQ_MASK


# ---- as it is shown -----------------------------------------------------------------------------

AROUND = 40
"""Characters that a snippet shows on either side."""


def snippet(text: str, terms: tuple[str, ...]) -> list[tuple[str, bool]]:
    """The text around the first of the terms, in pieces: what it says, and whether that was looked for."""
    folded, origin = [], list[int]()
    for at, one in enumerate(text):
        pieces = normal(one)
        folded.append(pieces)
        origin += [at] * len(pieces)
    whole, origin = "".join(folded), [*origin, len(text)]
    found = sorted(
        (origin[first], origin[end - 1] + 1) for term in terms for first, end in spans(whole, term)
    )
    begin = max(found[0][0] - AROUND, 0) if found else 0
    return list(_pieces(text, found, begin, min(begin + 3 * AROUND, len(text))))


def _pieces(
    text: str, found: list[tuple[int, int]], at: int, end: int
) -> Iterator[tuple[str, bool]]:
    for first, last in found:
        first, last = max(first, at), min(last, end)
        if first < last:
            if at < first:
                yield text[at:first], False
            yield text[first:last], True
            at = last
    if at < end:
        yield text[at:end], False

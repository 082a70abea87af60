"""The chapters of a film: who came, left or shared a screen, and where the recording has a gap. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from media_unit.segment_files import Segment

MOST_CHAPTERS = 400
_AT_THE_EDGE = 2.0
"""Whoever comes within so many seconds after a segment's begin was there, and who leaves so late stayed to its end."""


class PlacedSegment(NamedTuple):
    """A segment and its place: it begins at the second `at` of the film, after a gap of `gap` seconds (0: none).

    The card of the gap is shown from the second `card_at` of the film on.
    """

    segment: Segment
    at: float
    gap: float = 0.0
    card_at: float = 0.0


class Chapter(NamedTuple):
    """A chapter begins at the second `at` of the film.

    `kind`: begin, gap (not recorded for `seconds`), or what the person `name` did: join, leave, screen.
    """

    at: float
    kind: str
    name: str = ""
    seconds: float = 0.0


def chapters_of(placed: Sequence[PlacedSegment]) -> list[Chapter]:
    """Return the chapters of a film in their order, the first one at its begin; at most 400."""
    chapters = [Chapter(0.0, "begin")]
    present: set[str] = set()
    for number, placed_segment in enumerate(placed):
        if placed_segment.gap:
            chapters.append(Chapter(placed_segment.card_at, "gap", "", placed_segment.gap))
        chapters += _of_people(placed_segment, present, is_first=number == 0)
        chapters += _of_screens(placed_segment)
        present |= {person.mtid for person in placed_segment.segment.people.values()}
    return sorted(chapters, key=lambda chapter: chapter.at)[:MOST_CHAPTERS]


def _of_people(placed: PlacedSegment, before: set[str], *, is_first: bool) -> Iterator[Chapter]:
    """Yield who came and who left in a segment. `before`: the terminals that were in an earlier segment.

    A person with several connections came with the first of them, and left with the last one.
    """
    stays: dict[str, tuple[str, float, float]] = {}
    for person in placed.segment.people.values():
        _, begin, end = stays.get(person.mtid, (person.name, person.begin, person.end))
        stays[person.mtid] = (person.name, min(begin, person.begin), max(end, person.end))
    for mtid, (name, begin, end) in stays.items():
        is_new = not is_first and mtid not in before
        if begin > _AT_THE_EDGE or is_new:
            yield Chapter(placed.at + max(0.0, begin), "join", name)
        if end < placed.segment.seconds - _AT_THE_EDGE:
            yield Chapter(placed.at + end, "leave", name)


def _of_screens(placed: PlacedSegment) -> Iterator[Chapter]:
    """Yield who began to share a screen in a segment."""
    for picture in placed.segment.pictures:
        person = placed.segment.people.get(picture.participant)
        if picture.is_screen and person and picture.begin < placed.segment.seconds:
            yield Chapter(placed.at + max(0.0, picture.begin), "screen", person.name)

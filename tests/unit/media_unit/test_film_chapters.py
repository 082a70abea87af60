"""The chapters of a film: who came, left and shared a screen, and where nothing was recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from media_unit.film_chapters import MOST_CHAPTERS, Chapter, PlacedSegment, chapters_of
from media_unit.segment_files import Person, PictureFile, Segment

BEGUN = datetime(2026, 11, 30, 9, tzinfo=UTC)
ANNA, BEN = Person("1", "Anna", 0.5, 100.0), Person("2", "Ben", 10.0, 40.0)


def segment(people: dict[str, Person], **more: Any) -> Segment:
    """Return a segment of 60 seconds with these people."""
    facts: dict[str, Any] = {"pictures": [], "sound": None} | more
    return Segment(begun=BEGUN, ended=BEGUN + timedelta(seconds=60), people=people, **facts)


def facts(chapters: list[Chapter]) -> list[tuple[float, str, str]]:
    """Return second, kind and name of chapters."""
    return [(chapter.at, chapter.kind, chapter.name) for chapter in chapters]


def test_who_comes_and_leaves_within_a_segment_has_chapters_and_who_stays_has_none() -> None:
    screen = PictureFile(Path("x"), "b", is_screen=True, begin=20.0)
    shown = chapters_of([PlacedSegment(segment({"a": ANNA, "b": BEN}, pictures=[screen]), 0.0)])
    assert facts(shown) == [
        (0.0, "begin", ""),
        (10.0, "join", "Ben"),
        (20.0, "screen", "Ben"),
        (40.0, "leave", "Ben"),
    ]


def test_a_person_with_two_connections_comes_once_and_leaves_once() -> None:
    again = Person("2", "Ben", 30.0, 50.0)
    shown = chapters_of([PlacedSegment(segment({"a": ANNA, "b": BEN, "b2": again}), 0.0)])
    assert facts(shown)[1:] == [(10.0, "join", "Ben"), (50.0, "leave", "Ben")]


def test_a_gap_is_a_chapter_and_whoever_was_there_before_it_does_not_join_again() -> None:
    carol = Person("3", "Carol", 0.0, 100.0)
    placed = [
        PlacedSegment(segment({"a": ANNA}), 0.0),
        PlacedSegment(segment({"x": ANNA, "c": carol}), 65.0, gap=90.0, card_at=60.0),
    ]
    shown = chapters_of(placed)
    assert facts(shown) == [(0.0, "begin", ""), (60.0, "gap", ""), (65.0, "join", "Carol")]
    assert shown[1].seconds == 90.0


def test_there_are_not_more_chapters_than_a_page_can_list() -> None:
    people = {
        str(number): Person(str(number), "x", 10.0 + number / 100, 99.0)
        for number in range(MOST_CHAPTERS + 5)
    }
    shown = chapters_of([PlacedSegment(segment(people), 0.0)])
    assert len(shown) == MOST_CHAPTERS
    assert shown == sorted(shown, key=lambda chapter: chapter.at)

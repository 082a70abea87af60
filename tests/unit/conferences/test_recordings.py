"""Segments of recordings: each is moved, waits or is lost; films are made of what the store has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from conferences.rules.recordings import (
    RecordingState,
    Segment,
    SegmentState,
    decide_told,
    is_film_due,
    segment_told,
)
from wire.recordings import SegmentFile, UnitHasSegment

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
FILES = tuple(SegmentFile(name=name, size=1, sha256="0" * 64) for name in ("a.wav", "b.mjr.tmp"))
NOTICE = UnitHasSegment(
    e164="1",
    confid="c",
    incarnation=1,
    segment=1,
    begun="2026-11-30T08:00:00+01:00",
    ended="2026-11-30T08:10:00+01:00",
    files=FILES,
)


def told(known: Segment | None = None, **changes: Any) -> Segment:
    return decide_told(known, segment_told(msgspec.structs.replace(NOTICE, **changes), NOW))


def test_a_segment_waits_until_the_last_of_its_files_has_come() -> None:
    waiting = told()
    assert (waiting.state, waiting.begun_at.hour) == (SegmentState.WAITING, 7)
    half = waiting.with_received("a.wav")
    assert half.state is SegmentState.WAITING
    assert half.with_received("b.mjr.tmp").state is SegmentState.MOVED


def test_what_has_come_stays_when_the_unit_tells_of_it_again_unless_it_is_another_file() -> None:
    half = told().with_received("a.wav")
    assert told(half) == half
    other = msgspec.structs.replace(FILES[0], sha256="1" * 64)
    assert not told(half, files=(other, FILES[1])).files[0].received


def test_what_is_moved_stays_moved_and_what_was_lost_can_come_back() -> None:
    moved = told().with_received("a.wav").with_received("b.mjr.tmp")
    assert told(moved, ended=None, files=()) == moved
    again = decide_told(moved, segment_told(NOTICE, NOW), ["a.wav"])
    assert [file.received for file in again.files] == [False, True], "the store has lost one"
    assert again.state is SegmentState.WAITING
    lost = msgspec.structs.replace(told(), state=SegmentState.LOST)
    assert told(lost).state is SegmentState.WAITING


def test_a_segment_that_is_being_recorded_is_not_moved_though_it_has_no_files() -> None:
    assert told(ended=None, files=()).state is SegmentState.WAITING
    assert told(files=()).state is SegmentState.MOVED


@pytest.mark.parametrize(
    "changes",
    [
        {"begun": "yesterday"},
        {"ended": "0001-01-01T00:00:00+14:00"},
        {"files": (SegmentFile(name="..", size=1, sha256="0" * 64),)},
    ],
)
def test_what_cannot_be_read_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"dot|isoformat|no time"):
        told(**changes)


W, M, L = SegmentState.WAITING, SegmentState.MOVED, SegmentState.LOST


@pytest.mark.parametrize(
    ("state", "segments", "in_film", "is_due"),
    [
        (RecordingState.COLLECTING, [M, W], 0, False),
        (RecordingState.COLLECTING, [M, L], 0, True),
        (RecordingState.COLLECTING, [L], 0, False),
        (RecordingState.DONE, [M, M], 1, True),
        (RecordingState.DONE, [M, M], 2, False),
        (RecordingState.FAILED, [M], 0, False),
    ],
)
def test_a_film_is_made_of_all_that_came_once_nothing_waits(
    state: RecordingState, segments: list[SegmentState], in_film: int, is_due: bool
) -> None:
    assert is_film_due(state, segments, in_film) is is_due

"""The rules of recordings: in which state a recorded segment is, and when a film is made of them. Pure functions.

A segment is what one media unit recorded between a start and a stop. Each one that a unit has reported is accounted
for: it is moved to the store, waits at its unit, or is reported as lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from wire.recordings import UnitHasSegment

LOST_AFTER = timedelta(days=7)
"""A unit tells of its segments each minute; one that it has not told of for so long counts as lost."""
JOB_SILENT = timedelta(seconds=60)
"""A job without a sign of life for so long has died with its worker, and is given to another one."""
QUEUED_AGAIN_AFTER = timedelta(minutes=5)
"""The task of a queued film is sent again after so long, in case it was lost; it may only wait for a worker."""
MOST_ATTEMPTS = 5
"""After so many failures an operator has to say that it is to be tried again."""
KEPT_AFTER_DELETION = timedelta(days=30)


class SegmentState(StrEnum):
    """The states of a recorded segment: it waits at its media unit, the store has it, or it is reported as lost."""

    WAITING = "waiting"
    MOVED = "moved"
    LOST = "lost"


class RecordingState(StrEnum):
    """The states of a recording: segments are collected; the film is queued, being made, ready, or has failed.

    Of a purged recording nothing is left but its row, so that what a unit still has of it does not come back.
    """

    COLLECTING = "collecting"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PURGED = "purged"


class StoredFile(msgspec.Struct, frozen=True):
    """Represent a file of a recorded segment; `received`: the store has all of it, and its hash is right."""

    name: str
    size: int
    sha256: str
    received: bool = False


class Segment(msgspec.Struct, frozen=True):
    """Represent a recorded segment, as the store knows it; `ended_at` is `None` while it is being recorded."""

    state: SegmentState
    begun_at: datetime
    ended_at: datetime | None
    files: tuple[StoredFile, ...]
    told_at: datetime

    def with_received(self, name: str) -> Segment:
        """Return the segment after the store has received one more of its files; with the last one it is moved."""
        files = tuple(
            msgspec.structs.replace(file, received=True) if file.name == name else file
            for file in self.files
        )
        return _settled(msgspec.structs.replace(self, files=files))


def segment_told(notice: UnitHasSegment, now: datetime) -> Segment:
    """Return the recorded segment that a media unit's message describes.

    Raises ValueError for a bad time or file name.
    """
    # Names become paths in the store: "." and ".." would lead out of the folder.
    if any(file.name.startswith(".") for file in notice.files):
        raise ValueError("a name of a file must not begin with a dot")
    files = tuple(StoredFile(file.name, file.size, file.sha256) for file in notice.files)
    ended_at = _moment(notice.ended) if notice.ended else None
    return Segment(SegmentState.WAITING, _moment(notice.begun), ended_at, files, now)


def decide_told(known: Segment | None, told: Segment, missing: Collection[str] = ()) -> Segment:
    """Return in which state a recorded segment is after its media unit has reported it again.

    `known`: what is stored, `None` if nothing is; `told`: what the unit says. What is moved stays so. A segment that
    was lost waits again. Files that were received stay so if they are the same.
    `missing`: names of received files that are not in the recording store (any more): they, and with them the segment,
    wait again.
    """
    if known and known.state is SegmentState.MOVED and not missing:
        return known
    received = {
        _identity(file)
        for file in (known.files if known else ())
        if file.received and file.name not in missing
    }
    files = tuple(
        msgspec.structs.replace(file, received=_identity(file) in received) for file in told.files
    )
    return _settled(msgspec.structs.replace(told, files=files))


def _identity(file: StoredFile) -> tuple[str, int, str]:
    """Return the values by which two reported files are the same file."""
    return (file.name, file.size, file.sha256)


def _settled(segment: Segment) -> Segment:
    """Return the segment, as moved if its recording has ended and the store has all of its files."""
    if segment.ended_at is None or not all(file.received for file in segment.files):
        return segment
    return msgspec.structs.replace(segment, state=SegmentState.MOVED)


def _moment(text: str) -> datetime:
    """Return the time in a unit's message, in UTC. Raises ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text}: no time in UTC") from None


def is_film_due(
    state: RecordingState, segments: Sequence[SegmentState], film_segments: int
) -> bool:
    """Return whether a film is to be made of a recording: no segment is waited for, and the film lacks one.

    `segments`: the states of its segments. `film_segments`: of how many of them the film was made, or is being made.
    """
    if state is RecordingState.FAILED or SegmentState.WAITING in segments:
        return False
    return segments.count(SegmentState.MOVED) > film_segments

"""The rows of recordings as jobs: for which recording a film (one video file) is due, who makes it, and how far it is.

The row is the truth, and tasks of Celery only point to it: a task that comes twice finds nothing to do, and one that
was lost with its worker is sent again.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from conferences.data import recording_store
from conferences.data.recording_store import SegmentKey
from conferences.models import Recording, RecordingSegment
from conferences.rules.recordings import (
    JOB_SILENT,
    LOST_AFTER,
    MOST_ATTEMPTS,
    QUEUED_AGAIN_AFTER,
    RecordingState,
    SegmentState,
    is_film_due,
)
from foundation import clock
from foundation.cells.directory import store_of

_AT_ONCE = 50


class FilmJob(NamedTuple):
    """Represent a film (one video file of a whole recording) that this process makes.

    Its fields are the recording, the number of the attempt, and the folders of the recorded segments.
    """

    database: str
    recording: str
    attempt: int
    folders: tuple[Path, ...]


def report_lost(database: str, now: datetime) -> None:
    """Mark recorded segments as lost that no media unit has mentioned for LOST_AFTER.

    The film is then made of the others.
    """
    waiting = RecordingSegment.objects.using(database).filter(state=SegmentState.WAITING)
    waiting.filter(told_at__lt=now - LOST_AFTER).update(state=SegmentState.LOST)


def queue_due(database: str) -> None:
    """Queue the recordings of which a film is due: no segment is waited for, and some are not in the film yet."""
    segments = RecordingSegment.objects.using(database).filter(recording=OuterRef("pk"))
    is_waited_for = Exists(segments.filter(state=SegmentState.WAITING))
    is_here = Exists(segments.filter(state=SegmentState.MOVED))
    collecting = Recording.objects.using(database).filter(state=RecordingState.COLLECTING)
    # Whatever waits for a unit that is away must not stand before others.
    complete = collecting.filter(~is_waited_for, is_here, deleted_at=None)
    for recording in complete.order_by("begun_at")[:_AT_ONCE]:
        states = [SegmentState(row.state) for row in _segments(database, recording.id)]
        if is_film_due(RecordingState.COLLECTING, states, recording.film_segments):
            rows = collecting.filter(pk=recording.pk)
            rows.update(state=RecordingState.QUEUED, attempts=0, working_at=None, progress=0)


def take_to_send(database: str, now: datetime) -> list[str]:
    """Return the ids of recordings whose film a worker is to make now, and mark them as sent.

    They are new ones, ones whose task was lost, and ones whose worker has died; at most so many at once.
    """
    is_new = Q(state=RecordingState.QUEUED, working_at=None)
    is_forgotten = Q(state=RecordingState.QUEUED, working_at__lt=now - QUEUED_AGAIN_AFTER)
    is_dead = Q(state=RecordingState.RUNNING, working_at__lt=now - JOB_SILENT)
    rows = Recording.objects.using(database).filter(is_new | is_forgotten | is_dead)
    rows = rows.filter(deleted_at=None).order_by("working_at")
    ids = list(rows.values_list("id", flat=True)[:_AT_ONCE])
    # A film whose worker has died is queued again, so that the next round does not send a second task for it.
    Recording.objects.using(database).filter(is_new | is_forgotten | is_dead, pk__in=ids).update(
        state=RecordingState.QUEUED, working_at=now
    )
    return ids


def claim(platform: str, recording: str) -> FilmJob | None:
    """Claim the making of a recording's film for this process, and return it as a job.

    Returns `None` if the recording is gone, needs no film now, another process makes it, or too many attempts failed;
    the last is stored as the film's failure.
    """
    database, now = store_of(platform).database, clock.now()
    with transaction.atomic(using=database):
        row = Recording.objects.using(database).select_for_update().filter(pk=recording).first()
        if row is None or row.deleted_at or row.state not in ("queued", "running"):
            return None
        # A worker writes its progress often; one that was silent for long has died.
        is_alive = row.working_at is not None and row.working_at > now - JOB_SILENT
        if row.state == RecordingState.RUNNING and is_alive:
            return None
        if row.attempts >= MOST_ATTEMPTS:
            row.state, row.error = RecordingState.FAILED, "its worker has died at each attempt"
            row.save(using=database)
            return None
        keys = [
            SegmentKey(platform, recording, segment.incarnation, segment.segment)
            for segment in _segments(database, recording)
            if segment.state == SegmentState.MOVED
        ]
        row.state, row.attempts, row.working_at = RecordingState.RUNNING, row.attempts + 1, now
        row.film_segments = len(keys)
        row.save(using=database)
    folders = tuple(recording_store.segment_folder(key) for key in keys)
    return FilmJob(database, recording, row.attempts, folders)


def note_progress(job: FilmJob, progress: int) -> bool:
    """Write how many percent of a film are made; return False if the film is not this process's any more.

    Then it was deleted, or given to another worker.
    """
    return bool(_rows_of(job).update(progress=progress, working_at=clock.now()))


def finish(job: FilmJob, milliseconds: int, size: int) -> bool:
    """Write that a film is ready, with its length and size in bytes; return False if it is not this process's any more.

    If more segments have come meanwhile, the film will be made anew.
    """
    moved = [row for row in _segments(job.database, job.recording) if row.state == "moved"]
    has_more = len(moved) > len(job.folders)
    return bool(
        _rows_of(job).update(
            state=RecordingState.COLLECTING if has_more else RecordingState.DONE,
            progress=100,
            film_ms=milliseconds,
            film_bytes=size,
            error="",
        )
    )


def fail(job: FilmJob, error: str) -> None:
    """Write why an attempt to make a film has failed, and queue the next one.

    After the last attempt the film is failed for good, and an operator decides.
    """
    state = RecordingState.FAILED if job.attempt >= MOST_ATTEMPTS else RecordingState.QUEUED
    _rows_of(job).update(state=state, error=error[:200], film_segments=0, working_at=clock.now())


def try_again(platform: str, recording: str) -> bool:
    """Queue the film of a recording once more if it has failed; return whether it had."""
    rows = Recording.objects.using(store_of(platform).database)
    failed = rows.filter(pk=recording, state=RecordingState.FAILED)
    return bool(failed.update(state=RecordingState.QUEUED, attempts=0, working_at=None))


def _rows_of(job: FilmJob) -> QuerySet[Recording]:
    """Return the recording's row of a job as a query, which is empty if the job is not this process's any more."""
    return Recording.objects.using(job.database).filter(
        pk=job.recording, state=RecordingState.RUNNING, attempts=job.attempt
    )


def _segments(database: str, recording: str) -> list[RecordingSegment]:
    """Return the recorded segments of a recording in the order of time."""
    rows = RecordingSegment.objects.using(database).filter(recording=recording)
    return list(rows.order_by("incarnation", "segment"))

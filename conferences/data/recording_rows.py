"""The functions here read and write the rows of recordings and of their segments, the files of one stretch each."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import Count, QuerySet

from conferences.data.recording_store import SegmentKey
from conferences.models import Conference, Recording, RecordingSegment
from conferences.rules.recordings import RecordingState, Segment, SegmentState, StoredFile
from conferences.rules.states import Unit
from foundation.cells.directory import store_of
from foundation.cells.serving import is_served_here
from wire.recordings import UnitHasSegment


class NotServed(Exception):
    """The exception that says that this site does not serve the platform now: another site does, or nobody."""


class RecordingRows:
    """The recordings of one platform, as one transaction reads and writes them."""

    def __init__(self, database: str, platform: str) -> None:
        """Read and write the platform's data in this database; nothing is read yet."""
        self._database, self._platform = database, platform

    def recording_of(self, confid: str, begun_at: datetime, new_id: str) -> str | None:
        """Return the id of a conference's recording, which is created with `new_id` if there is none.

        `None`: the platform has no such conference.
        """
        conference = Conference.objects.using(self._database).filter(pk=confid).first()
        if conference is None:
            return None
        recording, _ = Recording.objects.using(self._database).get_or_create(
            confid=confid,
            defaults={
                "id": new_id,
                "e164": conference.e164,
                "name": conference.name,
                "user_domain": conference.user_domain,
                "source_platform": self._platform,
                "begun_at": begun_at,
            },
        )
        return recording.id

    def is_purged(self, recording: str) -> bool:
        """Return whether a recording was deleted for good: what units still have of it is to be deleted, too."""
        rows = Recording.objects.using(self._database).filter(pk=recording)
        return rows.filter(state=RecordingState.PURGED).exists()

    def key_of(self, recording: str, notice: UnitHasSegment) -> SegmentKey:
        """Return the key of the recorded segment that a media unit's message describes."""
        return SegmentKey(self._platform, recording, notice.incarnation, notice.segment)

    def segment(self, key: SegmentKey) -> Segment | None:
        """Lock and return a recorded segment; `None` means that no media unit has reported it."""
        return _segment_of(_lock_row(self._database, key))

    def save(self, key: SegmentKey, segment: Segment, unit: Unit | None) -> None:
        """Write a recorded segment as its media unit has reported it.

        `unit`: that unit; `None` leaves the one that is stored.
        """
        columns = _columns_of(segment)
        if unit:
            columns |= {"unit_ip": unit.ip, "unit_pid": unit.pid}
        RecordingSegment.objects.using(self._database).update_or_create(
            recording=key.recording,
            incarnation=key.incarnation,
            segment=key.segment,
            defaults=columns,
        )
        _collect_again(self._database, key, segment)


def find_file(key: SegmentKey, name: str) -> StoredFile | None:
    """Return a file of a recorded segment that the store expects or has; `None` if it expects no such file.

    Raises NotServed.
    """
    _require_serving(key.platform)
    row = _rows(store_of(key.platform).database, key).first()
    segment = _segment_of(row)
    return next((file for file in segment.files if file.name == name), None) if segment else None


def mark_received(key: SegmentKey, name: str) -> None:
    """Write that the store has all bytes of a segment's file; do nothing if the segment is gone. Raises NotServed."""
    database = store_of(key.platform).database
    with transaction.atomic(using=database):
        _require_serving(key.platform, lock=True)
        if segment := _segment_of(_lock_row(database, key)):
            segment = segment.with_received(name)
            _rows(database, key).update(**_columns_of(segment))
            _collect_again(database, key, segment)


def count_segments(database: str) -> dict[str, int]:
    """Return the number of recorded segments in each state: state -> number."""
    rows = RecordingSegment.objects.using(database).values_list("state").annotate(Count("state"))
    return {state.value: 0 for state in SegmentState} | dict(rows)


def _collect_again(database: str, key: SegmentKey, segment: Segment) -> None:
    """Let a recording's film be made anew if it is finished or failed, and this segment has arrived since.

    While the segment waits, the film there is counts as made of none: the segment may be one that the store has lost.
    """
    finished = (RecordingState.DONE, RecordingState.FAILED)
    rows = Recording.objects.using(database).filter(pk=key.recording, state__in=finished)
    if segment.state is SegmentState.MOVED:
        rows.update(state=RecordingState.COLLECTING, attempts=0)
    else:
        rows.update(film_segments=0)


def _require_serving(platform: str, *, lock: bool = False) -> None:
    """Raise NotServed unless this site serves a platform. `lock`: keep it so until the transaction ends."""
    if not is_served_here(platform, lock=lock):
        raise NotServed(platform)


def _rows(database: str, key: SegmentKey) -> QuerySet[RecordingSegment]:
    """Return a query for the row of a recorded segment."""
    return RecordingSegment.objects.using(database).filter(
        recording=key.recording, incarnation=key.incarnation, segment=key.segment
    )


def _lock_row(database: str, key: SegmentKey) -> RecordingSegment | None:
    """Lock and return the row of a recorded segment; `None` if there is none."""
    return _rows(database, key).select_for_update().first()


def _segment_of(row: RecordingSegment | None) -> Segment | None:
    """Return the recorded segment that a row describes; `None` without a row."""
    if row is None:
        return None
    files = msgspec.convert(row.files, tuple[StoredFile, ...])
    return Segment(SegmentState(row.state), row.begun_at, row.ended_at, files, row.told_at)


def _columns_of(segment: Segment) -> dict[str, object]:
    """Return the values of a recorded segment by column of its table."""
    columns: dict[str, object] = msgspec.structs.asdict(segment)
    return columns | {"files": msgspec.to_builtins(segment.files)}

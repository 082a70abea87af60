"""The state of recorded segments and films, for operators, in `manage.py doctor` and `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily

from conferences.data.recording_rows import count_segments
from conferences.models import Recording, RecordingSegment
from conferences.rules.recordings import LOST_AFTER, RecordingState, SegmentState
from foundation import clock
from foundation.cells.directory import own_platform, store_of
from foundation.web.findings import Finding

UNTOLD = timedelta(minutes=10)
"""A unit tells of what it has each minute; after so long it is away, or the scheduler does not hear it."""


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield the metric with the number of recorded segments in each state; together they are all that was recorded."""
    family = GaugeMetricFamily("recording_segments", "Recorded segments", labels=["state"])
    for state, count in count_segments(store_of(own_platform()).database).items():
        family.add_metric([state], count)
    yield family


def findings() -> list[Finding]:
    """Return what `manage.py doctor` says about recordings: one fault, or a finding without one.

    A fault is that segments wait at media units that are silent, or that films could not be made.
    """
    database, now = store_of(own_platform()).database, clock.now()
    waiting = RecordingSegment.objects.using(database).filter(state=SegmentState.WAITING)
    silent = waiting.filter(told_at__lt=now - UNTOLD)
    if unit := silent.values_list("unit_ip", "unit_pid").first():
        trouble = (
            f"{silent.count()} segments wait at units that say nothing, such as {':'.join(unit)}"
        )
        todo = f"start that unit again with its CMU_DIR; after {LOST_AFTER.days} days they are lost"
        return [Finding("recordings", trouble, todo)]
    failed = Recording.objects.using(database).filter(state=RecordingState.FAILED).count()
    if failed:
        todo = "see why in the admin (Recordings), and let it be tried again"
        return [Finding("recordings", f"{failed} films could not be made", todo)]
    return [Finding("recordings")]

"""Define the metrics of conferences for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

from conferences.rules.reservation import Occurrence, OccurrenceState
from conferences.rules.states import Conference, ConferenceState
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of

_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 300)
CREATED = Histogram(
    "conference_create_seconds",
    "Seconds from the create request until the conference runs",
    buckets=_SECONDS,
)
RESTORED = Histogram(
    "conference_restore_seconds",
    "Seconds from the loss of a media unit until the conference runs again",
    buckets=_SECONDS,
)
ENDED = Counter("conferences_ended_total", "Conferences ended, by reason", ["reason"])

STARTED_LATE = Histogram(
    "reservation_start_seconds",
    "Seconds from the start of a booked date until its conference runs",
    buckets=_SECONDS,
)
OCCURRENCE_STARTS = Counter(
    "reservation_dates_total", "Dates of reservations that were begun or given up", ["state"]
)


def observe_occurrence(before: Occurrence | None, after: Occurrence, now: datetime) -> None:
    """Count the start of a booked conference (an occurrence of a reservation), if this change says how it went.

    It was begun, or was given up; other changes do not count. `before`, `after`: the occurrence around a commit.
    """
    if before is not None and before.state is after.state:
        return
    if after.state is OccurrenceState.BEGUN:
        STARTED_LATE.observe(max(0.0, (now - after.starts_at).total_seconds()))
    if after.state in (OccurrenceState.BEGUN, OccurrenceState.FAILED):
        OCCURRENCE_STARTS.labels(after.state.value).inc()


def observe_conference(before: Conference | None, after: Conference) -> None:
    """Count a committed change of a conference: it was created or restored (and how long that took), or ended.

    A new conference, and one in the same state, are not counted.
    """
    if before is None or before.state is after.state:
        return
    if after.state is ConferenceState.ENDED:
        ENDED.labels(after.end_reason).inc()
    elif after.state is ConferenceState.RUNNING and after.placed_at:
        if before.state is ConferenceState.CREATING:
            CREATED.observe((after.placed_at - before.created_at).total_seconds())
        elif before.pending_since:
            RESTORED.observe((after.placed_at - before.pending_since).total_seconds())


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield the metrics that are read from the database: live conferences by state, and online media units by type."""
    database = store_of(own_platform()).database
    states = sql.select(
        database,
        "SELECT state, COUNT(*) FROM conferences_conference"
        " WHERE live_e164 IS NOT NULL GROUP BY state",
    )
    units = sql.select(
        database, "SELECT restype, SUM(online) FROM conferences_resourceunit GROUP BY restype"
    )
    live = GaugeMetricFamily("conferences_live", "Live conferences, by state", labels=["state"])
    for state, count in states:
        live.add_metric([state], int(count))
    online = GaugeMetricFamily("units_online", "Units that are online, by type", labels=["type"])
    for restype, count in units:
        online.add_metric([restype], int(count))
    yield from (live, online)

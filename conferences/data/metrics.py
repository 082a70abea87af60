"""What conferences count and time, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from conferences.rules.states import Conference, ConferenceState
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of

_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 300)
CREATED = Histogram("conference_create_seconds", "Request to RUNNING", buckets=_SECONDS)
RESTORED = Histogram("conference_restore_seconds", "Unit lost to RUNNING again", buckets=_SECONDS)
ENDED = Counter("conferences_ended_total", "Conferences ended, by reason", ["reason"])


def observe(before: Conference | None, after: Conference) -> None:
    """Count a move that was committed."""
    if before is None or before.state is after.state:
        return
    if after.state is ConferenceState.ENDED:
        ENDED.labels(after.end_reason).inc()
    elif after.state is ConferenceState.RUNNING and after.placed_at:
        if before.state is ConferenceState.CREATING:
            CREATED.observe((after.placed_at - before.created_at).total_seconds())
        elif before.pending_since:
            RESTORED.observe((after.placed_at - before.pending_since).total_seconds())


def metrics() -> list[str]:
    """What the database knows: live conferences by state, and units."""
    database = store_of(own_platform()).database
    states = sql.select(
        database,
        "SELECT state, COUNT(*) FROM conferences_conference"
        " WHERE live_e164 IS NOT NULL GROUP BY state",
    )
    units = sql.select(
        database, "SELECT restype, SUM(online) FROM conferences_resourceunit GROUP BY restype"
    )
    lines = ["# TYPE conferences_live gauge"]
    lines += [f'conferences_live{{state="{state}"}} {count}' for state, count in states]
    lines.append("# TYPE units_online gauge")
    return lines + [f'units_online{{type="{kind}"}} {count}' for kind, count in units]

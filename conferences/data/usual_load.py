"""Define the table of usual load: for each hour of the week, how many places unreserved conferences use."""

from __future__ import annotations

from datetime import UTC, datetime

from conferences.rules.capacity import hour_of_week, updated_usual
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql

_IN_USE = (
    "SELECT COALESCE(SUM(places), 0) FROM conferences_conference WHERE live_e164 IS NOT NULL"
    " AND JSON_VALUE(detail, '$.occurrence') IS NULL"
)
_COLUMNS = ("hour", "usual", "peak", "peak_hour")


def record_load(database: str, now: datetime) -> None:
    """Record how many places conferences without a reservation use now, if it is the highest number of this hour.

    The first call in the same hour of the next week adds this peak to the moving average `usual` (see `updated_usual`).
    """
    in_use = int(sql.select(database, _IN_USE)[0][0])
    hour = hour_of_week(now)
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    query = "SELECT usual, peak, peak_hour FROM conferences_usualload WHERE hour=%s FOR UPDATE"
    usual, peak = 0.0, in_use
    for earlier_usual, earlier_peak, peak_hour in sql.select(database, query, [hour]):
        if peak_hour.replace(tzinfo=UTC) == this_hour:
            usual, peak = earlier_usual, max(earlier_peak, in_use)
        else:
            is_first = earlier_usual == 0
            usual = updated_usual(earlier_usual, earlier_peak, is_first=is_first)
    row = (hour, usual, peak, to_db_datetime(this_hour))
    sql.insert(database, "conferences_usualload", _COLUMNS, [row], _COLUMNS[1:])

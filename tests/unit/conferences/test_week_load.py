"""The coming week shows, hour by hour, the most places that are needed at one moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from conferences.rules.capacity import Span
from conferences.rules.week_load import first_midnight, week_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2030, 3, 28, 15, 30, tzinfo=UTC)
"""A Thursday; on the Sunday after it the clocks in Berlin are put forward."""


def _span(hour: int, minutes: int, length: int, places: int) -> Span:
    """A span that begins at this time of the first day, in UTC."""
    start = NOW.replace(hour=hour, minute=minutes)
    return Span(start, start + timedelta(minutes=length), places)


def test_what_follows_one_another_within_an_hour_is_not_added_up() -> None:
    own = [_span(9, 0, 30, 8), _span(9, 30, 30, 8)]
    today = week_of(NOW, BERLIN, own, [_span(9, 45, 60, 32)], {3 * 24 + 9: 4.4})[0]
    by_hour = {load.starts_at.hour: load for load in today}
    assert tuple(by_hour[9])[1:] == (8, 32, 4)
    assert by_hour[9].needed == 44
    assert tuple(by_hour[10])[1:] == (0, 32, 0)
    assert by_hour[11].needed == 0


def test_days_are_those_of_the_time_zone_also_when_its_clocks_change() -> None:
    week = week_of(NOW, BERLIN, [], [], {})
    assert [len(day) for day in week] == [24, 24, 24, 23, 24, 24, 24]
    assert week[0][0].starts_at == first_midnight(NOW, BERLIN)
    assert f"{week[4][0].starts_at.astimezone(BERLIN):%d %H:%M}" == "01 00:00"


def test_a_date_that_lasts_for_days_is_in_all_of_their_hours() -> None:
    long = Span(NOW - timedelta(days=2), NOW + timedelta(days=2), 8)
    week = week_of(NOW, ZoneInfo("UTC"), [], [long], {})
    assert sum(load.others == 8 for day in week for load in day) == 24 + 24 + 16

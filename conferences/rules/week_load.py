"""The module counts the places booked in each hour of the coming week, beside those usually in use. It is pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from conferences.rules.capacity import Span, hour_of_week, peak_places

DAYS = 7
_HOUR = timedelta(hours=1)


class HourLoad(NamedTuple):
    """The most places that are needed at one moment of an hour: booked by one's own domain, by others, and usually."""

    starts_at: datetime
    own: int
    others: int
    usual: int

    @property
    def needed(self) -> int:
        """Return how many places are needed at once in the hour, by all together."""
        return self.own + self.others + self.usual


def first_midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the beginning of the present day in a time zone, as a time in UTC."""
    return _first_hour_of_day(now.astimezone(zone).replace(tzinfo=None), zone, 0)


def week_of(
    now: datetime,
    zone: ZoneInfo,
    own: Sequence[Span],
    others: Sequence[Span],
    usual: Mapping[int, float],
) -> list[list[HourLoad]]:
    """Return for today and the six days after it how many places of media units each hour needs, by day of a time zone.

    `own`, `others`: what the viewer's user domain and others have booked. `usual`: hour of the week -> places used
    without a reservation. A day on which clocks change has 23 or 25 hours.
    """
    own_by_hour, all_by_hour = _spans_by_hour(own), _spans_by_hour([*own, *others])
    days = []
    for hours in _hours_of_days(now, zone):
        loads = []
        for hour in hours:
            needed = peak_places(all_by_hour[hour], hour, hour + _HOUR)
            # The peaks of both may lie at different moments of the hour.
            own_places = min(needed, peak_places(own_by_hour[hour], hour, hour + _HOUR))
            usual_places = round(usual.get(hour_of_week(hour), 0.0))
            loads.append(HourLoad(hour, own_places, needed - own_places, usual_places))
        days.append(loads)
    return days


def _hours_of_days(now: datetime, zone: ZoneInfo) -> Iterator[list[datetime]]:
    """Yield for each of DAYS days, beginning with today, the times at which its hours begin, in UTC."""
    local = now.astimezone(zone).replace(tzinfo=None)
    for day in range(DAYS):
        hour, end = _first_hour_of_day(local, zone, day), _first_hour_of_day(local, zone, day + 1)
        hours = []
        while hour < end:
            hours.append(hour)
            hour += _HOUR
        yield hours


def _first_hour_of_day(local: datetime, zone: ZoneInfo, days_later: int) -> datetime:
    """Return the beginning of the day `days_later` days after `local`, as the whole hour in UTC in which it lies.

    The load is counted by hours of UTC; in zones such as India's, midnight lies within one.
    """
    day = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days_later)
    return day.replace(tzinfo=zone).astimezone(UTC).replace(minute=0)


def _spans_by_hour(spans: Sequence[Span]) -> defaultdict[datetime, list[Span]]:
    """Return the booked spans by the hours that they touch; the key is the hour's beginning in UTC."""
    by_hour: defaultdict[datetime, list[Span]] = defaultdict(list)
    for span in spans:
        hour = span.starts_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        while hour < span.ends_at:
            by_hour[hour].append(span)
            hour += _HOUR
    return by_hour

"""The functions here write a time zone for calendar programs (VTIMEZONE, RFC 5545 §3.6.5). Pure functions.

A zone that changes its clocks every year on the same day of a month gets a rule, because Outlook reads no lists of
dates here; only a zone without such a rule, such as Morocco's, gets a list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import icalendar

_YEARS = 28
"""After so many years the days of the week fall on the same dates again."""
_STEP = timedelta(days=7)
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class _Change(NamedTuple):
    """A change of the clocks: its time on the clock `before` it, and the offsets from UTC before and after it."""

    local: datetime
    before: timedelta
    after: timedelta


@cache
def time_zone_component(name: str, year: int) -> icalendar.Timezone:
    """Return the VTIMEZONE of an IANA zone for dates in this year and the following ones.

    The component is cached, so callers must not change it. If a change follows no yearly rule, all are listed.
    """
    zone = ZoneInfo(name)
    since = datetime(year - 1, 1, 1, tzinfo=UTC)
    changes = list(_changes(zone, since, datetime(year + _YEARS, 1, 1, tzinfo=UTC)))
    component = icalendar.Timezone()
    component.add("tzid", name)
    groups: dict[tuple[object, ...], list[_Change]] = defaultdict(list)
    for change in changes:
        groups[change.before, change.after, change.local.month].append(change)
    rules = [_yearly_rule(group) for group in groups.values()]
    if not changes or not all(rules):
        rules = [None] * len(groups)
        offset = _offset(zone, since)
        component.add_component(
            _observance(
                [_Change(datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None), offset, offset)],
                None,
            )
        )
    for group, rule in zip(groups.values(), rules, strict=True):
        component.add_component(_observance(group, rule))
    return component


def _changes(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[_Change]:
    """Yield the changes of a zone's clocks between two points in time, both in UTC."""
    earlier = since
    while earlier < until:
        later = earlier + _STEP
        before, after = _offset(zone, earlier), _offset(zone, later)
        if before != after:
            moment = _moment_of_change(zone, earlier, later)
            yield _Change((moment + before).replace(tzinfo=None), before, after)
        earlier = later


def _moment_of_change(zone: ZoneInfo, earlier: datetime, later: datetime) -> datetime:
    """Return the first second (UTC) at which a zone has the offset that it has at `later`, by halving the span."""
    before = _offset(zone, earlier)
    while later - earlier > timedelta(seconds=1):
        middle = earlier + timedelta(seconds=(later - earlier) // timedelta(seconds=2))
        if _offset(zone, middle) == before:
            earlier = middle
        else:
            later = middle
    return later


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    """Return the difference between a zone's local time and UTC at a moment."""
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _yearly_rule(changes: Sequence[_Change]) -> dict[str, object] | None:
    """Return the yearly rule (RRULE) of clock changes that all lie in one month; `None` if they follow none."""
    first = changes[0].local
    times = {(change.local.time(), change.local.weekday()) for change in changes}
    years = [change.local.year for change in changes]
    if len(times) != 1 or years != [*range(first.year, first.year + len(years))]:
        return None
    if len(years) < _YEARS:
        return None
    days = {change.local.day for change in changes}
    low, high, weekday = min(days), max(days), _DAYS[first.weekday()]
    rule: dict[str, object] = {"freq": "yearly", "bymonth": first.month}
    # If the latest day seen is the month's last, it is the last such weekday; if 7, 14 ..., the nth; else a week of
    # days.
    end_of_month = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    if high == end_of_month.day:
        return rule | {"byday": f"-1{weekday}"}
    if high % 7 == 0 and high - low < 7:
        return rule | {"byday": f"{high // 7}{weekday}"}
    return rule | {"byday": weekday, "bymonthday": list(range(high - 6, high + 1))}


def _observance(
    changes: Sequence[_Change], rule: dict[str, object] | None
) -> icalendar.TimezoneStandard | icalendar.TimezoneDaylight:
    """Return the component STANDARD or DAYLIGHT that begins at the first of these clock changes.

    The others follow by the rule (RRULE), or are listed if `rule` is `None`.
    """
    first, *others = changes
    is_summer = first.after > first.before
    component = icalendar.TimezoneDaylight() if is_summer else icalendar.TimezoneStandard()
    component.add("dtstart", first.local)
    component.add("tzoffsetfrom", first.before)
    component.add("tzoffsetto", first.after)
    if rule is not None:
        component.add("rrule", rule)
    elif others:
        component.add("rdate", [change.local for change in others])
    return component

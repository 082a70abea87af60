"""The starts (UTC) of a repeated reservation are computed from its RRULE (RFC 5545), zone and first start. Pure.

Occurrences are computed in local time, so that a weekly meeting at 09:00 stays at 09:00 when summer time begins or
ends. python-dateutil does it; rules on which it would run for ever, or that have too many occurrences, are refused
before.
"""

from __future__ import annotations

import calendar
import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from typing import Literal, NamedTuple

from dateutil import rrule

MAX_RULE_LENGTH = 255
MAX_INTERVAL = 366
MAX_COUNT = 1000
FOLLOWED_FOR = timedelta(days=366 * 30)
"""A rule is not followed further than so long after its first occurrence."""

_FREQUENCIES: dict[str, Literal[0, 1, 2, 3]] = {
    "DAILY": rrule.DAILY,
    "WEEKLY": rrule.WEEKLY,
    "MONTHLY": rrule.MONTHLY,
    "YEARLY": rrule.YEARLY,
}
_WEEKDAYS = {name: getattr(rrule, name) for name in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")}
_RANGES = {"BYMONTHDAY": 31, "BYMONTH": 12, "BYSETPOS": 31}
"""Part of a rule that is a list of whole numbers -> the largest of them; negative ones count from the end."""
_ALWAYS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"})
_PARTS_OF = {
    "DAILY": frozenset({"BYDAY"}),
    "WEEKLY": frozenset({"BYDAY"}),
    "MONTHLY": frozenset({"BYDAY", "BYMONTHDAY", "BYSETPOS"}),
    "YEARLY": frozenset({"BYDAY", "BYMONTHDAY", "BYMONTH"}),
}
"""Frequency -> the further parts that are allowed with it: those that calendars write for such meetings."""
_BY_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")


class InvalidRule(ValueError):
    """A rule of repetition is invalid; the text says why, and what to write."""


class Recurrence(NamedTuple):
    """A recurrence says how a reservation repeats: first start in local time, zone, and rule ("": it does not)."""

    first: datetime
    zone: zoneinfo.ZoneInfo
    rule: str


@cache
def zone_of(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the time zone with this name in the IANA database; `None` means that there is none."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]{0,39}", name):
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def checked_recurrence(starts_at: datetime, zone: zoneinfo.ZoneInfo, rule: str) -> Recurrence:
    """Return the recurrence of a reservation with this first start. Raises InvalidRule.

    The first start must be an occurrence of the rule, because for other starts RFC 5545 defines no occurrences, and
    calendars differ.
    """
    repeated = unchecked_recurrence(starts_at, zone, rule.removeprefix("RRULE:").strip().upper())
    local = repeated.first
    if repeated.rule:
        parts = _parse_rule(repeated.rule)
        _local_starts(repeated)
        if not _first_day_fits(parts, local.date()):
            raise InvalidRule(
                "does not fall on the start; choose a start that is a date of the rule"
            )
        if "UNTIL" in parts and _until_moment(parts["UNTIL"], zone) < local:
            raise InvalidRule("UNTIL lies before the start")
    return repeated


def unchecked_recurrence(starts_at: datetime, zone: zoneinfo.ZoneInfo, rule: str) -> Recurrence:
    """Return how a reservation repeats whose rule was checked when it was booked, without a further check.

    A country may have changed its time since, so that the start in local time is no occurrence of the rule any more.
    The series goes on with the occurrences that are.
    """
    return Recurrence(starts_at.astimezone(zone).replace(tzinfo=None), zone, rule)


def starts_of(repeated: Recurrence, after: datetime | None = None) -> Iterator[datetime]:
    """Yield the starts of a recurrence in UTC, in their order; only those after this time, if it is not `None`.

    A local time that the change to summer time skips is taken with the offset before it (02:30 becomes 03:30); of a
    local time that comes twice in autumn the first one is taken (RFC 5545 §3.3.5).
    """
    skipped_until = after.astimezone(repeated.zone).replace(tzinfo=None) if after else None
    for local in _local_starts(repeated, skipped_until):
        # Of an hour that comes twice the first occurrence keeps the one that was asked for (`fold`).
        date_and_time = repeated.first if local == repeated.first else local
        moment = date_and_time.replace(tzinfo=repeated.zone).astimezone(UTC)
        if after is None or moment > after:
            yield moment


def start_before_change(start: datetime, after: Recurrence, before: Recurrence) -> datetime:
    """Return the start that an occurrence had before its series was changed, from its present `start`; both are in UTC.

    `after`, `before`: the recurrence of the series now and before. An occurrence keeps its distance from the first one,
    in local time.
    """
    distance = start.astimezone(after.zone).replace(tzinfo=None) - after.first
    return (before.first + distance).replace(tzinfo=before.zone).astimezone(UTC)


def move_first_start(repeated: Recurrence, old: datetime, new: datetime) -> datetime:
    """Return the new first start of a series whose meetings all move by the time between `old` and `new`.

    All three are in UTC. The time is measured on the clock of the series' zone, so summer time does not matter.
    `repeated`: the recurrence of the series.
    """
    moved_by = _local_time(new, repeated) - _local_time(old, repeated)
    return (repeated.first + moved_by).replace(tzinfo=repeated.zone).astimezone(UTC)


def _local_time(moment: datetime, repeated: Recurrence) -> datetime:
    """Return a time in the local time of a recurrence's zone, without a time zone."""
    return moment.astimezone(repeated.zone).replace(tzinfo=None)


def _local_starts(repeated: Recurrence, after: datetime | None = None) -> Iterator[datetime]:
    """Return the starts in local time; with `after` only those from then on, and perhaps some up to a day earlier."""
    if not repeated.rule:
        return iter([repeated.first])
    parts = _parse_rule(repeated.rule)
    count = _integer_part(parts, "COUNT", MAX_COUNT) if "COUNT" in parts else None
    limit = repeated.first + FOLLOWED_FOR
    until = min(limit, _until_moment(parts["UNTIL"], repeated.zone) if "UNTIL" in parts else limit)
    computed = rrule.rrule(
        _FREQUENCIES[parts["FREQ"]],
        dtstart=repeated.first,
        interval=_integer_part(parts, "INTERVAL", MAX_INTERVAL),
        wkst=_WEEKDAYS[parts.get("WKST", "MO")],
        until=until,
        bysetpos=_integer_list_part(parts, "BYSETPOS"),
        bymonth=_integer_list_part(parts, "BYMONTH"),
        bymonthday=_integer_list_part(parts, "BYMONTHDAY"),
        byweekday=_weekday_part(parts),
        cache=False,
    )
    every_occurrence = iter(computed) if count is None else islice(computed, count)
    # The caller compares in UTC; by local time a start may lie up to a day earlier.
    earliest = after - timedelta(days=1) if after else repeated.first
    return (local for local in every_occurrence if local >= earliest)


def _first_day_fits(parts: dict[str, str], day: date) -> bool:
    """Return whether a rule of repetition has an occurrence on its first day (`day`).

    `parts`: the parts of the rule. This is checked before dateutil is used, because it would search for a first
    occurrence up to the year 9999.
    """
    if "BYSETPOS" not in parts:
        return _is_candidate(parts, day)
    first, length = day.replace(day=1), calendar.monthrange(day.year, day.month)[1]
    month = (first + timedelta(days=offset) for offset in range(length))
    candidates = [other for other in month if _is_candidate(parts, other, day)]
    positions = _integer_list_part(parts, "BYSETPOS") or []
    # Positions count from 1, or from the end if they are negative.
    chosen = {place - 1 if place > 0 else len(candidates) + place for place in positions}
    return any(index in chosen and other == day for index, other in enumerate(candidates))


def _is_candidate(parts: dict[str, str], day: date, start: date | None = None) -> bool:
    """Return whether a day fits all parts of a repetition rule (RFC 5545) that name days, such as BYDAY.

    BYSETPOS, which chooses among such days, is not looked at. `start`: the rule's first day, if it is not `day`.
    """
    length = calendar.monthrange(day.year, day.month)[1]
    months, month_days = (
        _integer_list_part(parts, "BYMONTH"),
        _integer_list_part(parts, "BYMONTHDAY"),
    )
    days = _weekday_part(parts)
    if months is not None and day.month not in months:
        return False
    if month_days is not None and not {day.day, day.day - length - 1} & set(month_days):
        return False
    if days is None:
        # Without BYDAY and BYMONTHDAY a month has one occurrence: the day of the start.
        return month_days is not None or start is None or day.day == start.day
    nth, nth_from_end = (day.day - 1) // 7 + 1, -((length - day.day) // 7 + 1)
    return any(
        weekday.weekday == day.weekday() and weekday.n in (None, nth, nth_from_end)
        for weekday in days
    )


def calendar_rule(repeated: Recurrence) -> str:
    """Return the rule of repetition (RRULE) of a series as calendars want it: UNTIL is in UTC (RFC 5545 §3.3.10)."""
    parts = _parse_rule(repeated.rule)
    if "UNTIL" in parts:
        moment = _until_moment(parts["UNTIL"], repeated.zone).replace(tzinfo=repeated.zone)
        parts["UNTIL"] = f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return ";".join(f"{name}={value}" for name, value in parts.items())


# ---- reading a rule ------------------------------------------------------------------------------


def _parse_rule(rule: str) -> dict[str, str]:
    """Return the parts of a rule: name -> value. Raises InvalidRule for a malformed or unsupported rule."""
    if len(rule) > MAX_RULE_LENGTH:
        raise InvalidRule(f"has {len(rule)} characters; at most {MAX_RULE_LENGTH} are taken")
    parts: dict[str, str] = {}
    for part in rule.rstrip(";").split(";"):
        name, _, value = part.partition("=")
        if not value:
            raise InvalidRule(f"{part[:40]!r} must have the form NAME=VALUE")
        if name in parts:
            raise InvalidRule(f"{name} is given twice")
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        raise InvalidRule(f"FREQ must be one of {', '.join(_FREQUENCIES)}")
    supported = _ALWAYS | _PARTS_OF[parts["FREQ"]]
    if unknown := sorted(parts.keys() - supported):
        raise InvalidRule(f"{unknown[0][:40]} is not taken with FREQ={parts['FREQ']}")
    if parts["FREQ"] == "YEARLY" and "BYDAY" in parts and "BYMONTH" not in parts:
        raise InvalidRule("BYDAY of a yearly rule needs BYMONTH")
    if parts.get("WKST", "MO") not in _WEEKDAYS:
        raise InvalidRule("WKST must be a day such as MO")
    if "COUNT" in parts and "UNTIL" in parts:
        raise InvalidRule("COUNT and UNTIL exclude each other; give one of them")
    return parts


def _integer_part(parts: dict[str, str], name: str, maximum: int) -> int:
    """Return the part of a rule with this name, a whole number from 1 to `maximum`; 1 if it is absent.

    Raises InvalidRule for another value.
    """
    value = parts.get(name, "1")
    if not re.fullmatch(r"[0-9]{1,4}", value) or not 1 <= int(value) <= maximum:
        raise InvalidRule(f"{name} must lie between 1 and {maximum}")
    return int(value)


def _integer_list_part(parts: dict[str, str], name: str) -> list[int] | None:
    """Return the part of a rule with this name, a list of whole numbers; `None` if it is absent. Raises InvalidRule."""
    if name not in parts:
        return None
    maximum = _RANGES[name]
    values = parts[name].split(",")
    # Days count from the end of the month or list if they are negative; months do not.
    lowest = 1 if name == "BYMONTH" else -maximum
    if not all(re.fullmatch(r"[+-]?[0-9]{1,3}", value) for value in values) or not all(
        value and lowest <= value <= maximum for value in map(int, values)
    ):
        raise InvalidRule(f"{name} must be a list of whole numbers up to {maximum}")
    return [int(value) for value in values]


def _weekday_part(parts: dict[str, str]) -> list[rrule.weekday] | None:
    """Return the days of the part BYDAY, such as MO or -1FR (the last Friday); `None` if it is absent.

    Raises InvalidRule.
    """
    if "BYDAY" not in parts:
        return None
    days = []
    for match in [_BY_DAY.fullmatch(value) for value in parts["BYDAY"].split(",")]:
        if match is None or (match[1] and parts["FREQ"] not in ("MONTHLY", "YEARLY")):
            raise InvalidRule("BYDAY must be days such as MO, or 2TU and -1FR in a month")
        day = _WEEKDAYS[match[2]]
        days.append(day(int(match[1])) if match[1] else day)
    return days


def _until_moment(value: str, zone: zoneinfo.ZoneInfo) -> datetime:
    """Return the time that the part UNTIL of a rule names, in local time of the zone; a date means the end of that day.

    Raises InvalidRule if it is no date or time.
    """
    match = _UNTIL.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        day = date.fromisoformat(match[1])
        clock_time = time.fromisoformat(match[2]) if match[2] else time(23, 59, 59)
    except ValueError:
        raise InvalidRule("UNTIL must be a date such as 20270131 or 20270131T090000Z") from None
    local = datetime.combine(day, clock_time)
    if not match[3]:
        return local
    try:
        return local.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        # Calendars write the last second of the year 9999 for "no end"; east of Greenwich that is the year 10000.
        return local

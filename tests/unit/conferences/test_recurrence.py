"""Reservations repeat as calendars say, at the same local time in every zone, and no rule runs for ever."""

from __future__ import annotations

import time
import zoneinfo
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from dateutil import rrule, tz
from hypothesis import given, settings
from hypothesis import strategies as st

from conferences.rules.recurrence import (
    FOLLOWED_FOR,
    InvalidRule,
    Recurrence,
    checked_recurrence,
    starts_of,
    unchecked_recurrence,
    zone_of,
)

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "UTC")
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _starts(first: str, rule: str, zone: zoneinfo.ZoneInfo = BERLIN, count: int = 60) -> list[str]:
    """Return the first starts in UTC, as text, of a rule whose first start is given in local time."""
    moment = datetime.fromisoformat(first).replace(tzinfo=zone)
    repeated = checked_recurrence(moment, zone, rule)
    return [f"{start:%Y-%m-%d %H:%M}" for start in islice(starts_of(repeated), count)]


def test_a_weekly_meeting_at_nine_stays_at_nine_through_both_changes_of_the_clock() -> None:
    starts = _starts("2026-03-23 09:00", "FREQ=WEEKLY;COUNT=32")
    assert starts[:2] == ["2026-03-23 08:00", "2026-03-30 07:00"]
    assert starts[-2:] == ["2026-10-19 07:00", "2026-10-26 08:00"]


def test_a_time_that_spring_leaves_out_comes_an_hour_later_that_day() -> None:
    starts = _starts("2026-03-28 02:30", "FREQ=DAILY;COUNT=3")
    assert starts == ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]


def test_a_time_that_comes_twice_in_autumn_is_the_first_of_the_two() -> None:
    starts = _starts("2026-10-24 02:30", "FREQ=DAILY;COUNT=3")
    assert starts == ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]


@pytest.mark.parametrize(
    ("rule", "starts"),
    [
        ("", ["2026-11-30 08:00"]),
        ("FREQ=DAILY;INTERVAL=2;COUNT=2", ["2026-11-30 08:00", "2026-12-02 08:00"]),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3", ["2026-11-30 08:00", "2026-12-02 08:00", "2026-12-07 08:00"]),
        ("FREQ=MONTHLY;BYDAY=-1MO;COUNT=2", ["2026-11-30 08:00", "2026-12-28 08:00"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2", ["2026-11-30 08:00", "2026-12-31 08:00"]),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2",
            ["2026-11-30 08:00", "2026-12-31 08:00"],
        ),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=5MO;COUNT=1", ["2026-11-30 08:00"]),
        ("FREQ=DAILY;UNTIL=20261201", ["2026-11-30 08:00", "2026-12-01 08:00"]),
        ("FREQ=DAILY;UNTIL=20261201T080000Z", ["2026-11-30 08:00", "2026-12-01 08:00"]),
        ("FREQ=DAILY;UNTIL=20261201T085959", ["2026-11-30 08:00"]),
    ],
)  # fmt: skip
def test_the_rules_that_calendars_write_are_followed(rule: str, starts: list[str]) -> None:
    assert _starts("2026-11-30 09:00", rule) == starts


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=HOURLY", "FREQ must be one of"),
        ("INTERVAL=2", "FREQ must be one of"),
        ("FREQ=DAILY;COUNT=0", "COUNT must lie between"),
        ("FREQ=DAILY;INTERVAL=100000", "INTERVAL must lie between"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "exclude each other"),
        ("FREQ=DAILY;BYHOUR=3", "BYHOUR is not taken"),
        ("FREQ=DAILY;FREQ=DAILY", "given twice"),
        ("FREQ=WEEKLY;BYDAY=2MO", "BYDAY must be"),
        ("FREQ=WEEKLY;BYDAY=TU", "does not fall on the start"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "does not fall on the start"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9", "does not fall on the start"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY must be"),
        ("FREQ=DAILY;UNTIL=20261301", "UNTIL must be"),
        ("FREQ=DAILY;UNTIL=20261129", "UNTIL lies before"),
        ("FREQ=DAILY" + ";" * 300 + "X=1", "at most 255"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_the_part_and_at_once(
    rule: str, words: str
) -> None:
    began = time.process_time()
    with pytest.raises(InvalidRule, match=words):
        _starts("2026-11-30 09:00", rule)
    assert time.process_time() - began < 0.5


def test_zones_are_those_of_the_iana_database() -> None:
    assert zone_of("Europe/Berlin") is not None
    for name in ("Europe/Nowhere", "", "../../etc/passwd", "x" * 50, "Europe"):
        assert zone_of(name) is None, name


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Draw a rule of one of the forms that are taken."""
    by_day = st.lists(st.sampled_from(_DAYS), min_size=1, max_size=4, unique=True).map(",".join)
    nth_day = st.builds(
        lambda n, d: f"{n}{d}", st.sampled_from([1, 2, 3, 4, 5, -1, -2]), st.sampled_from(_DAYS)
    )
    month_day = st.sampled_from([*range(1, 32), -1, -2]).map(str)
    month = st.integers(1, 12).map(str)
    parts = {
        "DAILY": st.one_of(st.just(""), by_day.map(";BYDAY={}".format)),
        "WEEKLY": st.one_of(st.just(""), by_day.map(";BYDAY={}".format)),
        "MONTHLY": st.one_of(
            st.just(""),
            nth_day.map(";BYDAY={}".format),
            month_day.map(";BYMONTHDAY={}".format),
            st.builds(";BYDAY={};BYSETPOS={}".format, by_day, st.sampled_from([1, 2, -1, -2])),
        ),
        "YEARLY": st.one_of(
            st.just(""),
            st.builds(";BYMONTH={};BYMONTHDAY={}".format, month, month_day),
            st.builds(";BYMONTH={};BYDAY={}".format, month, nth_day),
        ),
    }
    frequency = draw(st.sampled_from(sorted(parts)))
    ends = draw(st.sampled_from(["", ";COUNT=7", ";UNTIL=20300101"]))
    return f"FREQ={frequency};INTERVAL={draw(st.integers(1, 5))}{draw(parts[frequency])}{ends}"


_MOMENTS = st.datetimes(
    datetime.fromisoformat("2025-01-01"), datetime.fromisoformat("2028-12-31")
).map(lambda moment: moment.replace(second=0, microsecond=0))


@given(rules(), _MOMENTS, st.sampled_from(ZONES))
@settings(max_examples=300, deadline=None)
def test_the_dates_are_those_of_dateutil(rule: str, first: datetime, zone_name: str) -> None:
    zone = zoneinfo.ZoneInfo(zone_name)
    first = first.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    # A date as UNTIL means its whole day here, as calendars take it; dateutil takes its first second.
    until_included = rule.replace("UNTIL=20300101", "UNTIL=20300101T235959")
    oracle = list(islice(rrule.rrulestr(until_included, dtstart=first), 12))
    starts_with_the_first = oracle[:1] == [first]
    try:
        repeated = checked_recurrence(first.replace(tzinfo=zone), zone, rule)
    except InvalidRule:
        repeated = None
    assert (repeated is not None) == starts_with_the_first
    if repeated is None:
        return
    expected = [
        tz.resolve_imaginary(local.replace(tzinfo=zone)).astimezone(UTC)
        for local in oracle
        if local <= first + FOLLOWED_FOR
    ]
    assert list(islice(starts_of(repeated), 12)) == expected
    assert expected[0] == first.replace(tzinfo=zone).astimezone(UTC)


@given(rules(), _MOMENTS, st.sampled_from(ZONES), st.timedeltas(timedelta(0), timedelta(days=900)))
@settings(max_examples=100, deadline=None)
def test_the_dates_after_a_moment_are_the_later_ones_of_all(
    rule: str, first: datetime, zone_name: str, later: timedelta
) -> None:
    zone = zoneinfo.ZoneInfo(zone_name)
    try:
        repeated = checked_recurrence(first.replace(tzinfo=zone), zone, rule)
    except InvalidRule:
        return
    after = repeated.first.replace(tzinfo=zone).astimezone(UTC) + later
    everything = list(islice(starts_of(repeated), 1500))
    expected = [moment for moment in everything if moment > after][:5]
    assert list(islice(starts_of(repeated, after), 5))[: len(expected)] == expected
    assert all(earlier < following for earlier, following in pairwise(everything))


def test_a_rule_without_end_is_not_followed_for_ever() -> None:
    moment = datetime(2026, 11, 30, 9, tzinfo=BERLIN)
    yearly = Recurrence(moment.replace(tzinfo=None), BERLIN, "FREQ=YEARLY")
    assert len(list(starts_of(yearly))) == 31


@pytest.mark.parametrize("zone_name", ["Asia/Shanghai", "America/New_York"])
def test_the_last_second_that_there_is_means_that_a_rule_has_no_end(zone_name: str) -> None:
    zone, rule = zoneinfo.ZoneInfo(zone_name), "FREQ=DAILY;UNTIL=99991231T235959Z"
    assert len(_starts("2026-11-30 09:00", rule, zone, 5)) == 5
    with pytest.raises(InvalidRule, match="before the start"):
        _starts("2026-11-30 09:00", "FREQ=DAILY;UNTIL=00010101T000000Z", zone)


def test_a_series_goes_on_after_a_country_has_changed_its_time() -> None:
    # It was booked for Mondays at 00:30, when the zone was an hour further east.
    first = datetime(2026, 11, 29, 22, 30, tzinfo=UTC)
    moved = unchecked_recurrence(first, BERLIN, "FREQ=WEEKLY;BYDAY=MO")
    assert [f"{start:%a %H:%M}" for start in islice(starts_of(moved), 2)] == [
        "Mon 22:30",
        "Mon 22:30",
    ]
    with pytest.raises(InvalidRule):
        checked_recurrence(first, BERLIN, "FREQ=WEEKLY;BYDAY=MO")

"""The rules by which places are booked ahead: what the units hold, less a reserve, what is booked, what usually runs.

One unit's worth of places stays in reserve (N + 1), so that a unit may fail while everything booked is held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from conferences.rules.create import CreateRefusal
from wire.error_codes import Err

_HOUR = timedelta(hours=1)
HOURS_OF_WEEK = 168
FOLLOWS = 0.25
"""By this share a week's peak moves what counts as usual for its hour."""


FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Span(NamedTuple):
    """So many places are needed from one moment until another."""

    starts_at: datetime
    ends_at: datetime
    places: int


class Capacity(NamedTuple):
    """The places that may be booked at once, and those of the largest unit, into which a conference has to fit."""

    usable: int
    largest: int


def capacity_of(units: Sequence[int]) -> Capacity | None:
    """Return what may be booked on media units with so many places each; `None`: no unit is known, so nobody can say.

    A site with one unit has no reserve to keep.
    """
    if not units:
        return None
    largest = max(units)
    return Capacity(sum(units) - largest if len(units) > 1 else largest, largest)


def hour_of_week(moment: datetime) -> int:
    """Return the hour of the week, in UTC: 0 is Monday from midnight to one."""
    utc = moment.astimezone(UTC)
    return utc.weekday() * 24 + utc.hour


def usual_peak(usual: Mapping[int, float], start: datetime, end: datetime) -> int:
    """Return the most places that conferences which nobody booked usually need between two moments."""
    if not usual:
        return 0
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    peak = 0.0
    for _ in range(HOURS_OF_WEEK):
        if hour >= end:
            break
        peak = max(peak, usual.get(hour_of_week(hour), 0.0))
        hour += _HOUR
    return round(peak)


def peak(spans: Sequence[Span], start: datetime, end: datetime) -> int:
    """Return the most places that these need at one moment between two others."""
    changes = sorted(
        (moment, places)
        for span in spans
        if span.starts_at < end and span.ends_at > start
        for moment, places in ((max(span.starts_at, start), span.places), (span.ends_at, -span.places))
    )  # fmt: skip
    highest = needed = 0
    for _, places in changes:
        needed += places
        highest = max(highest, needed)
    return highest


def refuse_overfull(
    wanted: Sequence[Span],
    booked: Sequence[Span],
    usual: Mapping[int, float],
    capacity: Capacity | None,
) -> CreateRefusal | None:
    """Return why the wanted dates of one reservation cannot be booked, with the first that does not fit; else `None`.

    `booked`: the dates of others. The wanted dates follow one another without overlap.
    """
    if capacity is None or not wanted:
        return None
    if wanted[0].places > capacity.largest:
        detail = f"maxjoinedmt: no media unit holds {wanted[0].places} places"
        return CreateRefusal(Err.NO_RESOURCE, detail)
    coming, active = sorted(booked), list[Span]()
    coming.reverse()
    for span in sorted(wanted):
        while coming and coming[-1].starts_at < span.ends_at:
            active.append(coming.pop())
        active = [other for other in active if other.ends_at > span.starts_at]
        taken = peak(active, span.starts_at, span.ends_at)
        taken += usual_peak(usual, span.starts_at, span.ends_at)
        free = max(0, capacity.usable - taken)
        if span.places > free:
            moment = span.starts_at.astimezone(UTC).isoformat(timespec="minutes")
            words = f"starttime: on {moment} only {free} of {capacity.usable} places are free"
            return CreateRefusal(Err.NO_RESOURCE, f"{words}; choose another time or fewer places")
    return None


def first_shortage(
    end: datetime,
    places: int,
    coming: Sequence[Span],
    running: Sequence[Span],
    capacity: Capacity | None,
) -> datetime | None:
    """Return from when on reservations need the places of a conference that would go on after its end; else `None`.

    `coming`: dates that begin later, `running`: what else runs beyond the end. Where nothing is booked, nothing is
    short: the licence and the units decide alone.
    """
    if capacity is None:
        return None
    for moment in sorted({max(span.starts_at, end) for span in coming}):
        needed = sum(
            span.places for span in (*coming, *running) if span.starts_at <= moment < span.ends_at
        )
        if needed + places > capacity.usable:
            return moment
    return None


def follow_usual(usual: float, peak_of_hour: int, *, is_first: bool) -> float:
    """Return what counts as usual after one more week; `is_first`: nothing was known before."""
    return float(peak_of_hour) if is_first else usual + (peak_of_hour - usual) * FOLLOWS

"""Define the rules by which places are booked ahead. Pure.

Reservations may use the places of all media units, less those of one unit (so that a unit may fail), less those that
are booked already, and less those that conferences without a reservation usually use at that hour of the week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from conferences.rules.create import CreateRefusal
from wire.error_codes import Err

_HOUR = timedelta(hours=1)
HOURS_OF_WEEK = 168
WEIGHT_OF_LAST_WEEK = 0.25
"""An hour's usual number of places is a moving average of the weeks' peaks; the last week has this weight."""


FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Span(NamedTuple):
    """A span says that so many places are needed from `starts_at` until `ends_at`."""

    starts_at: datetime
    ends_at: datetime
    places: int


class Capacity(NamedTuple):
    """The capacity of a site: places that may be booked at the same time, and places of its largest media unit.

    A conference runs on one unit, so it must not need more than `largest` places. `total`: all places, with those that
    are kept in reserve.
    """

    usable: int
    largest: int
    total: int


def capacity_of(places_of_units: Sequence[int]) -> Capacity | None:
    """Return the capacity of a site whose media units have these places; `None` if there are no units.

    The largest of several units is kept as a reserve, so its places are not usable.
    """
    if not places_of_units:
        return None
    largest, total = max(places_of_units), sum(places_of_units)
    has_reserve = len(places_of_units) > 1
    return Capacity(total - largest if has_reserve else largest, largest, total)


def hour_of_week(moment: datetime) -> int:
    """Return the hour of the week, in UTC: 0 is Monday from midnight to one."""
    utc = moment.astimezone(UTC)
    return utc.weekday() * 24 + utc.hour


def usual_peak(usual: Mapping[int, float], start: datetime, end: datetime) -> int:
    """Return the most places that conferences without a reservation usually use at once between two points in time.

    `usual`: hour of the week (see `hour_of_week`) -> places.
    """
    if not usual:
        return 0
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    peak = 0.0
    for _ in range(HOURS_OF_WEEK):  # After a week all hours have been seen.
        if hour >= end:
            break
        peak = max(peak, usual.get(hour_of_week(hour), 0.0))
        hour += _HOUR
    return round(peak)


def peak_places(spans: Sequence[Span], start: datetime, end: datetime) -> int:
    """Return the most places that these spans of time need together at any moment between `start` and `end`."""
    # At one moment the ends, which are negative, come before the starts.
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
    """Return why a reservation cannot be booked, with the first meeting (occurrence) that does not fit.

    `None` if it can be. `wanted`: when these meetings need how many places; they must not overlap. `booked`: the same
    of other reservations. `usual`: hour of the week (from 0) -> places that conferences without a reservation usually
    use then. `capacity`: `None` means that it is unknown, and nothing is refused.
    """
    if capacity is None or not wanted:
        return None
    if wanted[0].places > capacity.largest:
        detail = f"maxjoinedmt: no media unit holds {wanted[0].places} places"
        return CreateRefusal(Err.NO_RESOURCE, detail)
    coming, active = sorted(booked), list[Span]()
    coming.reverse()  # The span that begins next is the last one, which `pop` takes.
    for span in sorted(wanted):
        # Only spans that overlap with this meeting are compared: those that begin before its end and end after its
        # start.
        while coming and coming[-1].starts_at < span.ends_at:
            active.append(coming.pop())
        active = [other for other in active if other.ends_at > span.starts_at]
        needed = peak_places(active, span.starts_at, span.ends_at)
        needed += usual_peak(usual, span.starts_at, span.ends_at)
        free = max(0, capacity.usable - needed)
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
    """Return the first time at which reservations lack places if a conference goes on after its end; else `None`.

    `end`, `places`: those of the conference. `coming`: the meetings of reservations that begin later. `running`: the
    other conferences that run beyond `end`. Only moments at which a meeting begins count, since only then more places
    are needed. `capacity`: `None` means that it is unknown; then nothing lacks.
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


def updated_usual(usual: float, peak_of_hour: int, *, is_first: bool) -> float:
    """Return the usual places of an hour of the week after one more week, in which they had this peak.

    `is_first`: there was no earlier week, so the peak itself is the usual number.
    """
    return float(peak_of_hour) if is_first else usual + (peak_of_hour - usual) * WEIGHT_OF_LAST_WEEK

"""The page shows people how full the coming week is, hour by hour, so that they book where places are free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from conferences.data import reservation_queries
from conferences.data.platform_resolver import platform_of_domain
from conferences.data.reservations import Reservations
from conferences.pages import my_bookings, my_conferences
from conferences.rules.capacity import Capacity
from conferences.rules.week_load import DAYS, HourLoad, first_midnight, week_of
from foundation import clock
from foundation.cells.directory import store_of
from foundation.web.page_parts import render_page

BAR, STEP, HEIGHT = 8, 10, 60
"""Width of a bar, distance from one to the next, and height of the picture, in its own units."""


@login_required
@require_GET
@never_cache
def show_week(request: HttpRequest) -> HttpResponse:
    """Show how many places are needed in each hour of the coming week, and how many the media units have.

    People whose conferences another site holds are sent to the console.
    """
    person = my_conferences.person_of(request)
    if not my_conferences.holds_conferences_here(person):
        return redirect("console")
    database, now = store_of(platform_of_domain(person.domain_id or "")).database, clock.now()
    zone = my_bookings.zone_for_page(request, database, person.moid, now)
    since = first_midnight(now, zone)
    own, others = reservation_queries.booked_places(
        database, person.domain_id or "", since, since + timedelta(days=DAYS, hours=2)
    )
    reservations = Reservations(database, now)
    capacity = reservations.capacity()
    week = week_of(now, zone, own, others, reservations.usual_load())
    top = max(1, capacity.total if capacity else 0, *(hour.needed for day in week for hour in day))
    context = {
        "person": person,
        "zone": zone.key,
        "zones": my_bookings.zones(),
        "capacity": capacity,
        "reserve": capacity.total - capacity.usable if capacity else 0,
        "days": [_day_for_page(day, zone, capacity, top) for day in week],
        "height": HEIGHT,
        "usable_y": _bar_top(capacity.usable, top) if capacity else 0,
    }
    return render_page(request, "conferences/week.html", context)


def _bar_top(places: int, top: int) -> float:
    """Return how far below the picture's upper edge a bar of so many places ends. `top`: places of the full height."""
    return round(HEIGHT * (1 - places / top), 2)


def _day_for_page(
    hours: Sequence[HourLoad], zone: ZoneInfo, capacity: Capacity | None, top: int
) -> dict[str, object]:
    """Return what the page shows of one day: its hours as bars and as numbers.

    `hours`: the load of each hour of the day. `top`: the number of places at the upper edge of the chart.
    """
    busiest = max(hours, key=lambda hour: hour.needed)
    # Where midnight is no whole hour in UTC, the first hour begins before it.
    day = (hours[0].starts_at + timedelta(hours=2)).astimezone(zone).replace(tzinfo=None)
    return {
        "name": f"{date_format(day, 'l')} · {date_format(day, 'MONTH_DAY_FORMAT')}",
        "width": STEP * len(hours),
        "bars": [bar for position, hour in enumerate(hours) for bar in _bars(position, hour, top)],
        "marks": [_time_mark(place, hours[place], zone) for place in range(0, len(hours), 6)],
        "busiest": f"{busiest.starts_at.astimezone(zone):%H:%M}",
        "needed": busiest.needed,
        "hours": [
            {
                "time": f"{hour.starts_at.astimezone(zone):%H:%M}",
                "load": hour,
                "free": max(0, capacity.usable - hour.needed) if capacity else "",
            }
            for hour in hours
            if hour.needed
        ],
    }


def _bars(position: int, hour: HourLoad, top: int) -> list[dict[str, object]]:
    """Return the parts of an hour's bar, from below: own bookings, others' bookings, and what usually runs.

    `position`: the hour's place in the day, from 0. `top`: the places at the picture's upper edge.
    """
    bars, below = [], 0
    for kind, places in (("own", hour.own), ("others", hour.others), ("usual", hour.usual)):
        if places:
            below += places
            size = {"y": _bar_top(below, top), "height": round(HEIGHT * places / top, 2)}
            bars.append({"kind": kind, "x": STEP * position + 1, "width": BAR, **size})
    return bars


def _time_mark(position: int, hour: HourLoad, zone: ZoneInfo) -> dict[str, object]:
    """Return the time that stands below the hour at this position of the day, and where (`x`)."""
    return {"x": STEP * position + 1, "time": f"{hour.starts_at.astimezone(zone):%H:%M}"}

"""The page shows the days of a month with the conferences that a person has booked, or is invited to."""

from __future__ import annotations

from calendar import Calendar
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format, get_format
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from conferences.data import reservation_queries
from conferences.data.platform_resolver import platform_of_domain
from conferences.data.reservation_queries import BookedOccurrence
from conferences.pages import my_bookings, my_conferences
from foundation import clock
from foundation.cells.directory import store_of
from foundation.web.page_parts import render_page

MAX_SHOWN = 400


@login_required
@require_GET
@never_cache
def show_month(request: HttpRequest) -> HttpResponse:
    """Show the conferences of one month that the signed-in person has booked or is invited to.

    Query parameters: `month`, as `2026-12`, the present one if it is missing or malformed; `zone`, a time zone.
    People whose conferences another site holds are sent to the console.
    """
    person = my_conferences.person_of(request)
    if not my_conferences.holds_conferences_here(person):
        return redirect("console")
    database, now = store_of(platform_of_domain(person.domain_id or "")).database, clock.now()
    zone = my_bookings.zone_for_page(request, database, person.moid, now)
    first = _first_day(request.GET.get("month", ""), now.astimezone(zone).date())
    after = _month_after(first)
    coming = reservation_queries.coming_of_account(
        database, person.moid, _midnight(first, zone), _midnight(after, zone), MAX_SHOWN
    )
    by_day = defaultdict[date, list[dict[str, object]]](list)
    for booked in coming:
        local = booked.occurrence.starts_at.astimezone(zone)
        by_day[local.date()].append(_conference_for_page(booked, zone))
    context = {
        "person": person,
        "zone": zone.key,
        "zones": my_bookings.zones(),
        "title": date_format(first, "YEAR_MONTH_FORMAT"),
        "before": f"{first - timedelta(days=1):%Y-%m}",
        "after": f"{after:%Y-%m}",
        "month": f"{first:%Y-%m}",
        "weeks": _weeks(first, by_day, now.astimezone(zone).date()),
        "days": [
            {"id": f"{day:%d}", "name": _day_name(day), "conferences": conferences}
            for day, conferences in sorted(by_day.items())
        ],
        "is_cut": len(coming) == MAX_SHOWN,
    }
    return render_page(request, "conferences/month.html", context)


def _first_day(month: str, today: date) -> date:
    """Return the first day of a month such as `2026-12`, of the present one if the text is no month."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        return today.replace(day=1)
    return first if MINYEAR + 1 < first.year < MAXYEAR else today.replace(day=1)


def _month_after(first: date) -> date:
    """Return the first day of the next month."""
    return (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in a time zone."""
    return datetime.combine(day, time(), zone)


def _day_name(day: date) -> str:
    """Return a day in words: its weekday, and its place in the month."""
    return f"{date_format(day, 'l')} · {date_format(day, 'MONTH_DAY_FORMAT')}"


def _weeks(
    first: date, by_day: Mapping[date, Sequence[object]], today: date
) -> list[list[dict[str, object]]]:
    """Return the weeks of a month, each a list of days, for the template. Days of other months have no number.

    Weeks begin with the day that is usual in the page's language. `by_day`: the conferences of each day.
    """
    weeks = Calendar((int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7).monthdatescalendar(
        first.year, first.month
    )
    return [
        [
            {
                "number": day.day if day.month == first.month else "",
                "id": f"{day:%d}",
                "weekday": date_format(day, "D"),
                "count": len(by_day.get(day, ())),
                "is_today": day == today,
            }
            for day in week
        ]
        for week in weeks
    ]


def _conference_for_page(booked: BookedOccurrence, zone: ZoneInfo) -> dict[str, object]:
    """Return what the calendar page shows of an occurrence (single meeting), with times of this zone."""
    reservation, occurrence = booked
    return {
        "name": (occurrence.settings or reservation.settings).name,
        "number": reservation.e164,
        "from": f"{occurrence.starts_at.astimezone(zone):%H:%M}",
        "until": f"{occurrence.ends_at.astimezone(zone):%H:%M}",
        "by": reservation.creator_name,
    }

"""Define the page on which people list, book, change, open and cancel their reservations of conferences.

It is made of plain forms; a script only fills in the time zone. Each button does what a call of the HTTP API does.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache, partial, wraps

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from conferences.api import booking_commands
from conferences.api.commands import Nack
from conferences.data import reservation_queries
from conferences.data.calendar_feeds import find_feed
from conferences.data.platform_resolver import platform_of_domain
from conferences.data.reservation_queries import BookedOccurrence
from conferences.pages import my_conferences, texts
from conferences.rules.booking import moved_start, parse_moment
from conferences.rules.recurrence import zone_of
from conferences.rules.reservation import MAX_EARLY_OPENING, Invitee, Reservation
from domains.models import Account
from foundation import clock
from foundation.cells.directory import store_of
from foundation.web.arguments import digits
from foundation.web.errors import Refusal
from foundation.web.page_parts import render_page
from wire.error_codes import Err
from wire.fields import SIZES

MAX_SHOWN = 100
MAX_OCCURRENCES_OF_RULE = 400
_RULES = {
    "daily": "FREQ=DAILY",
    "weekdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "weekly": "FREQ=WEEKLY",
    "monthly": "FREQ=MONTHLY",
}


@login_required
@require_GET
@never_cache
def show_bookings(request: HttpRequest) -> HttpResponse:
    """Show the coming meetings of the person's reservations, and the form to book another.

    People whose conferences another site holds are sent to the console.
    """
    person = my_conferences.person_of(request)
    if not my_conferences.holds_conferences_here(person):
        return redirect("console")
    return _bookings_page(request, person)


def _bookings_page(
    request: HttpRequest, person: Account, refused: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return the page of a person's reservations. `refused`: the fields of a form that was refused, shown once more."""
    now, platform = clock.now(), platform_of_domain(person.domain_id or "")
    database = store_of(platform).database
    booked = reservation_queries.planned_page(
        database, "creator_moid", person.moid, now, count=MAX_SHOWN
    )
    zone = last_zone(database, person.moid, now)
    tomorrow = (now + timedelta(days=1)).astimezone(zone_of(zone or "UTC"))
    usual = {"day": f"{tomorrow:%Y-%m-%d}", "time": "09:00", "zone": zone, "duration": "60"}
    context = {
        "person": person,
        "sizes": SIZES,
        "durations": [choice for choice in my_conferences.durations() if choice[0]],
        "zones": zones(),
        "filled": refused or usual,
        "repeats": _repeats(),
        "most_dates": MAX_OCCURRENCES_OF_RULE,
        "dates": [_occurrence_for_page(occurrence, now) for occurrence in booked.occurrences],
        "left_out": max(0, booked.total - MAX_SHOWN),
        "sends_mail": settings.INVITATION_MAILS,
        "feed": find_feed(platform, person.moid),
    }
    return render_page(request, "conferences/bookings.html", context)


def last_zone(database: str, person: str, now: datetime) -> str:
    """Return the time zone of the latest coming occurrence that a person has booked; "" if none is to come."""
    booked = reservation_queries.planned_page(
        database, "creator_moid", person, now, count=1, latest_first=True
    )
    return booked.occurrences[0].reservation.timezone if booked.occurrences else ""


def zone_for_page(
    request: HttpRequest, database: str, person: str, now: datetime
) -> zoneinfo.ZoneInfo:
    """Return the zone in which a page shows times: that of the query parameter `zone`, else the person's last one."""
    chosen = zone_of(request.GET.get("zone", ""))
    return chosen or zoneinfo.ZoneInfo(last_zone(database, person, now) or "UTC")


@cache
def zones() -> tuple[str, ...]:
    """Return the names of the time zones that the form offers: `Area/Place`, and UTC."""
    names = zoneinfo.available_timezones()
    return (*sorted(name for name in names if _is_place(name)), "UTC")


def _is_place(zone: str) -> bool:
    """Return whether the name of a time zone has the form `Area/Place`; others are technical or outdated."""
    return "/" in zone and not zone.startswith(("Etc/", "SystemV/"))


def _repeats() -> list[tuple[str, str]]:
    """Return the form's choices of how often a conference is repeated: (value, text)."""
    return [
        ("", _("once")),
        ("daily", _("every day")),
        ("weekdays", _("Monday to Friday")),
        ("weekly", _("every week")),
        ("monthly", _("every month")),
    ]


def _occurrence_for_page(booked: BookedOccurrence, now: datetime) -> dict[str, object]:
    """Return the values that the template shows of one occurrence, in local time of the reservation's zone."""
    reservation, occurrence = booked
    zone = zone_of(reservation.timezone)
    start = occurrence.starts_at.astimezone(zone)
    settings = occurrence.settings or reservation.settings
    return {
        "id": reservation.bookid,
        "key": occurrence.id,
        "name": settings.name,
        "number": reservation.e164,
        "occurrence": occurrence.original.isoformat(),
        "when": date_format(start.replace(tzinfo=None), "DATETIME_FORMAT"),
        "until": f"{occurrence.ends_at.astimezone(zone):%H:%M}",
        "zone": reservation.timezone,
        "day": f"{start:%Y-%m-%d}",
        "time": f"{start:%H:%M}",
        "duration": settings.duration,
        "places": settings.places,
        "password": bool(settings.password),
        "repeats": bool(reservation.repeat),
        "guests": ", ".join(
            _guest_text(person) for person in reservation.invited if person.is_guest
        ),
        "may_open": occurrence.starts_at - MAX_EARLY_OPENING <= now,
    }


def _guest_text(guest: Invitee) -> str:
    """Return a guest as the form takes it: the address, and the name if it is known."""
    name = re.sub(r"[<>,;]", " ", guest.name).strip()
    return f"{name} <{guest.email}>" if name else guest.email


# ---- forms ---------------------------------------------------------------------------------------

View = Callable[..., HttpResponseRedirect]


def _refusal_sentence(refusal: Refusal) -> str:
    """Return a sentence for people that says why their request was refused, and what to do."""
    if isinstance(refusal, Nack) and refusal.errcode == Err.NOT_PERMITTED:
        return _("Only who booked it, and administrators of your domain, may do this.")
    return texts.refusal_text(refusal)


def _show_once_more(request: HttpRequest) -> HttpResponse:
    """Return the bookings page with the refused form filled in as it was sent."""
    return _bookings_page(request, my_conferences.person_of(request), request.POST.dict())


def _form_view(
    view: View, after_refusal: Callable[[HttpRequest], HttpResponse] | None = None
) -> Callable[..., HttpResponse]:
    """Decorate the view of a form: it takes POST of people who have signed in, and shows a refusal on the page."""

    @wraps(view)
    def form_view(request: HttpRequest, **url_values: str) -> HttpResponse:
        """Carry out the form, and redirect to where the view says; after a refusal to the page of reservations."""
        # The address of a refused form was loaded once more, for instance in another language.
        if request.method == "GET":
            return redirect("bookings")
        try:
            return view(request, **url_values)
        except Refusal as refusal:
            messages.error(request, _refusal_sentence(refusal))
            if after_refusal is not None:
                return after_refusal(request)
        except Error:
            messages.error(request, _("The platform's database is away. Try again in a moment."))
        return redirect("bookings")

    return never_cache(login_required(require_http_methods(["GET", "POST"])(form_view)))


@partial(_form_view, after_refusal=_show_once_more)
def book_conference(request: HttpRequest) -> HttpResponseRedirect:
    """Book a conference as the fields of the form say, and go back to the bookings. Raises Refusal."""
    form, person = request.POST, my_conferences.person_of(request)
    zone_name = form.get("zone") or "UTC"
    params: dict[str, object] = {
        "name": form.get("name"),
        "max_join_mt": form.get("places"),
        "duration": form.get("duration"),
        "password": form.get("password"),
        "start_time": _start_in_form(form, zone_name),
        "timezone": zone_name,
        "repeat": _recurrence_rule(form),
        "guests": _guests_in_form(form),
    }
    booked = booking_commands.book_conference(params, person, None)
    words = {"name": form.get("name", ""), "number": booked.e164}
    messages.success(request, _("“%(name)s” is booked under the number %(number)s.") % words)
    return redirect("bookings")


def _start_in_form(form: Mapping[str, str], zone_name: str) -> str:
    """Return the start that a form gives in the time of a zone, as ISO 8601 with an offset. Raises Refusal."""
    zone = zone_of(zone_name)
    if zone is None:
        raise Refusal(int(Err.MALFORMED), "timezone: is not known")
    try:
        local = datetime.fromisoformat(f"{form.get('day', '')}T{form.get('time', '')}")
    except ValueError:
        raise Refusal(int(Err.MALFORMED), "start_time: is not known") from None
    return local.replace(tzinfo=zone).isoformat()


def _guests_in_form(form: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the guests whose addresses a form's text gives, as fields `email` and, if given, `name`.

    Entries such as `anna@example.org` or `Anna <anna@example.org>` are separated by commas, semicolons or lines.
    """
    entries = re.split(r"[,;\n]+", form.get("guests", ""))
    guests = list[dict[str, str]]()
    for entry in filter(None, map(str.strip, entries)):
        name, bracket, address = entry.removesuffix(">").rpartition("<")
        emails = [address.strip()] if bracket else entry.split()
        named = {"name": name} if (name := name.strip(' "')) else {}
        guests += [{"email": email, **named} for email in emails]
    return guests


def _recurrence_rule(form: Mapping[str, str]) -> str:
    """Return the rule of repetition (RRULE) that a form chooses; "" means that the conference is held once."""
    rule = _RULES.get(form.get("repeat", ""), "")
    count = digits(form.get("count", "")) or 0
    return f"{rule};COUNT={count}" if rule and 1 <= count <= MAX_OCCURRENCES_OF_RULE else rule


@_form_view
def change_reservation(request: HttpRequest, bookid: str) -> HttpResponseRedirect:
    """Change one occurrence of a reservation, or all, as the form says.

    If all change and the form gives another start for the one that it shows, all move by the same time.
    """
    form, person = request.POST, my_conferences.person_of(request)
    reservation = booking_commands.find_reservation(bookid, person)
    booking_commands.change_reservation(reservation, changes_of(reservation, form), person)
    messages.success(request, _("“%(name)s” is changed.") % {"name": form.get("name", "")})
    return redirect("bookings")


def changes_of(reservation: Reservation, form: Mapping[str, str]) -> dict[str, object]:
    """Return the arguments of the API call that makes the change of a form, to one occurrence or to all.

    Raises Refusal. All occurrences move only if the form gives another day or time than the one that it has `shown`.
    """
    params: dict[str, object] = {
        "name": form.get("name"),
        "duration": form.get("duration"),
        "max_join_mt": form.get("places"),
    }
    start = _start_in_form(form, reservation.timezone)
    if form.get("all") != "1":
        params |= {"start_time": start, **_occurrence_argument(reservation, form)}
    elif f"{form.get('day')} {form.get('time')}" != form.get("shown"):
        params["start_time"] = _moved_start(reservation, form.get("occurrence", ""), start)
    return params


def _moved_start(reservation: Reservation, original: str, start: str) -> str:
    """Return the first start of a series when the occurrence at `original` moves to `start`, and all others alike.

    Raises Refusal if `original` is no time.
    """
    old_start = parse_moment(original)
    if old_start is None:
        raise Refusal(int(Err.MALFORMED), "occurrence: is not known")
    return moved_start(reservation, old_start, datetime.fromisoformat(start)).isoformat()


def _occurrence_argument(reservation: Reservation, form: Mapping[str, str]) -> dict[str, object]:
    """Return the argument of the API that names the form's occurrence; {} if the reservation does not repeat."""
    return {"occurrence": form.get("occurrence")} if reservation.repeat else {}


@_form_view
def change_guests(request: HttpRequest, bookid: str) -> HttpResponseRedirect:
    """Change who is invited to a reservation by e-mail, as the form says. Raises Refusal."""
    person = my_conferences.person_of(request)
    reservation = booking_commands.find_reservation(bookid, person)
    params = {"guests": _guests_in_form(request.POST)}
    booking_commands.change_reservation(reservation, params, person)
    name = {"name": reservation.settings.name}
    messages.success(request, _("The guests of “%(name)s” are changed.") % name)
    return redirect("bookings")


@_form_view
def cancel_reservation(request: HttpRequest, bookid: str) -> HttpResponseRedirect:
    """Cancel one occurrence of a reservation, or all, as the form says."""
    form, person = request.POST, my_conferences.person_of(request)
    reservation = booking_commands.find_reservation(bookid, person)
    occurrence = "" if form.get("all") == "1" else form.get("occurrence", "")
    booking_commands.cancel_reservation(reservation, occurrence, person)
    messages.success(request, _("“%(name)s” is cancelled.") % {"name": reservation.settings.name})
    return redirect("bookings")


@_form_view
def begin_booked_conference(request: HttpRequest, bookid: str) -> HttpResponseRedirect:
    """Start a booked conference early, and redirect to its join page."""
    person = my_conferences.person_of(request)
    started = booking_commands.open_early(
        booking_commands.find_reservation(bookid, person), person, None
    )
    return redirect("join", started.e164)

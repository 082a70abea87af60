"""The pages on which people look back: their ended conferences, who was there, the attendance list, the notes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from conferences.data import attendees, poll_rows, shared_document_rows
from conferences.data.platform_resolver import platform_of_domain
from conferences.data.recording_library import Viewer, recording_of_conference
from conferences.pages import my_conferences, texts
from conferences.pages.polls_in_call import with_shown_names
from conferences.rules.attendance import Attendance, account_of, attendance_of, may_export
from conferences.rules.recurrence import zone_of
from conferences.rules.states import Conference
from domains.data.hooks import CHAT_OF
from domains.data.lookups import account_names
from domains.models import Account
from foundation.cells.directory import PlatformStore, store_of
from foundation.web import table_export
from foundation.web.page_parts import render_page

PAGE_SIZE = 20


class Past(NamedTuple):
    """Represent an ended conference, with its attendance list, and whether the reader may export that list."""

    store: PlatformStore
    conference: Conference
    attendance: list[Attendance]
    may_export: bool


@login_required
@require_GET
@never_cache
def list_past_conferences(request: HttpRequest) -> HttpResponse:
    """Show a page of the ended conferences that the person created, was called into or entered, the latest first.

    Query parameters: `q`, a part of the name, or a number; `before`, the id of the last one of the page before.
    People whose conferences another site holds are sent to the console.
    """
    person = my_conferences.person_of(request)
    if not my_conferences.holds_conferences_here(person):
        return redirect("console")
    search = request.GET.get("q", "").strip()[:64]
    conferences = attendees.past_page(
        _store_of(person).database,
        person.domain_id or "",
        person.moid,
        PAGE_SIZE + 1,
        request.GET.get("before", "")[:40],
        search,
    )
    shown = conferences[:PAGE_SIZE]
    is_last = len(conferences) <= PAGE_SIZE
    context = {
        "person": person,
        "search": search,
        "is_first": "before" not in request.GET,
        "conferences": [_conference_for_page(conference, person) for conference in shown],
        "older": "" if is_last else urlencode({"q": search, "before": shown[-1].confid}),
    }
    return render_page(request, "conferences/past.html", context)


@login_required
@require_GET
@never_cache
def show_past_conference(request: HttpRequest, confid: str) -> HttpResponse:
    """Show one ended conference in which the person took part, and who was there when. Raises Http404 for any other."""
    person = my_conferences.person_of(request)
    past = _past_of(person, confid)
    conference = past.conference
    context = {
        "person": person,
        "conference": _conference_for_page(conference, person),
        "attendance": past.attendance,
        "polls": [
            with_shown_names(result)
            for result in poll_rows.polls_of(past.store.database, conference.confid)
        ],
        "has_notes": bool(_notes_of(past)),
        "chat": CHAT_OF.call(past.store.database, conference.confid, person.moid),
        "recording": recording_of_conference(
            Viewer(platform_of_domain(conference.user_domain), conference.user_domain, person.moid),
            conference.confid,
        ),
        "csv": reverse("past-attendance", args=[conference.confid]) if past.may_export else "",
    }
    return render_page(request, "conferences/past_conference.html", context)


@login_required
@require_GET
@never_cache
def export_attendance(request: HttpRequest, confid: str) -> StreamingHttpResponse:
    """Send the attendance list of an ended conference as CSV, to its creator and its chairman.

    Raises Http404 for others. Query parameter `zone`: the time zone of the times, UTC if it is missing or unknown.
    """
    past = _past_of(my_conferences.person_of(request), confid)
    if not past.may_export:
        raise Http404
    reply = StreamingHttpResponse(
        _csv_lines(past.attendance, request.GET.get("zone", "")),
        content_type="text/csv; charset=utf-8",
    )
    name = f"attendance-{past.conference.e164}.csv"
    reply["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply


@login_required
@require_GET
@never_cache
def export_notes(request: HttpRequest, confid: str) -> HttpResponse:
    """Send the shared notes of an ended conference as text, to whoever may see its page."""
    past = _past_of(my_conferences.person_of(request), confid)
    reply = HttpResponse(_notes_of(past), content_type="text/plain; charset=utf-8")
    name = f"notes-{past.conference.e164}.txt"
    reply["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply


def _notes_of(past: Past) -> str:
    """Return the text of the shared notes of an ended conference; "" if nobody has written any."""
    return shared_document_rows.notes_text(past.store.database, past.conference.confid)


def _csv_lines(attendance: list[Attendance], zone_name: str) -> Iterator[str]:
    """Yield an attendance list as lines of CSV, with times of the named zone, or of UTC if the name is unknown."""
    zone = zone_of(zone_name) or zone_of("UTC")

    def local_text(moment: datetime | None) -> str:
        """Return a moment in the time of the zone, as spreadsheets read it; "" for none."""
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}" if moment else ""

    times = {"zone": str(zone)}
    headings = (
        _("Name"),
        _("Account or guest"),
        _("Joined (%(zone)s)") % times,
        _("Left (%(zone)s)") % times,
        _("Minutes"),
    )
    rows = [
        (
            row.name,
            _("account") if row.account else _("guest"),
            local_text(row.joined),
            local_text(row.left),
            row.minutes,
        )
        for row in attendance
    ]
    return table_export.csv_lines(headings, rows)


def _store_of(person: Account) -> PlatformStore:
    """Return the database and Redis that have the data of a person's platform."""
    return store_of(platform_of_domain(person.domain_id or ""))


def _past_of(person: Account, confid: str) -> Past:
    """Return an ended conference that a person created, was called into or entered.

    Raises Http404 for any other, so that nobody learns which there are.
    """
    if not person.domain_id or not my_conferences.holds_conferences_here(person):
        raise Http404
    store = _store_of(person)
    conference = attendees.past_conference(
        store.database, person.domain_id, person.moid, confid[:40]
    )
    if conference is None:
        raise Http404
    browsers = attendees.accounts_of_browsers(store.database, conference.confid)
    called = attendees.accounts_called(store.platform, conference)
    accounts = [account_of(stay, browsers, called) for stay in conference.members]
    names = account_names(store.database, {*accounts} - {""})
    attendance = attendance_of(conference, accounts, names, person.moid)
    return Past(store, conference, attendance, may_export(conference, accounts, person.moid))


def _conference_for_page(conference: Conference, person: Account) -> dict[str, object]:
    """Return what the pages of ended conferences show of one, in words for this person."""
    begin = conference.started_at or conference.created_at
    end = conference.ended_at or begin
    is_own = conference.creator_moid == person.moid
    return {
        "id": conference.confid,
        "name": conference.name,
        "number": conference.e164,
        "begin": begin,
        "end": end,
        "minutes": round((end - begin).total_seconds() / 60),
        "reason": texts.end_text(conference),
        "people": len({stay.mtid for stay in conference.members}),
        "creator": texts.creator_text("" if is_own else conference.creator_name),
    }

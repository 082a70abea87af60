"""Define the view that sends a person's meetings to calendar programs, and the form that renews or ends its address."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import condition, require_POST, require_safe

from conferences.data import calendar_feeds
from conferences.data.calendar_feeds import Feed
from conferences.data.platform_resolver import platform_of_domain
from conferences.flows import feeds
from conferences.pages import my_conferences


def _feed(request: HttpRequest) -> Feed | None:
    """Return the calendar feed that a request asks for by the token `t`; `None` means that there is none.

    It is read once for a request. The token is no part of the path, because servers in front write paths to their
    logs.
    """
    if not hasattr(request, "calendar_feed"):
        token = request.GET.get("t", "")
        request.calendar_feed = calendar_feeds.feed_of_token(token)  # type: ignore[attr-defined]  # ours
    feed: Feed | None = request.calendar_feed  # type: ignore[attr-defined]  # set above
    return feed


def _etag(request: HttpRequest) -> str | None:
    """Return the ETag of the calendar feed that a request asks for; `None`: there is none."""
    feed = _feed(request)
    return f'"{feed.version}"' if feed else None


def _last_modified(request: HttpRequest) -> datetime | None:
    """Return when the calendar feed that a request asks for changed last; `None`: there is none."""
    feed = _feed(request)
    return feed.changed_at if feed else None


@require_safe
@condition(etag_func=_etag, last_modified_func=_last_modified)
def show_feed(request: HttpRequest) -> HttpResponse:
    """Send the meetings of the person whose secret address this is, as iCalendar; the address alone admits.

    Raises Http404 if the address is unknown, replaced or switched off.
    """
    feed = _feed(request)
    if feed is None:
        raise Http404
    reply = HttpResponse(
        calendar_feeds.calendar_text(feed), content_type="text/calendar; charset=utf-8"
    )
    reply["Cache-Control"] = "private, max-age=60"
    reply["X-Robots-Tag"] = "noindex"
    return reply


@never_cache
@login_required
@require_POST
def change_feed(request: HttpRequest) -> HttpResponse:
    """Give the calendar feed of the signed-in person a new address, or switch it off (field `off`).

    Then show the bookings.
    """
    person = my_conferences.person_of(request)
    is_on = "off" not in request.POST
    platform = platform_of_domain(person.domain_id or "")
    words = _("Your calendar has a new address.") if is_on else _("Your calendar is switched off.")
    if feeds.renew_feed(platform, person.moid, get_language() or "", is_on=is_on):
        messages.success(request, words)
    else:
        messages.error(request, _("The platform's database is away. Try again in a moment."))
    return redirect("bookings")

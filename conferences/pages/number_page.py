"""The view of the page "Join by number": number and password lead to the page of the conference."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from conferences.data.join_info import JoinInfo, join_info
from conferences.data.join_links import (
    is_number_and_password,
    is_open_by_number,
    link_by_number,
    may_join,
)
from conferences.data.number_site import site_to_ask
from conferences.data.tries import TooManyTries
from conferences.rules.typed_number import number_of_typed
from foundation.web.audit import counted_address_of
from foundation.web.content_security_policy import with_policy


@require_http_methods(["GET", "POST"])
@never_cache
def show_number_page(request: HttpRequest) -> HttpResponse:
    """Show the page on which a person types the number of a conference, and go to the conference.

    A wrong number and a wrong password are refused alike, so that nobody learns which numbers are in use. A number of
    another site leads to the same page there. The query parameter `number` fills in the number.
    """
    if request.method != "POST":
        return _page(request, request.GET.get("number", ""))
    typed = request.POST.get("number", "")
    number = number_of_typed(typed)
    if not number:
        return _page(request, typed, _("Please enter the number: its digits, spaces and dashes."))
    site = site_to_ask(number)
    if site.startswith(("http://", "https://")):
        return redirect(f"{site.rstrip('/')}/join/?{urlencode({'number': number})}")
    conference = _conference_open_to(request, number)
    try:
        is_right = is_number_and_password(
            conference, request.POST.get("password", ""), counted_address_of(request) or ""
        )
    except TooManyTries:
        return _page(request, typed, _("Too many wrong tries. Please wait a minute."), 429)
    if conference is None or not is_right:
        why = _("There is no conference with this number and password. Please check both.")
        return _page(request, typed, why, 403)
    return redirect(link_by_number(conference))


def _conference_open_to(request: HttpRequest, number: str) -> JoinInfo | None:
    """Return the conference, room or reservation with this number, if this visitor may enter it by its number.

    Else `None`.
    """
    conference = join_info(number)
    if conference is None:
        return None
    may_enter = may_join(request, conference) or is_open_by_number(request, conference)
    return conference if may_enter else None


def _page(request: HttpRequest, typed: str, why: str = "", status: int = 200) -> HttpResponse:
    """Return the page "Join by number" with the typed number filled in.

    `why`: the reason why it was refused; "" means that it was not.
    """
    context = {"number": typed[:64], "why": why}
    return with_policy(render(request, "conferences/number.html", context, status=status))

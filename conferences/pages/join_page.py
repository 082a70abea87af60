"""The views of the join page: the page, and the call by which it asks how to enter the conference now."""

from __future__ import annotations

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from conferences.api import stored_commands
from conferences.data.join_info import PLANNED, JoinInfo, join_info
from conferences.data.join_links import (
    confid_of,
    is_password,
    may_begin,
    may_join,
    token_for,
)
from conferences.data.platform_resolver import platforms_of_numbers
from conferences.data.tries import TooManyTries
from conferences.pages import texts
from conferences.pages.entrance import let_in
from conferences.pages.failover_urls import allow_pages_of, is_served_here, origin_of, site_urls_of
from conferences.pages.join_texts import join_texts
from conferences.rules.licence_counts import VISITOR
from domains.models import Account
from foundation.cells.directory import own_platform
from foundation.web.audit import counted_address_of
from foundation.web.content_security_policy import with_policy
from foundation.web.errors import Refusal
from licensing.data.queries import usage_and_limits_of_site
from wire.fields import may_be_number

# The page connects to media units at any address, because a conference can move to another unit.
_CONNECT_SOURCES = "ws: wss:"


@require_GET
@never_cache
def show_join_page(request: HttpRequest, e164: str) -> HttpResponse:
    """Show the join page of the conference with this number.

    An unused number and the number of a conference that the visitor may not enter are refused alike, so
    that nobody learns which numbers are in use.
    """
    conference, token = _enterable_conference(request, e164), request.GET.get("t", "")
    allowed = conference is not None or bool(confid_of(token))
    path = reverse("join-where", args=[e164])
    other_sites = _other_site_urls(conference) if conference else ()
    if conference and conference.room and not token:
        token = token_for(conference.room.id)
    # A link to the room still works when the room has another conference.
    lasting_id = (
        (conference.room.id if conference.room else conference.confid) if conference else ""
    )
    start: dict[str, object] = {
        "e164": e164,
        "where": [
            path + (f"?t={token}" if token else ""),
            *(f"{url}{path}?t={token_for(lasting_id)}" for url in other_sites),
        ],
        "state": conference.state if conference else "ended",
        "password": bool(conference and conference.password),
        "words": join_texts(),
        "language_cookie": settings.LANGUAGE_COOKIE_NAME,
        "name": str(request.user) if request.user.is_authenticated else "",
    }
    context = {"conference": conference, "allowed": allowed, "start": start if allowed else None}
    reply = render(request, "conferences/join.html", context, status=200 if allowed else 403)
    return with_policy(reply, " ".join([_CONNECT_SOURCES, *map(origin_of, other_sites)]))


def _other_site_urls(conference: JoinInfo) -> tuple[str, ...]:
    """Return the addresses of the other sites that the page can ask if this site does not answer."""
    own_origin = origin_of(settings.PUBLIC_URL)
    return tuple(url for url in site_urls_of(conference.platform) if origin_of(url) != own_origin)


@csrf_exempt
@require_http_methods(["GET", "POST"])
@never_cache
def answer_where_to_join(request: HttpRequest, e164: str) -> HttpResponse:
    """Answer the join page's script as JSON: the conference's `state`, and how to enter it (`join`) if the visitor may.

    While another site decides about the conference, the answer is the state "elsewhere" with status 503. A visitor who
    enters now (query parameter `entering`) starts the conference of an idle virtual room, and
    gets status 503 with `full` while no licensed port is left; one who is inside, and only asks where the conference
    has moved, does not. The body is a form: `password`, `browser` (the secret by which the browser is known), and
    `pass` (that of an earlier answer, see `entrance.py`). No CSRF token is asked for, as pages of the platform's other
    sites call this, too; to start a conference, the request must contain the secret token of the room's link.
    """
    conference = _enterable_conference(request, e164)
    platform = conference.platform if conference else _platform_of(e164)
    if not is_served_here(platform):
        return allow_pages_of(
            request, JsonResponse({"state": "elsewhere"}, status=503), site_urls_of(platform)
        )
    return allow_pages_of(
        request, _answer_how_to_enter(request, conference), site_urls_of(platform)
    )


def _platform_of(e164: str) -> str:
    """Return the platform to which a conference number belongs; our own if that is unknown."""
    return platforms_of_numbers({e164}).get(e164, own_platform())


def _answer_how_to_enter(request: HttpRequest, conference: JoinInfo | None) -> HttpResponse:
    """Answer how to enter a conference; `None`: there is none with this number that the visitor may enter."""
    if conference:
        if "entering" in request.GET and usage_and_limits_of_site().missing_resource(VISITOR):
            return JsonResponse({"state": conference.state, "full": True}, status=503)
        return _answer_after_password(request, conference)
    # A valid link whose conference is not found belongs to a conference that has ended, even if
    # another conference has the number now.
    had_valid_link = bool(confid_of(request.GET.get("t", "")))
    state = "ended" if had_valid_link else "refused"
    return JsonResponse({"state": state}, status=200 if had_valid_link else 403)


def _enterable_conference(request: HttpRequest, e164: str) -> JoinInfo | None:
    """Return the live conference, or idle virtual room, with this number, if this visitor may enter it; else `None`."""
    conference = join_info(e164) if may_be_number(e164) else None
    return conference if conference and may_join(request, conference) else None


def _answer_after_password(request: HttpRequest, conference: JoinInfo) -> HttpResponse:
    """Answer how to enter a conference, once the visitor has given its password, if it has one.

    Other answers are that a password is `wanted`, that it is `wrong` (403), or to try `later` after too many (429).
    """
    answer: dict[str, object] = {"state": conference.state, "name": conference.name, "join": None}
    if not conference.password:
        return _admit_or_begin(request, conference, answer)
    is_form = request.content_type != "application/json"
    if request.method != "POST" or (is_form and "password" not in request.POST):
        return JsonResponse({"state": conference.state, "password": "wanted"})
    try:
        if is_password(conference, _password_in(request), counted_address_of(request) or ""):
            return _admit_or_begin(request, conference, answer)
    except TooManyTries:
        return JsonResponse({"state": conference.state, "password": "later"}, status=429)
    return JsonResponse({"state": conference.state, "password": "wrong"}, status=403)


def _admit_or_begin(
    request: HttpRequest, conference: JoinInfo, answer: dict[str, object]
) -> HttpResponse:
    """Let a visitor enter a conference, by sending the `answer` that says how.

    A booked conference has not begun: the page then waits. If it is that of an idle virtual room, a visitor who may
    do so starts it by entering; a refusal to start is answered with the reason (409). To others the answer is that it
    has ended.
    """
    if conference.state == PLANNED:
        return JsonResponse(answer)
    if not conference.is_idle:
        return let_in(request, conference, answer)
    room = conference.room
    if room is None or "entering" not in request.GET or not may_begin(request, room):
        return JsonResponse({"state": "ended"})
    person = request.user if isinstance(request.user, Account) else None
    try:
        started = stored_commands.start_from_stored(room, person)
    except Refusal as refusal:
        return JsonResponse(
            {"state": conference.state, "why": texts.refusal_text(refusal)}, status=409
        )
    if begun := join_info(started.e164):
        return let_in(request, begun, answer | {"state": begun.state})
    return JsonResponse({"state": "ended"})


def _password_in(request: HttpRequest) -> str:
    """Return the password from the request's body (form field or JSON), never from the URL; "" if missing."""
    if request.content_type == "application/json":
        try:
            body = orjson.loads(request.body)
        except ValueError:
            return ""
        password = body.get("password") if isinstance(body, dict) else ""
        return password if isinstance(password, str) else ""
    return request.POST.get("password", "")

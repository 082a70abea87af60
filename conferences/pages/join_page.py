"""The join page, and where its conference runs at this moment."""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from conferences.data.join_links import TooManyTries, confid_of, is_password, may_join, token_for
from conferences.data.platform_resolver import platforms_of_numbers
from conferences.data.queries import JoinInfo, join_info
from conferences.pages.failover_urls import doors_of, is_served_here, let_in, origin_of
from conferences.rules.licence_counts import VISITOR
from domains.data import hooks
from foundation.bus.typed_json import to_json
from foundation.cells.directory import own_platform
from foundation.web.content_security_policy import with_policy
from licensing.data.queries import stock_of_site

# Units stand at addresses of their own, and move.
_UNITS = "ws: wss:"


@require_GET
@never_cache
def page(request: HttpRequest, e164: str) -> HttpResponse:
    """The page itself; the same refusal for a number that is not, and one that is not yours."""
    conference, token = _mine(request, e164), request.GET.get("t", "")
    allowed = conference is not None or bool(confid_of(token))
    path = reverse("join-where", args=[e164])
    others = _others(conference) if conference else ()
    start: dict[str, Any] = {
        "e164": e164,
        "where": [
            path + (f"?t={token}" if token else ""),
            *(f"{url}{path}?t={token_for(conference.confid)}" for url in others if conference),
        ],
        "state": conference.state if conference else "ended",
        "password": bool(conference and conference.password),
        "name": str(request.user) if request.user.is_authenticated else "",
    }
    found = {"conference": conference, "allowed": allowed, "start": start if allowed else None}
    reply = render(request, "conferences/join.html", found, status=200 if allowed else 403)
    return with_policy(reply, " ".join([_UNITS, *map(origin_of, others)]))


def _others(conference: JoinInfo) -> tuple[str, ...]:
    """Where else the page can ask, while this site does not answer or does not serve."""
    own = origin_of(settings.PUBLIC_URL)
    return tuple(url for url in doors_of(conference.platform) if origin_of(url) != own)


@csrf_exempt
@require_http_methods(["GET", "POST"])
@never_cache
def where(request: HttpRequest, e164: str) -> HttpResponse:
    """`{state, join}`: whether it runs, and how to enter it there. Who is `entering` is refused where
    no licensed port is left (`full`); who is inside, and asks where it has moved, never.

    It changes nothing, and the pages of the platform's other sites ask too: without a CSRF token.
    """
    conference = _mine(request, e164)
    platform = conference.platform if conference else _platform_of(e164)
    if not is_served_here(platform):
        return let_in(request, JsonResponse({"state": "elsewhere"}, status=503), doors_of(platform))
    return let_in(request, _whereabouts(request, conference), doors_of(platform))


def _platform_of(e164: str) -> str:
    return platforms_of_numbers({e164}).get(e164, own_platform())


def _whereabouts(request: HttpRequest, conference: JoinInfo | None) -> HttpResponse:
    if conference:
        if "entering" in request.GET and stock_of_site().short_of(VISITOR):
            return JsonResponse({"state": conference.state, "full": True}, status=503)
        return _tell(request, conference)
    # A link that was good is one of a conference that has ended, whatever its number is by now.
    was_good = bool(confid_of(request.GET.get("t", "")))
    state = "ended" if was_good else "refused"
    return JsonResponse({"state": state}, status=200 if was_good else 403)


def _mine(request: HttpRequest, e164: str) -> JoinInfo | None:
    """The live conference with this number, if this visitor may enter it."""
    found = join_info(e164) if e164.isdigit() and len(e164) <= 16 else None
    return found if found and may_join(request, found) else None


def _tell(request: HttpRequest, conference: JoinInfo) -> HttpResponse:
    join = to_json(conference.join) if conference.join else None
    answer = {"state": conference.state, "name": conference.name, "join": join}
    if not conference.password:
        return _admitted(request, conference, answer)
    if request.method != "POST":
        return JsonResponse({"state": conference.state, "password": "wanted"})
    try:
        if is_password(conference, _given(request), request.META.get("REMOTE_ADDR", "")):
            return _admitted(request, conference, answer)
    except TooManyTries:
        return JsonResponse({"state": conference.state, "password": "later"}, status=429)
    return JsonResponse({"state": conference.state, "password": "wrong"}, status=403)


def _admitted(request: HttpRequest, conference: JoinInfo, answer: dict[str, Any]) -> HttpResponse:
    """He is told how to enter; with an account of the tenant he belongs to it from now on."""
    user = request.user
    if user.is_authenticated and user.domain_id == conference.user_domain:
        hooks.PERSON_JOINED.call(conference.confid, user.moid)
    return JsonResponse(answer)


def _given(request: HttpRequest) -> str:
    """The password in the body, as a form field or as JSON; never in the address."""
    if request.content_type == "application/json":
        try:
            body = orjson.loads(request.body)
        except ValueError:
            return ""
        found = body.get("password") if isinstance(body, dict) else ""
        return found if isinstance(found, str) else ""
    return request.POST.get("password", "")

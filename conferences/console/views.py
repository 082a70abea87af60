"""The join page, and where its conference runs at this moment."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods

from conferences.console.policy import with_policy
from conferences.counts import VISITOR
from conferences.links import TooManyTries, confid_of, is_password, may_join
from conferences.queries import JoinInfo, joinable
from licensing.queries import stock_of_site

# Units stand at addresses of their own, and move.
_UNITS = "ws: wss:"


@require_GET
@never_cache
@ensure_csrf_cookie
def page(request: HttpRequest, e164: str) -> HttpResponse:
    """The page itself; the same refusal for a number that is not, and one that is not yours."""
    conference, token = _mine(request, e164), request.GET.get("t", "")
    allowed = conference is not None or bool(confid_of(token))
    start: dict[str, Any] = {
        "e164": e164,
        "where": reverse("join-where", args=[e164]) + (f"?t={token}" if token else ""),
        "state": conference.state if conference else "ended",
        "password": bool(conference and conference.password),
        "name": str(request.user) if request.user.is_authenticated else "",
    }
    found = {"conference": conference, "allowed": allowed, "start": start if allowed else None}
    reply = render(request, "conferences/join.html", found, status=200 if allowed else 403)
    return with_policy(reply, _UNITS)


@require_http_methods(["GET", "POST"])
@never_cache
def where(request: HttpRequest, e164: str) -> HttpResponse:
    """`{state, join}`: whether it runs, and how to enter it there. Who is `entering` is refused where
    no licensed port is left (`full`); who is inside, and asks where it has moved, never."""
    if conference := _mine(request, e164):
        if "entering" in request.GET and stock_of_site().short_of(VISITOR):
            return JsonResponse({"state": conference.state, "full": True}, status=503)
        return _tell(request, conference)
    # A link that was good is one of a conference that has ended, whatever its number is by now.
    was_good = bool(confid_of(request.GET.get("t", "")))
    state = "ended" if was_good else "refused"
    return JsonResponse({"state": state}, status=200 if was_good else 403)


def _mine(request: HttpRequest, e164: str) -> JoinInfo | None:
    """The live conference with this number, if this visitor may enter it."""
    found = joinable(e164) if e164.isdigit() and len(e164) <= 16 else None
    return found if found and may_join(request, found) else None


def _tell(request: HttpRequest, conference: JoinInfo) -> HttpResponse:
    answer = {"state": conference.state, "name": conference.name, "join": conference.join}
    if not conference.password:
        return JsonResponse(answer)
    if request.method != "POST":
        return JsonResponse({"state": conference.state, "password": "wanted"})
    try:
        if is_password(conference, _given(request), request.META.get("REMOTE_ADDR", "")):
            return JsonResponse(answer)
    except TooManyTries:
        return JsonResponse({"state": conference.state, "password": "later"}, status=429)
    return JsonResponse({"state": conference.state, "password": "wrong"}, status=403)


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

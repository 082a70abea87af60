"""The view by which the page of a creator, chair or co-chair steers the conference in which its person is."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from conferences.data.join_info import join_info
from conferences.data.queries import live_by_number
from conferences.pages import steering, texts
from conferences.pages.entrance import role_in, valid_pass
from conferences.pages.failover_urls import allow_pages_of, is_served_here, site_urls_of
from foundation.web.errors import Refusal
from wire.fields import may_be_number


@csrf_exempt
@require_POST
@never_cache
def steer_conference(request: HttpRequest, e164: str) -> HttpResponse:
    """Carry out a command (`action` in the form) of a visitor who steers the conference; refuse all others with 403.

    The right follows from the `pass` in the form alone, which no other page has; so no cookie and no CSRF token is asked
    for, and pages of the platform's other sites may call this. A refusal says why: `{why}`, 403 or 409.
    """
    conference = join_info(e164) if may_be_number(e164) else None
    granted = valid_pass(request, conference) if conference else None
    if conference is None or granted is None or not is_served_here(conference.platform):
        return _refused(_("You are not in this conference."), 403)
    action, live = request.POST.get("action", ""), live_by_number(e164)
    if live is None or not role_in(conference, granted).may(action):
        reply = _refused(_("Only a chair may do this."), 403)
    else:
        try:
            steering.ACTIONS[action](live, request.POST)
            reply = JsonResponse({})
        except Refusal as refusal:
            reply = _refused(texts.refusal_text(refusal), 409)
    return allow_pages_of(request, reply, site_urls_of(conference.platform))


def _refused(why: str, status: int) -> JsonResponse:
    """Return the JSON answer that says why a command is refused."""
    return JsonResponse({"why": why}, status=status)

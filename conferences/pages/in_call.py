"""People in a call, guests among them, ask and say things by its page: each request has the pass of the entry.

The pass alone is not enough, since anybody with the link gets one for each browser: its visitor has to be in the call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from conferences.data import visitor_rates
from conferences.data.join_info import JoinInfo, join_info
from conferences.data.join_passes import Pass
from conferences.pages.entrance import MOST_CHARACTERS_OF_NAME, valid_pass
from conferences.pages.failover_urls import allow_pages_of, is_served_here, site_urls_of
from foundation.web.audit import counted_address_of
from wire.fields import may_be_number

MAX_KEY = 64


class Insider(NamedTuple):
    """A person in a call: the conference, the pass, and the name that the person has typed, which proves nothing.

    `address` is the IP address, or network, from which the request comes.
    """

    conference: JoinInfo
    granted: Pass
    name: str
    address: str

    def is_too_often(self, kind: str) -> bool:
        """Count a request of this person; return whether there were too many of its `kind`, such as "read", lately."""
        confid, visitor = self.granted.confid, self.granted.visitor
        return visitor_rates.is_too_often(kind, confid, visitor, self.address)


Answer = tuple[dict[str, object], int]
"""The answer as JSON, and its HTTP status."""


def refused(why: str, status: int) -> Answer:
    """Return the answer that refuses a request; the page has a text for each `why`."""
    return {"refused": why}, status


def for_insiders(
    act: Callable[[HttpRequest, Insider], Answer],
) -> Callable[[HttpRequest, str], HttpResponse]:
    """Turn a function for people in a call into a view that takes the number of the conference.

    The request is a form with `pass` and `name`. No CSRF token is asked for, as pages of the platform's other sites
    call this, too; what proves the right is the pass, never a cookie. A site that does not serve the platform answers
    503, one that knows no such conference 404; the page then asks the next site. 409 "absent" says that the media
    unit has not reported the visitor as present; just after the entry the page asks again.
    """

    @csrf_exempt
    @require_POST
    @never_cache
    @wraps(act)
    def view(request: HttpRequest, e164: str) -> HttpResponse:
        """Check conference, site and pass, call `act`, and return its answer as JSON, or why the request is refused."""
        conference = join_info(e164) if may_be_number(e164) else None
        if conference is None:
            answer, status = refused("ended", 404)
            return JsonResponse(answer, status=status)
        if not is_served_here(conference.platform):
            answer, status = refused("elsewhere", 503)
        elif (granted := valid_pass(request, conference)) is None:
            answer, status = refused("pass", 403)
        elif granted.visitor not in conference.present:
            answer, status = refused("absent", 409)
        else:
            name = request.POST.get("name", "")[:MOST_CHARACTERS_OF_NAME]
            address = counted_address_of(request) or ""
            answer, status = act(request, Insider(conference, granted, name, address))
        reply = JsonResponse(answer, status=status)
        return allow_pages_of(request, reply, site_urls_of(conference.platform))

    return view


def whole_number(text: str) -> int:
    """Return the whole number in a text; 0 for anything else, also for one that is too long."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else 0


MAX_DIGITS = 19

"""The chat page, whose scripts use `/api/v1/im/` and the broker as any other client does."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from domains.models import Account
from foundation.web.page_parts import render_page
from im.data import queries
from im.data.people import person_of_account
from im.pages import texts


@login_required
@require_GET
@never_cache
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    """Return the chat page of the signed-in person. Raises Http404 at a site without instant messages."""
    if "im" not in settings.ROLES:
        raise Http404
    assert isinstance(request.user, Account)
    me = person_of_account(request.user)
    start: dict[str, object] = {
        "me": {"id": me.id, "name": me.name},
        "api": reverse("im-files").removesuffix("files"),
        "largest": settings.IM_FILE_MAX_BYTES,
        "language": get_language(),
        "words": texts.for_script(),
    }
    broker = settings.IM_ADDRESSES.get("web_stomp", "")
    return render_page(request, "im/chat.html", {"me": me, "start": start}, broker)


def address_in_conference(database: str, confid: str, user: str) -> str:
    """Return the address of the chat page with a conference's conversation; "" if the person is not in it."""
    number = queries.conversation_in_conference(database, confid, user)
    return f"{reverse('chat')}#c={number}" if number else ""

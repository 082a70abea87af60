"""The page part rings and shows calls, which every page of a signed-in person includes."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from conferences.pages.failover_urls import origin_of, site_urls_of
from domains.models import Account
from foundation.cells.directory import own_platform
from foundation.web.page_parts import PagePart
from im.data.people import person_of_account
from social.pages import call_texts
from social.rules.calls import VOICEMAIL_AFTER

# The page connects to media units at any address, because a conference can move to another unit.
_MEDIA_UNITS = "ws: wss:"


def call_part(request: HttpRequest) -> PagePart | None:
    """Return the HTML and settings that let any page ring and show calls; `None` for people who cannot call."""
    person = request.user
    if "im" not in settings.ROLES or not isinstance(person, Account) or not person.domain_id:
        return None
    me = person_of_account(person)
    setup: dict[str, object] = {
        "me": {"id": me.id, "name": me.name},
        "api": "/api/v1/social/",
        "im": "/api/v1/im/",
        "voicemail_after": sorted(reason.value for reason in VOICEMAIL_AFTER),
        "voicemail_seconds": settings.VOICEMAIL_MAX_SECONDS,
        "words": call_texts.for_script(),
    }
    addresses = [_MEDIA_UNITS, *map(origin_of, site_urls_of(own_platform()))]
    context = {"setup": setup, "is_chat": request.path.startswith("/chat")}
    return PagePart("social/call_head.html", "social/call_body.html", context, " ".join(addresses))

"""Define the forms by which people share a recording, and the pages on which visitors watch it by a link.

The secret of a link stands in the query of its address, since servers in front write paths to their logs. A browser
that has opened a link keeps its id in the session; every file is checked against that, and against the link's row.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from conferences.data.recording_library import Viewer
from conferences.data.recording_shares import OpenLink
from conferences.data.tries import TooManyTries
from conferences.flows import share_recordings
from conferences.flows.share_recordings import NotShared
from conferences.pages import recording_files
from conferences.pages.recording_chapters import player_context
from conferences.pages.recordings_page import viewer_of
from foundation.web.audit import counted_address_of
from foundation.web.content_security_policy import with_policy

OPENED = "opened_recording_links"
"""The key of the session under which the ids of the links are kept that a browser has opened."""
_MOST_OPENED = 50
_REASONS: dict[str, Promise] = {
    "not_yours": gettext_lazy("Only who created the conference shares its recording."),
    "away": gettext_lazy("Another site serves your conferences at the moment. Try again there."),
    "nobody": gettext_lazy("There is no such person in your domain, or no such share any more."),
    "too_many": gettext_lazy("It is shared too often already. Take some of it back first."),
    "days": gettext_lazy("Choose for how long the link works."),
    "password": gettext_lazy("A password has 6 to 64 characters."),
}


# ---- forms of the person who shares ---------------------------------------------------------------


@login_required
@require_POST
@never_cache
def change_shares(request: HttpRequest, recording: str, action: str) -> HttpResponse:
    """Share a recording with a person, or by a link, or take that back (`action`).

    A refusal is shown on the page to which this redirects.
    """
    viewer = viewer_of(request)
    actions: dict[str, Callable[[Viewer], None]] = {
        "invite": lambda viewer: _invite(request, viewer, recording),
        "uninvite": lambda viewer: share_recordings.stop_sharing_with(
            viewer, recording, request.POST.get("account", "")
        ),
        "link": lambda viewer: _create_link(request, viewer, recording),
        "unlink": lambda viewer: share_recordings.revoke_link(
            viewer, recording, request.POST.get("link", "")
        ),
    }
    try:
        if viewer is None:
            raise NotShared("away")
        actions[action](viewer)
    except NotShared as refused:
        messages.error(request, str(_REASONS[refused.reason]))
        return redirect("recordings" if refused.reason == "not_yours" else _page_of(recording))
    if action in ("uninvite", "unlink"):
        messages.success(request, _("It is shared like this no more."))
    return redirect(_page_of(recording))


def _page_of(recording: str) -> str:
    """Return the path of a recording's page."""
    return reverse("recording", args=[recording])


def _invite(request: HttpRequest, viewer: Viewer, recording: str) -> None:
    """Share a recording with the person whom a form names. Raises NotShared."""
    name = share_recordings.share_with(
        viewer, recording, request.POST.get("person", "").strip()[:254]
    )
    messages.success(request, _("%(name)s can watch it now.") % {"name": name})


def _create_link(request: HttpRequest, viewer: Viewer, recording: str) -> None:
    """Create a link by a form, and show it once. Raises NotShared."""
    secret = share_recordings.create_link(
        viewer, recording, request.POST.get("days", ""), request.POST.get("password", "")
    )
    address = f"{settings.PUBLIC_URL}{reverse('watch')}?t={secret}"
    words = _("Copy the link now, it is not shown again: %(link)s") % {"link": address}
    messages.success(request, words)


# ---- pages of visitors ----------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@never_cache
def open_link(request: HttpRequest) -> HttpResponse:
    """Open a link to a recording (`t`: its secret), after its password if it has one.

    Whether a link never was, has expired or was revoked is answered alike. After too many tries the answer is 429.
    """
    shown = share_recordings.find_link(request.GET.get("t", "")[:64])
    if shown is None:
        return _plain(request, "conferences/watch_gone.html", 404)
    if shown.link.password and request.method != "POST":
        return _plain(request, "conferences/watch_password.html", 200)
    try:
        is_right = share_recordings.open_with_password(
            shown, request.POST.get("password", "")[:64], counted_address_of(request) or ""
        )
    except TooManyTries:
        why = _("Too many wrong tries. Please wait, and try again later.")
        return _plain(request, "conferences/watch_password.html", 429, why)
    if not is_right:
        why = _("That is not the password. Please check it.")
        return _plain(request, "conferences/watch_password.html", 403, why)
    opened = [link for link in request.session.get(OPENED, []) if link != shown.link.pk]
    request.session[OPENED] = [*opened, shown.link.pk][-_MOST_OPENED:]
    return redirect("watch-recording", shown.link.pk)


def _plain(request: HttpRequest, template: str, status: int, why: str = "") -> HttpResponse:
    """Return a page for a visitor who does not watch yet; `why`: what was wrong, "" means nothing."""
    return with_policy(render(request, template, {"why": why}, status=status))


@require_GET
@never_cache
def watch_recording(request: HttpRequest, link: str) -> HttpResponse:
    """Show the recording of a link that this browser has opened."""
    shown = _opened(request, link)
    if shown is None:
        return _plain(request, "conferences/watch_gone.html", 404)
    context: dict[str, object] = {
        "recording": shown.recording,
        "link": shown.link,
        "base": request.path,
        **player_context(shown.recording.id),
    }
    return with_policy(render(request, "conferences/watch.html", context))


@require_safe
@cache_control(private=True, no_cache=True)
def send_shared_file(request: HttpRequest, link: str, file: str) -> HttpResponseBase:
    """Send a file of the recording of a link that this browser has opened."""
    shown = _opened(request, link)
    if shown is None:
        raise Http404
    return recording_files.send_file(request, shown.recording, file)


def _opened(request: HttpRequest, link: str) -> OpenLink | None:
    """Return a link that this browser has opened; `None` if it has not, or the link does not work any more."""
    if link not in request.session.get(OPENED, []):
        return None
    return share_recordings.opened_link(link)

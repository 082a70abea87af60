"""Define the pages on which people find recordings of their conferences, watch them, rename them and delete them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from conferences.data import recording_library
from conferences.data.platform_resolver import platform_of_domain
from conferences.data.recording_library import Viewer
from conferences.flows import change_recordings, share_recordings
from conferences.models import Recording
from conferences.pages import my_conferences, recording_files
from conferences.pages.recording_chapters import player_context
from conferences.rules.recording_shares import DAYS
from foundation.web.page_parts import render_page

PAGE_SIZE = 20


@login_required
@require_GET
@never_cache
def list_recordings(request: HttpRequest) -> HttpResponse:
    """Show the recordings that the person may see, or with `deleted=1` the person's wastebasket.

    Query parameters: `q`, a part of the name, or a number; `page`, from 1. People whose conferences another site
    holds are sent to the console.
    """
    viewer = viewer_of(request)
    if viewer is None:
        return redirect("console")
    search = request.GET.get("q", "").strip()[:64]
    is_wastebasket = request.GET.get("deleted") == "1"
    rows = recording_library.recordings_of(viewer, search, deleted=is_wastebasket)
    context = {
        "person": my_conferences.person_of(request),
        "search": search,
        "is_wastebasket": is_wastebasket,
        "recordings": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render_page(request, "conferences/recordings.html", context)


@login_required
@require_GET
@never_cache
def show_recording(request: HttpRequest, recording: str) -> HttpResponse:
    """Show one recording with its film."""
    row = _recording_of(request, recording)
    context: dict[str, object] = {
        "person": my_conferences.person_of(request),
        "recording": row,
        "base": request.path,
        **player_context(row.id),
    }
    if row.state not in ("done", "failed"):
        context["progress_at"] = reverse("recording-progress", args=[row.id])
    if (viewer := viewer_of(request)) and getattr(row, "is_own", False):
        context |= {"shares": share_recordings.shares_of(viewer, recording), "days": DAYS}
    return render_page(request, "conferences/recording.html", context)


@login_required
@require_GET
@never_cache
def tell_progress(request: HttpRequest, recording: str) -> JsonResponse:
    """Answer how far a film is: its state, and percent, for the script of the page."""
    row = _recording_of(request, recording)
    return JsonResponse({"state": row.state, "progress": row.progress})


@login_required
@require_safe
@cache_control(private=True, no_cache=True)
def send_file(request: HttpRequest, recording: str, file: str) -> HttpResponseBase:
    """Send a file of a recording, such as its film."""
    return recording_files.send_file(request, _recording_of(request, recording), file)


Change = Callable[[Viewer, str], bool]


@login_required
@require_POST
@never_cache
def change_recording(request: HttpRequest, recording: str, action: str) -> HttpResponse:
    """Rename or delete a recording of the person's, or take it out of the wastebasket (`action`)."""
    viewer = viewer_of(request)
    changes: dict[str, tuple[Change, str]] = {
        "rename": (
            partial(change_recordings.rename, name=request.POST.get("name", "")),
            _("The recording has its new name."),
        ),
        "delete": (
            change_recordings.delete,
            _("The recording is in the wastebasket, and is deleted for good in 30 days."),
        ),
        "restore": (change_recordings.restore, _("The recording is back.")),
    }
    change, done = changes[action]
    if viewer is None or not change(viewer, recording):
        messages.error(request, _("That is not possible: not yours, or not a name."))
    else:
        messages.success(request, done)
    return redirect("recordings")


def viewer_of(request: HttpRequest) -> Viewer | None:
    """Return the signed-in person as a viewer; `None` if the person's conferences are not held at this site."""
    person = my_conferences.person_of(request)
    if not person.domain_id or not my_conferences.holds_conferences_here(person):
        return None
    return Viewer(platform_of_domain(person.domain_id), person.domain_id, person.moid)


def _recording_of(request: HttpRequest, recording: str) -> Recording:
    """Return the recording with this id, if the signed-in person may see it.

    Raises Http404 otherwise, so that nobody learns which there are.
    """
    viewer = viewer_of(request)
    row = recording_library.find(viewer, recording) if viewer else None
    if row is None:
        raise Http404
    return row

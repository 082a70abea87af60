"""The pages on which people find recordings of their conferences, watch them, rename them and delete them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from conferences.data import recording_library, recording_store
from conferences.data.platform_resolver import platform_of_domain
from conferences.data.recording_library import Viewer
from conferences.flows import change_recordings
from conferences.models import Recording
from conferences.pages import my_conferences
from foundation.byte_ranges import NotInFile, parse_range, pieces
from foundation.cells.directory import store_of
from foundation.web.page_parts import render_page

PAGE_SIZE = 20


@login_required
@require_GET
@never_cache
def list_recordings(request: HttpRequest) -> HttpResponse:
    """Show the recordings that the person may see, or with `deleted=1` the person's wastebasket.

    Query parameters: `q`, a part of the name, or a number; `page`, from 1.
    """
    viewer = _viewer_of(request)
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
    context = {
        "person": my_conferences.person_of(request),
        "recording": _recording_of(request, recording),
    }
    return render_page(request, "conferences/recording.html", context)


@login_required
@require_safe
@cache_control(private=True, no_cache=True)
def send_film(request: HttpRequest, recording: str) -> HttpResponseBase:
    """Send the film of a recording, or the part that `Range` asks for; with `download=1` to be saved."""
    row = _recording_of(request, recording)
    reply = _send_file(request, row, "film.mp4", "video/mp4")
    is_download = request.GET.get("download") == "1"
    name = f"{row.name}.mp4"
    reply["Content-Disposition"] = content_disposition_header(is_download, name) or "inline"
    return reply


@login_required
@require_safe
@cache_control(private=True, no_cache=True)
def send_thumbnail(request: HttpRequest, recording: str) -> HttpResponseBase:
    """Send the small picture of a recording."""
    row = _recording_of(request, recording)
    return _send_file(request, row, "thumbnail.webp", "image/webp")


def _send_file(
    request: HttpRequest, recording: Recording, name: str, content_type: str
) -> HttpResponseBase:
    """Return a file of a recording, or a part of it. Raises Http404 if it is not there, or not at this site."""
    try:
        file = (recording_store.folder_of(recording.id) / name).open("rb")
    except FileNotFoundError:
        raise Http404 from None
    size = os.fstat(file.fileno()).st_size
    try:
        part = parse_range(request.headers.get("Range", ""), size)
    except NotInFile as error:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": str(error)})
    first, last = part or (0, size - 1)
    reply = StreamingHttpResponse(
        pieces(file, first, last), status=206 if part else 200, content_type=content_type
    )
    if part:
        reply["Content-Range"] = f"bytes {first}-{last}/{size}"
    reply["Content-Length"] = str(last - first + 1)
    reply["Accept-Ranges"] = "bytes"
    reply["X-Content-Type-Options"] = "nosniff"
    return reply


Change = Callable[[Viewer, str], bool]


@login_required
@require_POST
@never_cache
def change_recording(request: HttpRequest, recording: str, action: str) -> HttpResponse:
    """Rename or delete a recording of the person's, or take it out of the wastebasket (`action`)."""
    viewer = _viewer_of(request)
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


def _viewer_of(request: HttpRequest) -> Viewer | None:
    """Return the signed-in person as a viewer; `None` if the person's conferences are not held at this site."""
    person = my_conferences.person_of(request)
    if not person.domain_id or not my_conferences.holds_conferences_here(person):
        return None
    database = store_of(platform_of_domain(person.domain_id)).database
    return Viewer(database, person.domain_id, person.moid)


def _recording_of(request: HttpRequest, recording: str) -> Recording:
    """Return a recording that the person may see.

    Raises Http404 for any other, so that nobody learns which there are.
    """
    viewer = _viewer_of(request)
    row = recording_library.find(viewer, recording) if viewer else None
    if row is None:
        raise Http404
    return row

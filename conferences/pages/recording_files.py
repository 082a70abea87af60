"""The files of a recording that browsers may fetch, whole or in part, once a door has let them in."""

from __future__ import annotations

import os

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from conferences.data import recording_store
from conferences.models import Recording
from foundation.byte_ranges import NotInFile, parse_range, pieces
from foundation.web.audit import counted_address_of
from foundation.web.large_answers import (
    FRONT_HOLDS,
    RETRY_SECONDS,
    TooManyDownloads,
    with_place,
)

CONTENT_TYPES = {
    "film.mp4": "video/mp4",
    "film.m3u8": "application/vnd.apple.mpegurl",
    "film.m4s": "video/mp4",
    "thumbnail.webp": "image/webp",
}
"""The files that are given away: the film, the same for HLS (a list, and one file of fragments), a small picture."""
PATTERN = r"(?P<file>film\.(?:mp4|m3u8|m4s)|thumbnail\.webp)"


def send_file(request: HttpRequest, recording: Recording, name: str) -> HttpResponseBase:
    """Return a file of a recording, or the part of it that `Range` asks for; with `download=1` to be saved.

    A player that asks for a large part gets the beginning of that, and asks for the rest when it needs it. The answer
    has status 503 if the visitor reads too many large files at once. Raises Http404 if the file is not at this site.
    """
    try:
        file = (recording_store.folder_of(recording.id) / name).open("rb")
    except FileNotFoundError:
        raise Http404 from None
    size = os.fstat(file.fileno()).st_size
    try:
        part = parse_range(request.headers.get("Range", ""), size)
    except NotInFile as error:
        file.close()
        # The browser asks for a part beyond the end.
        return HttpResponse(status=416, headers={"Content-Range": str(error)})
    first, last = part or (0, size - 1)
    is_download = request.GET.get("download") == "1"
    if part and not is_download:
        last = min(last, first + FRONT_HOLDS - 1)
    count = last - first + 1
    try:
        content = with_place(_reader_of(request), count, pieces(file, first, last))
    except TooManyDownloads:
        file.close()
        return HttpResponse(
            _("You download several files already. Please try again when one has come."),
            status=503,
            headers={"Retry-After": str(RETRY_SECONDS)},
            content_type="text/plain; charset=utf-8",
        )
    reply = StreamingHttpResponse(
        content, status=206 if part else 200, content_type=CONTENT_TYPES[name]
    )
    if part:
        reply["Content-Range"] = f"bytes {first}-{last}/{size}"
    reply["Content-Length"] = str(count)
    reply["Accept-Ranges"] = "bytes"
    reply["X-Content-Type-Options"] = "nosniff"
    if name == "film.mp4":
        shown_name = f"{recording.name}.mp4"
        reply["Content-Disposition"] = (
            content_disposition_header(is_download, shown_name) or "inline"
        )
    return reply


def _reader_of(request: HttpRequest) -> str:
    """Return by what the large downloads of a visitor are counted: the account, or the IP address of a stranger."""
    return request.user.get_username() or counted_address_of(request) or ""

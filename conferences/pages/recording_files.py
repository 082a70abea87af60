"""The files of a recording that browsers may fetch, whole or in part, once a door has let them in."""

from __future__ import annotations

import os

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from conferences.data import recording_store
from conferences.models import Recording
from foundation.byte_ranges import NotInFile, parse_range, pieces

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

    Raises Http404 if it is not there, or not at this site.
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
    reply = StreamingHttpResponse(
        pieces(file, first, last), status=206 if part else 200, content_type=CONTENT_TYPES[name]
    )
    if part:
        reply["Content-Range"] = f"bytes {first}-{last}/{size}"
    reply["Content-Length"] = str(last - first + 1)
    reply["Accept-Ranges"] = "bytes"
    reply["X-Content-Type-Options"] = "nosniff"
    if name == "film.mp4":
        is_download = request.GET.get("download") == "1"
        shown_name = f"{recording.name}.mp4"
        reply["Content-Disposition"] = (
            content_disposition_header(is_download, shown_name) or "inline"
        )
    return reply

"""The address to which media units upload their recorded segments (files of one stretch of a recording), in parts.

It is no call of the API for people: the credential is the order that the scheduler has sent to the unit.
"""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from conferences.flows import collect_recordings
from conferences.flows.collect_recordings import PartRefused

MOST_BYTES_AT_ONCE = 8 * 1024 * 1024


@csrf_exempt  # no cookie is read here
@never_cache
@require_http_methods(["HEAD", "PATCH"])
def receive_parts(request: HttpRequest) -> HttpResponse:
    """Answer how many bytes of a file the store has (HEAD), or append a part at `Upload-Offset` (PATCH).

    `file` in the address is the file's name; the header `Authorization: Bearer <order>` is the credential. Answers
    204 with the number of bytes in `Upload-Offset`, or an error with a sentence.
    """
    order = request.headers.get("Authorization", "").removeprefix("Bearer ")
    name = request.GET.get("file", "")
    try:
        if request.method == "HEAD":
            received = collect_recordings.count_received(order, name)
        else:
            offset = _whole_number(request.headers.get("Upload-Offset"), "Upload-Offset")
            count = _whole_number(request.headers.get("Content-Length"), "Content-Length")
            if count > MOST_BYTES_AT_ONCE:
                raise PartRefused(413, f"at most {MOST_BYTES_AT_ONCE} bytes at once")
            received = collect_recordings.receive_part(order, name, offset, request, count)
    except PartRefused as refused:
        return HttpResponse(str(refused), status=refused.status, content_type="text/plain")
    return HttpResponse(status=204, headers={"Upload-Offset": str(received)})


def _whole_number(text: str | None, header: str) -> int:
    """Return the number in a header. Raises PartRefused."""
    if text is None or not re.fullmatch("[0-9]{1,18}", text):
        raise PartRefused(400, f"{header}: a whole number is required")
    return int(text)

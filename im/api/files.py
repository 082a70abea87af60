"""The views upload files in parts (protocol tus 1.0.0) and download them, also by `Range`."""

from __future__ import annotations

import email.utils
from collections.abc import Callable, Iterator
from functools import wraps
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.urls import path, reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from foundation import byte_ranges
from foundation.web.errors import UNSPECIFIED, ack, nack
from foundation.web.large_answers import RETRY_SECONDS, TooManyDownloads, with_place
from im.api import serializers
from im.api.base import Call
from im.data.files import queries, storage
from im.data.metrics import NOT_UPLOADED
from im.flows import upload
from im.flows.forget_files import KEPT_FOR
from im.models import File
from im.rules import tus_headers
from im.rules.tus_headers import TransferRefused

AT_ONCE = 100
"""A call may ask for at most this many files."""
_ID = OpenApiParameter("number", OpenApiTypes.UUID, OpenApiParameter.PATH)
_OFFSET = OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)
_TUS = OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, enum=[tus_headers.VERSION])
_NOTHING = {204: None}

View = Callable[..., HttpResponseBase]


class SingleFormNegotiation(BaseContentNegotiation):
    """A negotiation that ignores the `Accept` header: a file has one form, whatever a browser asks for an <img>."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser:
        """Return the only parser, whatever the request's content type."""
        parser: BaseParser = parsers[0]
        return parser

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the only renderer, whatever the header `Accept` says."""
        return renderers[0], renderers[0].media_type


def _follows_tus(view: View) -> View:
    """Return a view's function changed so that it follows the upload protocol tus.

    All calls but GET must name the protocol's version, and TransferRefused is answered with its HTTP status and code.
    """

    @wraps(view)
    def view_under_tus(self: APIView, request: Request, **named: object) -> HttpResponseBase:
        """Call the view; answer a wrong tus version and each TransferRefused with an HTTP error."""
        try:
            if (
                request.method != "GET"
                and request.headers.get("Tus-Resumable") != tus_headers.VERSION
            ):
                raise TransferRefused(
                    412, "version", f"Tus-Resumable: {tus_headers.VERSION} is needed"
                )
            reply = view(self, request, **named)
        except TransferRefused as refused:
            NOT_UPLOADED.labels(refused.code).inc()
            reply = refusal_of(refused)
        reply["Tus-Resumable"] = tus_headers.VERSION
        return reply

    return view_under_tus


def refusal_of(refused: TransferRefused) -> Response:
    """Return the answer to a refused upload or download."""
    body = nack(UNSPECIFIED, refused.why) | {"code": refused.code}
    return Response(body, refused.status, headers=refused.headers)


class _Files(Call):
    """Define the base of views on files, which ignore the header `Accept`."""

    content_negotiation_class = SingleFormNegotiation


class Files(_Files):
    """The view lists the caller's files and begins uploads."""

    @extend_schema(
        operation_id="v1_im_files_list",
        parameters=[OpenApiParameter("ids", str)],
        responses=serializers.answers(serializers.Files),
    )
    @_follows_tus
    def get(self, request: Request) -> Response:
        """Return `files` for `ids=a,b,…` (at most 100), without those the caller may not read.

        Raises TransferRefused for more.
        """
        numbers = request.query_params.get("ids", "").split(",")[: AT_ONCE + 1]
        if len(numbers) > AT_ONCE:
            raise TransferRefused(400, "too_large", f"ids: at most {AT_ONCE}")
        wanted = [file_id for text in numbers if (file_id := _uuid_or_none(text))]
        return ack(files=[_file_data(file) for file in queries.readable_files(self.me.id, wanted)])

    @extend_schema(
        request=None,
        parameters=[
            _TUS,
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True),
            OpenApiParameter("Upload-Metadata", str, OpenApiParameter.HEADER),
        ],
        responses={201: serializers.UploadAnnounced, "4XX": serializers.Nack},
    )
    @_follows_tus
    def post(self, request: Request) -> Response:
        """Announce an upload of `Upload-Length` bytes; `Location` is where to send them.

        `Upload-Metadata: filename <base64>` gives the name.
        """
        size = tus_headers.parse_number(request.headers.get("Upload-Length"), "Upload-Length")
        name = tus_headers.parse_metadata(request.headers.get("Upload-Metadata", "")).get(
            "filename", ""
        )
        file = upload.begin_upload(self.store, self.me.id, name, size)
        reply = ack(id=str(file.id))
        reply.status_code = 201
        reply["Location"] = reverse("im-file", args=[file.id])
        _set_expiry(reply, file)
        return reply

    def options(self, request: HttpRequest | Request, *args: object, **named: object) -> Response:
        """Return, to anybody, which part of the upload protocol tus is supported."""
        return Response(
            status=204,
            headers={
                "Tus-Resumable": tus_headers.VERSION,
                "Tus-Version": tus_headers.VERSION,
                "Tus-Extension": tus_headers.EXTENSIONS,
                "Tus-Max-Size": str(settings.IM_FILE_MAX_BYTES),
            },
        )

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Check the caller, except for OPTIONS, which anybody may ask."""
        if request.method != "OPTIONS":
            super().initial(request, *args, **kwargs)


class OneFile(_Files):
    """Define the view of one file, which is uploaded or downloaded."""

    @extend_schema(
        parameters=[_ID, OpenApiParameter("Range", str, OpenApiParameter.HEADER)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @_follows_tus
    def get(self, request: Request, number: UUID) -> HttpResponseBase:
        """Return the file, or a part of it with `Range`."""
        return download(request, _readable_file(self.me.id, number), self.me.id)

    @extend_schema(parameters=[_ID, _TUS], request=None, responses={200: None})
    @_follows_tus
    def head(self, request: Request, number: UUID) -> HttpResponse:
        """Return the progress of an upload: `Upload-Offset`, `Upload-Length`."""
        file, received = upload.find_upload(self.me.id, number)
        reply = HttpResponse()
        reply["Upload-Length"], reply["Upload-Offset"] = str(file.size), str(received)
        reply["Cache-Control"] = "no-store"
        _set_expiry(reply, file)
        return reply

    @extend_schema(
        parameters=[_ID, _TUS, _OFFSET],
        request={tus_headers.PART: OpenApiTypes.BINARY},
        responses=_NOTHING,
    )
    @_follows_tus
    def patch(self, request: Request, number: UUID) -> HttpResponse:
        """Append bytes at `Upload-Offset`; the last one completes the file."""
        if request.content_type != tus_headers.PART:
            raise TransferRefused(415, "bad_request", f"Content-Type: {tus_headers.PART} is needed")
        offset = tus_headers.parse_number(request.headers.get("Upload-Offset"), "Upload-Offset")
        length = tus_headers.parse_number(
            request.META.get("CONTENT_LENGTH") or None, "Content-Length"
        )
        received = upload.append_bytes(self.me.id, number, offset, request._request, length)
        return HttpResponse(status=204, headers={"Upload-Offset": str(received)})

    @extend_schema(parameters=[_ID, _TUS], request=None, responses=_NOTHING)
    @_follows_tus
    def delete(self, request: Request, number: UUID) -> HttpResponse:
        """Delete an upload that no message carries."""
        upload.delete_upload(self.me.id, number)
        return HttpResponse(status=204)


class Thumbnail(_Files):
    """Define the view of a picture's thumbnail."""

    @extend_schema(parameters=[_ID], responses={(200, "image/webp"): OpenApiTypes.BINARY})
    @_follows_tus
    def get(self, request: Request, number: UUID) -> HttpResponseBase:
        """Return the thumbnail, at most 320 pixels high and wide."""
        file = _readable_file(self.me.id, number)
        if not file.has_thumbnail:
            raise TransferRefused(404, "not_found", "there is no picture of this file")
        reply = FileResponse(_open_stored(file, storage.THUMBNAIL), content_type="image/webp")
        return _with_safe_headers(reply, "inline", f'"{file.id}-small"')


def _uuid_or_none(text: str) -> UUID | None:
    """Return the UUID that a text holds; `None` if it holds none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _set_expiry(reply: HttpResponse, file: File) -> None:
    """Set the header `Upload-Expires`: when a file is deleted if no message carries it by then."""
    if not file.used:
        end = file.created_at + KEPT_FOR
        reply["Upload-Expires"] = email.utils.format_datetime(end, usegmt=True)


def _file_data(file: File) -> dict[str, object]:
    """Return a file's id, name, size and type as the API shows them."""
    url = reverse("im-file", args=[file.id])
    return {
        "id": str(file.id),
        "name": file.name,
        "size": file.size,
        "content_type": file.content_type,
        "width": file.width,
        "height": file.height,
        "duration_ms": file.duration_ms,
        "url": url,
        "thumbnail_url": f"{url}/thumbnail" if file.has_thumbnail else None,
    }


# ---- downloads ----------------------------------------------------------------------------------


def _readable_file(person: str, number: UUID) -> File:
    """Return a file that this person may read. Raises TransferRefused.

    The refusal is the same for a file that does not exist and for one that the person may not read.
    """
    files = queries.readable_files(person, [number])
    if not files:
        raise TransferRefused(404, "not_found", "there is no such file, or it is not for you")
    return files[0]


def download(request: Request, file: File, person: str) -> HttpResponseBase:
    """Return a file as a response to GET of a person: whole, a part (`Range`), or 304 if the browser has it.

    Raises TransferRefused if the file is not here, or the person reads too many large ones at once.
    """
    tag = f'"{file.id}"'
    disposition = tus_headers.content_disposition(file.name, file.content_type)
    if request.headers.get("If-None-Match") == tag:
        return _with_safe_headers(HttpResponse(status=304), disposition, tag)
    range_header = request.headers.get("Range", "")
    if request.headers.get("If-Range", tag) != tag:
        # The browser's part is of another file: send the whole one.
        range_header = ""
    part = tus_headers.parse_range(range_header, file.size)
    first, last = part or (0, file.size - 1)
    reply = StreamingHttpResponse(
        _content(file, first, last, person),
        status=206 if part else 200,
        content_type=file.content_type,
    )
    reply["Content-Length"] = str(last - first + 1)
    if part:
        reply["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    reply["Accept-Ranges"] = "bytes"
    return _with_safe_headers(reply, disposition, tag)


def _content(file: File, first: int, last: int, person: str) -> Iterator[bytes]:
    """Return the bytes of a file from `first` to `last`, both included, for a person. Raises TransferRefused."""
    stored = _open_stored(file)
    try:
        return with_place(person, last - first + 1, byte_ranges.pieces(stored, first, last))
    except TooManyDownloads:
        stored.close()
        why = "you download several large files already: try again when one has come"
        raise TransferRefused(503, "rate", why, **{"Retry-After": str(RETRY_SECONDS)}) from None


def _open_stored(file: File, suffix: str = "") -> IO[bytes]:
    """Open a stored file. Raises TransferRefused 404.

    The file may lie at another site whose storage this site does not share. `suffix` is the suffix of a
    file that belongs to it, such as its thumbnail.
    """
    try:
        return storage.open_file(str(file.id), suffix)
    except FileNotFoundError:
        raise TransferRefused(404, "not_here", "this file is not kept at this site") from None


def _with_safe_headers(reply: HttpResponseBase, disposition: str, tag: str) -> HttpResponseBase:
    """Set headers that keep a file from running in the browser: no script, no frame, no guessed type.

    `tag` is the file's `ETag`, `disposition` the header `Content-Disposition`.
    """
    reply["Content-Disposition"] = disposition
    reply["Content-Security-Policy"] = "default-src 'none'; sandbox"
    reply["X-Content-Type-Options"] = "nosniff"
    reply["Cross-Origin-Resource-Policy"] = "same-origin"
    reply["Cache-Control"] = "private, no-cache"
    reply["ETag"] = tag
    return reply


urlpatterns = [
    path("files", Files.as_view(), name="im-files"),
    path("files/<uuid:number>", OneFile.as_view(), name="im-file"),
    path("files/<uuid:number>/thumbnail", Thumbnail.as_view(), name="im-thumbnail"),
]

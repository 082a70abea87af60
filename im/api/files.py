"""Uploads in parts (tus 1.0.0) and downloads with Range, for whoever may have the file."""

from __future__ import annotations

import email.utils
from collections.abc import Callable
from functools import wraps
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path, reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from foundation.web.errors import UNSPECIFIED, ack, nack
from im.api.base import Call
from im.data.files import queries, storage
from im.data.metrics import NOT_UPLOADED
from im.flows import upload
from im.flows.forget_files import KEPT_FOR
from im.models import File
from im.rules import tus_headers
from im.rules.tus_headers import TransferRefused

AT_ONCE = 100
"""Files that one question may be about."""
_ID = OpenApiParameter("number", OpenApiTypes.UUID, OpenApiParameter.PATH)
_OFFSET = OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)
_TUS = OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, enum=[tus_headers.VERSION])
_NOTHING = {204: None}

View = Callable[..., HttpResponseBase]


class _AsItIs(BaseContentNegotiation):
    """A file has one form, whatever a browser's <img> says that it would like."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


def _tus(view: View) -> View:
    """A refusal with its status; what is written wants the protocol's version (tus 1.0.0)."""

    @wraps(view)
    def called(self: APIView, request: Request, **named: Any) -> HttpResponseBase:
        try:
            if (
                request.method != "GET"
                and request.headers.get("Tus-Resumable") != tus_headers.VERSION
            ):
                raise TransferRefused(
                    412, "version", f"Tus-Resumable: {tus_headers.VERSION} is needed"
                )
            reply = view(self, request, **named)
        except TransferRefused as no:
            NOT_UPLOADED.labels(no.code).inc()
            reply = Response(
                nack(UNSPECIFIED, no.why) | {"code": no.code}, no.status, headers=no.headers
            )
        reply["Tus-Resumable"] = tus_headers.VERSION
        return reply

    return called


class _Files(Call):
    content_negotiation_class = _AsItIs


class Files(_Files):
    """Begin an upload; look at several files."""

    @extend_schema(parameters=[OpenApiParameter("ids", str)], responses=OpenApiTypes.OBJECT)
    @_tus
    def get(self, request: Request) -> Response:
        """`ids=a,b,…` (at most 100) -> `files`: what they are; none that one may not have."""
        numbers = request.query_params.get("ids", "").split(",")[: AT_ONCE + 1]
        if len(numbers) > AT_ONCE:
            raise TransferRefused(400, "too_large", f"ids: at most {AT_ONCE}")
        wanted = [one for text in numbers if (one := _uuid(text))]
        return ack(files=[_shown(file) for file in queries.readable(self.me.id, wanted)])

    @extend_schema(
        request=None,
        parameters=[
            _TUS,
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True),
            OpenApiParameter("Upload-Metadata", str, OpenApiParameter.HEADER),
        ],
        responses={201: OpenApiTypes.OBJECT},
    )
    @_tus
    def post(self, request: Request) -> Response:
        """Announce `Upload-Length` bytes, `Upload-Metadata: filename <base64>`; `Location` says where they go."""
        size = tus_headers.parse_number(request.headers.get("Upload-Length"), "Upload-Length")
        name = tus_headers.parse_metadata(request.headers.get("Upload-Metadata", "")).get(
            "filename", ""
        )
        file = upload.begin(self.place, self.me.id, name, size)
        reply = ack(id=str(file.id))
        reply.status_code = 201
        reply["Location"] = reverse("im-file", args=[file.id])
        _expires(reply, file)
        return reply

    def options(self, request: Any, *args: Any, **named: Any) -> Response:
        """What this side of tus can do; anybody may know."""
        return Response(
            status=204,
            headers={
                "Tus-Resumable": tus_headers.VERSION,
                "Tus-Version": tus_headers.VERSION,
                "Tus-Extension": tus_headers.EXTENSIONS,
                "Tus-Max-Size": str(settings.IM_FILE_MAX_BYTES),
            },
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":
            super().initial(request, *args, **kwargs)


class OneFile(_Files):
    """One file: its bytes on their way here, and from here."""

    @extend_schema(
        parameters=[_ID, OpenApiParameter("Range", str, OpenApiParameter.HEADER)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @_tus
    def get(self, request: Request, number: UUID) -> HttpResponseBase:
        """The file; a part of it with `Range`."""
        return _fetched(request, _readable(self.me.id, number))

    @extend_schema(parameters=[_ID, _TUS], request=None, responses={200: None})
    @_tus
    def head(self, request: Request, number: UUID) -> HttpResponse:
        """How far the upload has come: `Upload-Offset`, `Upload-Length`."""
        file, here = upload.state(self.me.id, number)
        reply = HttpResponse()
        reply["Upload-Length"], reply["Upload-Offset"] = str(file.size), str(here)
        reply["Cache-Control"] = "no-store"
        _expires(reply, file)
        return reply

    @extend_schema(
        parameters=[_ID, _TUS, _OFFSET],
        request={tus_headers.PART: OpenApiTypes.BINARY},
        responses=_NOTHING,
    )
    @_tus
    def patch(self, request: Request, number: UUID) -> HttpResponse:
        """Bytes that belong at `Upload-Offset`; the last one makes the file ready."""
        if request.content_type != tus_headers.PART:
            raise TransferRefused(415, "bad_request", f"Content-Type: {tus_headers.PART} is needed")
        offset = tus_headers.parse_number(request.headers.get("Upload-Offset"), "Upload-Offset")
        length = tus_headers.parse_number(
            request.META.get("CONTENT_LENGTH") or None, "Content-Length"
        )
        here = upload.take(self.me.id, number, offset, request._request, length)
        return HttpResponse(status=204, headers={"Upload-Offset": str(here)})

    @extend_schema(parameters=[_ID, _TUS], request=None, responses=_NOTHING)
    @_tus
    def delete(self, request: Request, number: UUID) -> HttpResponse:
        """Forget an upload that no message carries."""
        upload.drop(self.me.id, number)
        return HttpResponse(status=204)


class Thumbnail(_Files):
    """A picture, small."""

    @extend_schema(parameters=[_ID], responses={(200, "image/webp"): OpenApiTypes.BINARY})
    @_tus
    def get(self, request: Request, number: UUID) -> HttpResponseBase:
        """At most 320 pixels high and wide."""
        file = _readable(self.me.id, number)
        if not file.has_thumbnail:
            raise TransferRefused(404, "not_found", "there is no picture of this file")
        reply = FileResponse(_opened(file, storage.THUMBNAIL), content_type="image/webp")
        return _guarded(reply, "inline", f'"{file.id}-small"')


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _expires(reply: HttpResponse, file: File) -> None:
    if not file.used:
        end = file.created_at + KEPT_FOR
        reply["Upload-Expires"] = email.utils.format_datetime(end, usegmt=True)


def _shown(file: File) -> dict[str, Any]:
    """A file as clients get it."""
    here = reverse("im-file", args=[file.id])
    return {
        "id": str(file.id),
        "name": file.name,
        "size": file.size,
        "content_type": file.content_type,
        "width": file.width,
        "height": file.height,
        "duration_ms": file.duration_ms,
        "url": here,
        "thumbnail_url": f"{here}/thumbnail" if file.has_thumbnail else None,
    }


# ---- from here ----------------------------------------------------------------------------------


def _readable(person: str, number: UUID) -> File:
    """The same refusal for a file that is not, and one that is not for this person."""
    found = queries.readable(person, [number])
    if not found:
        raise TransferRefused(404, "not_found", "there is no such file, or it is not for you")
    return found[0]


def _fetched(request: Request, file: File) -> HttpResponseBase:
    tag = f'"{file.id}"'
    shown = tus_headers.content_disposition(file.name, file.content_type)
    if request.headers.get("If-None-Match") == tag:
        return _guarded(HttpResponse(status=304), shown, tag)
    asked = request.headers.get("Range", "")
    if request.headers.get("If-Range", tag) != tag:
        asked = ""
    part = tus_headers.parse_range(asked, file.size)
    reply = _part(file, *part) if part else _whole(file)
    reply["Accept-Ranges"] = "bytes"
    return _guarded(reply, shown, tag)


def _whole(file: File) -> HttpResponseBase:
    reply = FileResponse(_opened(file), content_type=file.content_type)
    reply["Content-Length"] = str(file.size)
    return reply


def _part(file: File, first: int, last: int) -> HttpResponseBase:
    found = storage.pieces(_opened(file), first, last)
    reply = StreamingHttpResponse(found, status=206, content_type=file.content_type)
    reply["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    reply["Content-Length"] = str(last - first + 1)
    return reply


def _opened(file: File, more: str = "") -> IO[Any]:
    """Another site may have taken it, and no storage be shared with it."""
    try:
        return storage.open_file(str(file.id), more)
    except FileNotFoundError:
        raise TransferRefused(404, "not_here", "this file is not kept at this site") from None


def _guarded(reply: HttpResponseBase, disposition: str, tag: str) -> HttpResponseBase:
    """Whatever the file is, it does nothing here: no script, no frame, no guessing."""
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

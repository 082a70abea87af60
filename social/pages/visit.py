"""All pages of people, circles and posts (moments) share this: the visiting person, and refusals as sentences.

The pages consist of plain forms. They decide nothing: each form calls the same flow as the HTTP API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import wraps
from typing import TypeVar, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from rest_framework.request import Request
from rest_framework.views import APIView

from domains.models import Account
from foundation import clock
from foundation.cells.directory import PlatformStore, own_platform, possible_platforms, store_of
from foundation.cells.serving import is_served_here
from foundation.plain_text import fault_of
from foundation.web.page_parts import render_page
from im.api.base import StrictLimit
from im.data import people, platform_resolver
from im.data.journal import NotServedHere, ReadOnly
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.flows import upload
from im.rules.conversation_decisions import DenyReason
from im.rules.tus_headers import TransferRefused

W = TypeVar("W", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in person's (`me`) request for a page, or by a form; `store` has the data of the person's platform."""

    request: HttpRequest
    me: Person
    store: PlatformStore
    now: datetime

    @property
    def database(self) -> str:
        """Return the alias of the database with the data of the person's platform."""
        return self.store.database

    def page(self, template: str, context: dict[str, object]) -> HttpResponse:
        """Render a template with these values and other apps' parts of the page, with a content security policy."""
        return render_page(self.request, template, {"person": self.me.name, **context})

    def field(self, name: str, most: int, *, lines: bool = False) -> str:
        """Return the stripped text of a form's field.

        `most`: how many characters it may have; `lines`: it may have several lines. Raises Denied if it is too long or
        has control characters.
        """
        text = self.request.POST.get(name, "").replace("\r\n", "\n").strip()
        if len(text) > most or fault_of(text, may_have_lines=lines, may_be_empty=True):
            raise Denied(DenyReason.MALFORMED, name)
        return text

    def choice(self, name: str, words: type[W]) -> W | None:
        """Return the member of the enumeration `words` that was chosen in a form's field; `None` for any other text."""
        text = self.request.POST.get(name, "")
        return next((word for word in words if word.value == text), None)

    def back(self, otherwise: str) -> str:
        """Return the path in the form's field `back`, if it is a page below `/people/`; else `otherwise`."""
        path = self.request.POST.get("back", "")
        return (
            path if re.fullmatch(r"/people/[\w/-]{0,100}", path) and "//" not in path else otherwise
        )

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return the ids (whole numbers) that were chosen in a form's field; other texts are left out."""
        return tuple(int(text) for text in self.request.POST.getlist(name) if text.isdecimal())


class Elsewhere(Exception):
    """Another site (data centre) takes the requests of the person's platform."""


def check_rate(request: HttpRequest) -> None:
    """Count a form or a search by a person. Raises Denied above the limit of the HTTP API for such calls."""
    if not StrictLimit().allow_request(cast(Request, request), cast(APIView, None)):
        raise Denied(DenyReason.RATE)


Page = Callable[..., HttpResponse]
PageView = Callable[..., HttpResponse]
FormView = Callable[..., str]


def _visit(request: HttpRequest) -> Visit:
    """Return a signed-in person's request with the person, the data of his platform, and the time.

    Raises Elsewhere if another site serves the platform, and Http404 at a site without instant messages.
    """
    if "im" not in settings.ROLES:
        raise Http404
    assert isinstance(request.user, Account)
    moid = request.user.moid
    platform = platform_resolver.platform_of_users([moid]).get(moid, own_platform())
    if platform not in possible_platforms() or not is_served_here(platform):
        raise Elsewhere
    return Visit(request, people.person_of_account(request.user), store_of(platform), clock.now())


def page(view: PageView) -> Page:
    """Return a view made of a function that shows a page to a Visit; a page that the visitor may not see is a 404."""

    @wraps(view)
    def page_view(request: HttpRequest, **values: object) -> HttpResponse:
        """Show the page, or redirect to the page that says which site takes the platform's requests. Raises Http404."""
        try:
            return view(_visit(request), **values)
        except Denied:
            raise Http404 from None
        except (Elsewhere, NotServedHere):
            return redirect("console")

    return never_cache(login_required(require_GET(page_view)))


def form(view: FormView) -> Page:
    """Turn a function that handles a form of a Visit, and returns the path of the next page, into a view.

    If the form is refused, the page that it came from is shown again, with the reason.
    """

    @wraps(view)
    def form_view(request: HttpRequest, **values: object) -> HttpResponse:
        """Handle the form, and redirect to the next page.

        A refusal is shown on that page. If another site serves the platform, redirect to the page that says which.
        """
        try:
            visit = _visit(request)
            check_rate(request)
            return redirect(view(visit, **values))
        except Denied as denied:
            messages.error(request, refusal_text(denied))
        except TransferRefused as refused:
            messages.error(request, _refusal_text_of_upload(refused))
        except (Elsewhere, NotServedHere):
            return redirect("console")
        except (Error, ReadOnly):
            messages.error(request, _("The platform's database is away. Try again in a moment."))
        return redirect(_back(request))

    return never_cache(login_required(require_POST(form_view)))


def _back(request: HttpRequest) -> str:
    """Return the path of the page from which a form was sent, by its header `Referer`; by default the timeline."""
    referrer = request.META.get("HTTP_REFERER", "")
    host = f"://{request.get_host()}/"
    scheme, separator, path = referrer.partition(host)
    return f"/{path}" if separator and scheme in ("http", "https") else "/people/moments/"


def refusal_text(denied: Denied) -> str:
    """Return a sentence in the reader's language: why a request was refused, and what to do."""
    texts = {
        DenyReason.NOT_FOUND: _("It is no longer there, or not for you."),
        DenyReason.NOT_ALLOWED: _("This is not possible for you. Ask who leads it."),
        DenyReason.CLOSED: _("It is closed."),
        DenyReason.FULL: _("The limit is reached. Remove something first."),
        DenyReason.RATE: _("That was too often. Try again later."),
    }
    fallback = _("Check what you have filled in: %(what)s") % {"what": denied.reason}
    return texts.get(denied.why, fallback)


def _refusal_text_of_upload(refused: TransferRefused) -> str:
    """Return a sentence in the reader's language: why an uploaded file was refused."""
    texts = {
        413: _("The file is too large, or your files take too much room."),
        429: _("Too many files at once. Try again in a minute."),
    }
    return texts.get(refused.status, _("The file could not be taken. Try another one."))


def store_files(visit: Visit, files: Iterable[UploadedFile[bytes]]) -> tuple[UUID, ...]:
    """Store the files of a form as uploads of the person, and return their ids. Raises TransferRefused."""
    ids = []
    for file in files:
        size = file.size or 0
        row = upload.begin_upload(visit.store, visit.me.id, file.name or "", size)
        upload.append_bytes(visit.me.id, row.id, 0, file, size)
        ids.append(row.id)
    return tuple(ids)

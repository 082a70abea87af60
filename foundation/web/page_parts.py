"""An upper app adds parts to the pages of lower apps by this hook, for instance the dialog of an incoming call.

A view renders its page by `render_page`. The template includes `head` of each part into its header and `body` before
its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from foundation.hooks import Hook
from foundation.web.content_security_policy import with_policy


class PagePart(NamedTuple):
    """A part that an app adds to pages for people: templates for head and body of the page, and their context.

    `connect` are the addresses to which its scripts connect.
    """

    head: str
    body: str
    context: Mapping[str, object]
    connect: str = ""


PAGE_PARTS: Hook[[HttpRequest], PagePart | None] = Hook()
"""`(request)`: return a part for a page of a signed-in person; `None`: none for this person."""


def render_page(
    request: HttpRequest, template: str, context: Mapping[str, object], *addresses: str
) -> HttpResponse:
    """Return a page for a signed-in person: this template with this context and the parts that apps add (`parts`).

    Its content security policy lets its scripts connect to the addresses of the parts, and to these `addresses`.
    """
    parts = [part for part in PAGE_PARTS.call(request) if part is not None]
    connect = [*filter(None, addresses), *(part.connect for part in parts if part.connect)]
    reply = render(request, template, {**context, "parts": parts})
    return with_policy(reply, " ".join(dict.fromkeys(connect)))

"""An upper app adds parts to the pages of lower apps by this hook, for instance the dialog of an incoming call.

A page's view passes `parts_of(request)` to its template as `parts`, and their addresses to its security policy.
The template includes `head` of each part into its header and `body` before its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.http import HttpRequest

from foundation.hooks import Hook


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


def parts_of(request: HttpRequest) -> list[PagePart]:
    """Return the parts (templates with their context) that apps add to a page of a signed-in person."""
    return [part for part in PAGE_PARTS.call(request) if part is not None]


def addresses_of(parts: list[PagePart], *more: str) -> str:
    """Return the addresses, joined by spaces, to which a page's scripts connect, for its content security policy.

    They are those of its parts, and `more`.
    """
    return " ".join(
        dict.fromkeys([*filter(None, more), *(part.connect for part in parts if part.connect)])
    )

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
    """A part of a page: two templates, their context, and the addresses to which its scripts connect."""

    head: str
    body: str
    context: Mapping[str, object]
    connect: str = ""


PAGE_PARTS: Hook[[HttpRequest], PagePart | None] = Hook()
"""`(request)`: return a part for a page of a signed-in person; `None`: none for this person."""


def parts_of(request: HttpRequest) -> list[PagePart]:
    """Return the parts that all apps add to a page of a signed-in person."""
    return [part for part in PAGE_PARTS.call(request) if part is not None]


def addresses_of(parts: list[PagePart], *more: str) -> str:
    """Return the addresses to which a page's scripts connect, those of its parts and `more`, for its policy."""
    return " ".join(
        dict.fromkeys([*filter(None, more), *(part.connect for part in parts if part.connect)])
    )

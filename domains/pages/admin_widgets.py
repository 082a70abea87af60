"""What the pages of domains and rooms have in common: refusals in words, where one stands, bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from domains.data import tree_browser
from domains.data.hooks import Measure
from domains.models import Level
from domains.rules.refusal_texts import translated
from domains.rules.tree import RuleBroken
from foundation.web.admin_base import badge, bar

DATABASE = "default"
PAGES = {
    Level.CORE: "coredomain",
    Level.SERVICE: "servicedomain",
    Level.PLATFORM: "platformdomain",
    Level.USER: "userdomain",
}
"""Whose form it is, by level."""

BELOW = {
    Level.CORE: (Level.SERVICE,),
    Level.SERVICE: (Level.SERVICE, Level.PLATFORM, Level.USER),
}
"""What may be made below a domain."""

ADD = {
    Level.SERVICE: _("Add a service domain below"),
    Level.PLATFORM: _("Add a platform domain below"),
    Level.USER: _("Add a user domain below"),
}


def refused_politely(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """A view whose flow may still refuse: what the form found allowed is not any more."""
    try:
        return view()
    except RuleBroken as broken:
        for one in broken.refusals:
            messages.error(request, translated(one))
        return redirect(request.get_full_path())


def page_of(level: int, moid: str) -> str:
    """The address of a domain's form."""
    return reverse(f"admin:domains_{PAGES[Level(level)]}_change", args=[moid])


def line_to(moid: str) -> list[dict[str, str]]:
    """The root, and so on down to this domain, each with its form."""
    found = tree_browser.paths_from_root(DATABASE, [moid])[moid] if moid else []
    return [{"name": name, "page": page_of(level, one)} for one, level, name, _used in found]


def add_links(level: int, moid: str, may_add: Callable[[str], bool]) -> list[dict[str, Any]]:
    """Ways to make something below a domain, with "above it" filled in."""
    return [
        {
            "title": ADD[kind],
            "page": reverse(f"admin:domains_{PAGES[kind]}_add") + "?" + urlencode({"parent": moid}),
        }
        for kind in BELOW.get(Level(level), ())
        if may_add(PAGES[kind])
    ]


def standing(used: bool, disabled_by: str) -> SafeString:
    """Enabled; disabled by itself; or by one above it."""
    if not used:
        return badge(_("disabled"), "grey")
    if disabled_by:
        return badge(_("disabled by “%s” above it") % disabled_by, "amber")
    return badge(_("enabled"), "green")


def bars(measures: Iterable[Measure]) -> SafeString:
    """One line for each limit."""
    lines = [(one.name, bar(one.used, one.limit)) for one in measures]
    if not lines:
        return format_html('<span class="op-none">{}</span>', _("none"))
    rows = format_html_join("", '<div class="op-unit"><span>{}</span>{}</div>', lines)
    return format_html('<div class="op-limits">{}</div>', rows)


def bar_of(measures: Sequence[Measure], place: int) -> SafeString:
    """One of a domain's measures, in a list."""
    if place >= len(measures):
        return SafeString("–")
    return bar(measures[place].used, measures[place].limit)

"""Parts that several admin pages of domains share: a base class that shows refusals, paths, links, badges and bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from domains.data import tree_browser
from domains.data.hooks import Measure
from domains.models import Level
from domains.rules.refusal_texts import translated
from domains.rules.tree import RuleBroken
from foundation.web.admin_base import FlowAdmin, badge, bar
from foundation.web.scoping import M

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

DATABASE = "default"
PAGES = {
    Level.CORE: "coredomain",
    Level.SERVICE: "servicedomain",
    Level.PLATFORM: "platformdomain",
    Level.USER: "userdomain",
}
"""Level of a domain -> name of the model whose admin form shows it."""

LEVELS_BELOW = {
    Level.CORE: (Level.SERVICE,),
    Level.SERVICE: (Level.SERVICE, Level.PLATFORM, Level.USER),
}
"""Level of a domain -> levels of domains that may be added below it."""

_ADD_TITLES = {
    Level.SERVICE: _("Add a service domain below"),
    Level.PLATFORM: _("Add a platform domain below"),
    Level.USER: _("Add a user domain below"),
}


class RulesAdmin(FlowAdmin[M]):
    """The base of pages whose flows check the rules of the tree; a page shows each rule that a change would break."""

    refusal = RuleBroken

    def reasons(self, refused: Exception) -> Iterable[str]:
        """Return why the flow refused to save (`refused`), as sentences in the reader's language."""
        assert isinstance(refused, RuleBroken)
        return map(translated, refused.refusals)


def form_address(level: int, moid: str) -> str:
    """Return the address of the admin form of a domain. `level` is the domain's level."""
    return reverse(f"admin:domains_{PAGES[Level(level)]}_change", args=[moid])


def path_to(moid: str) -> list[dict[str, str]]:
    """Return the domains from the root of the tree down to this one, each with the address of its form."""
    path = tree_browser.paths_from_root(DATABASE, [moid])[moid] if moid else []
    return [{"name": step.name, "page": form_address(step.level, step.moid)} for step in path]


def add_links(
    level: int, moid: str, may_add: Callable[[str], bool]
) -> list[dict[str, StrOrPromise]]:
    """Return links to the forms that add a domain below this one, with the field `parent` filled in.

    `level` is the level of this domain. `may_add` says whether the user may add domains of a model, given by name.
    """
    return [
        {
            "title": _ADD_TITLES[below],
            "page": reverse(f"admin:domains_{PAGES[below]}_add")
            + "?"
            + urlencode({"parent": moid}),
        }
        for below in LEVELS_BELOW.get(Level(level), ())
        if may_add(PAGES[below])
    ]


def state_badge(used: bool, disabled_by: str) -> SafeString:
    """Return a badge: enabled, disabled itself (`used` is false), or disabled by the domain above `disabled_by`."""
    if not used:
        return badge(_("disabled"), "grey")
    if disabled_by:
        return badge(_("disabled by “%s” above it") % disabled_by, "amber")
    return badge(_("enabled"), "green")


def limit_bars(measures: Iterable[Measure]) -> SafeString:
    """Return HTML with a bar for each limit of a domain, which shows how much of it is used."""
    lines = [(measure.name, bar(measure.used, measure.limit)) for measure in measures]
    if not lines:
        return format_html('<span class="op-none">{}</span>', _("none"))
    rows = format_html_join("", '<div class="op-unit"><span>{}</span>{}</div>', lines)
    return format_html('<div class="op-limits">{}</div>', rows)


def limit_bar(measures: Sequence[Measure], position: int) -> SafeString:
    """Return the bar of the limit at a position among a domain's measures, or a dash if there is none."""
    if position >= len(measures):
        return SafeString("–")
    return bar(measures[position].used, measures[position].limit)

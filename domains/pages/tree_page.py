"""Operators' page of the tree: one level at a time, opened as one goes; nothing loads all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from domains.data import tree_browser
from domains.data.tree_browser import TreeEntry
from domains.models import CoreDomain, Level
from domains.pages.admin_widgets import DATABASE, PAGES, add_links, page_of, standing

ICONS = {
    Level.CORE: "public",
    Level.SERVICE: "folder",
    Level.PLATFORM: "hub",
    Level.USER: "apartment",
}
MOST_FOUND = 50


class TreePages:
    """For the page of all domains: the tree; what is opened, searched and shown is in scope."""

    admin_site: Any
    opts: Any
    get_object: Any
    get_queryset: Any
    get_search_results: Any
    has_view_permission: Any

    def get_urls(self) -> list[Any]:
        """The page, and one page of what is below a domain."""
        own = [
            path("tree/", self.admin_site.admin_view(self.tree_page), name="domains_domain_tree"),
            path(
                "tree/<str:moid>/",
                self.admin_site.admin_view(self.branch),
                name="domains_domain_branch",
            ),
        ]
        return own + super().get_urls()  # type: ignore[misc, no-any-return]

    def tree_page(self, request: HttpRequest) -> HttpResponse:
        """The top of what one may see, opened down to `open`; or what a search finds."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        term = request.GET.get("q", "").strip()
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Tree"),
            "term": term,
        }
        if term:
            context["found"] = self._rows(request, self._search(request, term))
        else:
            context["nodes"] = self._opened(request)
        return TemplateResponse(request, "domains/tree.html", context)

    def branch(self, request: HttpRequest, moid: str) -> HttpResponse:
        """One page of what hangs directly below a domain, for the script."""
        domain = self.get_object(request, moid)
        if domain is None or not self.has_view_permission(request, domain):
            raise Http404
        return TemplateResponse(
            request, "domains/branch.html", self._below(request, domain.pk, _page(request))
        )

    # ---- what is shown ----------------------------------------------------------------------

    def _top(self, request: HttpRequest) -> str:
        user: Any = request.user
        core = CoreDomain.objects.values_list("pk", flat=True).first()
        return core or "" if user.is_superuser else user.domain_id or ""

    def _opened(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The top; below it what leads to the domain asked for, or else one level."""
        top, wanted = self._top(request), request.GET.get("open", "")
        line = [
            moid
            for moid, *_rest in tree_browser.paths_from_root(DATABASE, [wanted or top])[
                wanted or top
            ]
        ]
        down = line[line.index(top) :] if top in line else [top]
        nodes = self._rows(request, tree_browser.load_entries(DATABASE, [top]))
        at = nodes
        for moid, deeper in zip(down, [*down[1:], ""], strict=True):
            node = next((one for one in at if one["entry"].moid == moid), None)
            if node is None or not node["entry"].opens:
                break
            node["open"] = True
            node["branch"] = self._below(request, moid, 1, also=deeper)
            at = node["branch"]["nodes"]
        return nodes

    def _below(self, request: HttpRequest, moid: str, page: int, also: str = "") -> dict[str, Any]:
        found, more = tree_browser.children(DATABASE, moid, page)
        if also and also not in {one.moid for one in found}:
            found = [*tree_browser.load_entries(DATABASE, [also]), *found]
        return {
            "nodes": self._rows(request, found),
            "next": page + 1 if more else None,
            "of": moid,
        }

    def _search(self, request: HttpRequest, term: str) -> list[TreeEntry]:
        """By the beginning of the name, or the MOID."""
        rows, _distinct = self.get_search_results(request, self.get_queryset(request), term)
        found = list(rows.order_by("name", "moid").values_list("pk", flat=True)[:MOST_FOUND])
        return tree_browser.load_entries(DATABASE, found)

    def _rows(self, request: HttpRequest, found: Sequence[TreeEntry]) -> list[dict[str, Any]]:
        pages = {page.opts.model_name: page for page in self.admin_site._registry.values()}
        may = {name: pages[name].has_add_permission(request) for name in PAGES.values()}
        return [
            {
                "entry": one,
                "icon": ICONS[Level(one.level)],
                "kind": Level(one.level).label,
                "page": page_of(one.level, one.moid),
                "state": standing(one.used, one.disabled_by),
                "counts": [(Level(level).label, n) for level, n in sorted(one.below.items())],
                "add": add_links(one.level, one.moid, may.__getitem__),
                "source": reverse("admin:domains_domain_branch", args=[one.moid]),
            }
            for one in found
        ]


def _page(request: HttpRequest) -> int:
    asked = request.GET.get("page", "1")
    return max(1, min(int(asked), 1_000_000)) if asked.isdecimal() else 1

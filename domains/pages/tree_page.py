"""The page of the tree shows one level at a time, opened on demand. Nothing loads the whole tree."""

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
from domains.pages.admin_widgets import DATABASE, PAGES, add_links, form_address, state_badge

ICONS = {
    Level.CORE: "public",
    Level.SERVICE: "folder",
    Level.PLATFORM: "hub",
    Level.USER: "apartment",
}
MOST_FOUND = 50


class TreePages:
    """The page of all domains with the tree. What is opened, searched and shown is in scope."""

    admin_site: Any
    opts: Any
    get_object: Any
    get_queryset: Any
    get_search_results: Any
    has_view_permission: Any

    def get_urls(self) -> list[Any]:
        """Add the tree, and the part of the page that shows what is below a domain."""
        own = [
            path("tree/", self.admin_site.admin_view(self.tree_page), name="domains_domain_tree"),
            path(
                "tree/<str:moid>/",
                self.admin_site.admin_view(self.branch),
                name="domains_domain_branch",
            ),
        ]
        return own + super().get_urls()  # type: ignore[misc, no-any-return]  # the mixin stands before an admin class

    def tree_page(self, request: HttpRequest) -> HttpResponse:
        """Show the top of what the user may see, opened down to `open`, or the results of a search."""
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
        """Show one page of the domains directly below a domain, for the script."""
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
        """Return the top, opened down to the requested domain, or by one level."""
        top, wanted = self._top(request), request.GET.get("open", "")
        path = [
            moid
            for moid, *_rest in tree_browser.paths_from_root(DATABASE, [wanted or top])[
                wanted or top
            ]
        ]
        way = path[path.index(top) :] if top in path else [top]
        nodes = self._rows(request, tree_browser.load_entries(DATABASE, [top]))
        nodes_of_level = nodes
        for moid, deeper in zip(way, [*way[1:], ""], strict=True):
            node = next(
                (candidate for candidate in nodes_of_level if candidate["entry"].moid == moid), None
            )
            if node is None or not node["entry"].has_children:
                break
            node["open"] = True
            node["branch"] = self._below(request, moid, 1, also=deeper)
            nodes_of_level = node["branch"]["nodes"]
        return nodes

    def _below(self, request: HttpRequest, moid: str, page: int, also: str = "") -> dict[str, Any]:
        entries, more = tree_browser.children(DATABASE, moid, page)
        if also and also not in {entry.moid for entry in entries}:
            entries = [*tree_browser.load_entries(DATABASE, [also]), *entries]
        return {
            "nodes": self._rows(request, entries),
            "next": page + 1 if more else None,
            "of": moid,
        }

    def _search(self, request: HttpRequest, term: str) -> list[TreeEntry]:
        """Search by the beginning of the name, or by the MOID."""
        rows, _distinct = self.get_search_results(request, self.get_queryset(request), term)
        moids = list(rows.order_by("name", "moid").values_list("pk", flat=True)[:MOST_FOUND])
        return tree_browser.load_entries(DATABASE, moids)

    def _rows(self, request: HttpRequest, entries: Sequence[TreeEntry]) -> list[dict[str, Any]]:
        pages = {page.opts.model_name: page for page in self.admin_site._registry.values()}
        may = {name: pages[name].has_add_permission(request) for name in PAGES.values()}
        return [
            {
                "entry": entry,
                "icon": ICONS[Level(entry.level)],
                "kind": Level(entry.level).label,
                "page": form_address(entry.level, entry.moid),
                "state": state_badge(entry.used, entry.disabled_by),
                "counts": [(Level(level).label, n) for level, n in sorted(entry.below.items())],
                "add": add_links(entry.level, entry.moid, may.__getitem__),
                "source": reverse("admin:domains_domain_branch", args=[entry.moid]),
            }
            for entry in entries
        ]


def _page(request: HttpRequest) -> int:
    number = request.GET.get("page", "1")
    return max(1, min(int(number), 1_000_000)) if number.isdecimal() else 1

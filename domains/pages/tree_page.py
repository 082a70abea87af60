"""The page of the domain tree loads the domains below one only when the user opens it, never the whole tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from domains.data import tree_browser
from domains.data.tree_browser import TreeEntry
from domains.models import CoreDomain, Domain, Level
from domains.pages.admin_widgets import DATABASE, PAGES, add_links, form_address, state_badge
from foundation.web.admin_base import BaseAdmin
from foundation.web.arguments import digits

ICONS = {
    Level.CORE: "public",
    Level.SERVICE: "folder",
    Level.PLATFORM: "hub",
    Level.USER: "apartment",
}
MAX_FOUND = 50
_MAX_PAGE = 1_000_000


class TreePages(BaseAdmin[Domain]):
    """A mixin for the page of all domains, which adds the tree. It shows only domains in the user's scope."""

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the page, with those of the tree and of the domains below one of its domains."""
        tree_urls = [
            path("tree/", self.admin_site.admin_view(self.tree_page), name="domains_domain_tree"),
            path(
                "tree/<str:moid>/",
                self.admin_site.admin_view(self.branch),
                name="domains_domain_branch",
            ),
        ]
        return [*tree_urls, *super().get_urls()]

    def tree_page(self, request: HttpRequest) -> HttpResponse:
        """Return the page of the tree, opened down to the domain in the argument `open`, or the results of a search.

        Raises PermissionDenied.
        """
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
            context["found"] = self._nodes_for_templates(request, self._search(request, term))
        else:
            context["nodes"] = self._opened_nodes(request)
        return TemplateResponse(request, "domains/tree.html", context)

    def branch(self, request: HttpRequest, moid: str) -> HttpResponse:
        """Return HTML with one page of the domains directly below a domain, which the script inserts into the tree.

        Raises Http404 if the user may not see it.
        """
        domain = self.get_object(request, moid)
        if domain is None or not self.has_view_permission(request, domain):
            raise Http404
        return TemplateResponse(
            request,
            "domains/branch.html",
            self._branch_context(request, domain.pk, _page_number(request)),
        )

    # ---- nodes of the tree, for the templates -----------------------------------------------

    def _highest_visible(self, request: HttpRequest) -> str:
        """Return the MOID of the highest domain that the user sees, or "" if there is none."""
        user: Any = request.user
        core = CoreDomain.objects.values_list("pk", flat=True).first()
        return core or "" if user.is_superuser else user.domain_id or ""

    def _opened_nodes(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the node of the highest visible domain, opened down to the domain in the argument `open`.

        Without that argument it is opened by one level.
        """
        top = self._highest_visible(request)
        target = request.GET.get("open", "") or top
        path = [step.moid for step in tree_browser.paths_from_root(DATABASE, [target])[target]]
        path = path[path.index(top) :] if top in path else [top]
        nodes = self._nodes_for_templates(request, tree_browser.load_entries(DATABASE, [top]))
        nodes_of_level = nodes
        for moid, next_moid in zip(path, [*path[1:], ""], strict=True):
            node = next(
                (candidate for candidate in nodes_of_level if candidate["entry"].moid == moid), None
            )
            if node is None or not node["entry"].has_children:
                break
            node["open"] = True
            node["branch"] = self._branch_context(request, moid, 1, must_show=next_moid)
            nodes_of_level = node["branch"]["nodes"]
        return nodes

    def _branch_context(
        self, request: HttpRequest, moid: str, page: int, must_show: str = ""
    ) -> dict[str, Any]:
        """Return one page of the domains directly below a domain, for the template `branch.html`.

        The domain `must_show`, if any, comes first if it is not on this page.
        """
        entries, has_more = tree_browser.children(DATABASE, moid, page)
        if must_show and must_show not in {entry.moid for entry in entries}:
            entries = [*tree_browser.load_entries(DATABASE, [must_show]), *entries]
        return {
            "nodes": self._nodes_for_templates(request, entries),
            "next": page + 1 if has_more else None,
            "of": moid,
        }

    def _search(self, request: HttpRequest, term: str) -> list[TreeEntry]:
        """Return the domains whose name begins with the term, or whose MOID is the term."""
        rows, _distinct = self.get_search_results(request, self.get_queryset(request), term)
        moids = list(rows.order_by("name", "moid").values_list("pk", flat=True)[:MAX_FOUND])
        return tree_browser.load_entries(DATABASE, moids)

    def _nodes_for_templates(
        self, request: HttpRequest, entries: Sequence[TreeEntry]
    ) -> list[dict[str, Any]]:
        """Return for each domain what the templates show of it: icon, state, counts and links."""
        pages = {page.opts.model_name: page for page in self.admin_site._registry.values()}
        may_add = {name: pages[name].has_add_permission(request) for name in PAGES.values()}
        return [
            {
                "entry": entry,
                "icon": ICONS[Level(entry.level)],
                "kind": Level(entry.level).label,
                "page": form_address(entry.level, entry.moid),
                "state": state_badge(entry.used, entry.disabled_by),
                "counts": [
                    (Level(level).label, count) for level, count in sorted(entry.below.items())
                ],
                "add": add_links(entry.level, entry.moid, may_add.__getitem__),
                "source": reverse("admin:domains_domain_branch", args=[entry.moid]),
            }
            for entry in entries
        ]


def _page_number(request: HttpRequest) -> int:
    """Return the page number in the argument `page`, between 1 and `_MAX_PAGE`; 1 if it is missing or no number."""
    return max(1, min(digits(request.GET.get("page", "")) or 1, _MAX_PAGE))

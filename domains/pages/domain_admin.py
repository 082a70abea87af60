"""Define the admin pages of domains. Each level has a page with its own fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from domains.data import hooks, tree_browser
from domains.flows import change as tree
from domains.models import CoreDomain, Domain, Level, PlatformDomain, ServiceDomain, UserDomain
from domains.pages.admin_widgets import (
    DATABASE,
    RulesAdmin,
    add_links,
    form_address,
    limit_bar,
    limit_bars,
    path_to,
    state_badge,
)
from domains.pages.forms import PlatformForm
from domains.pages.loss import describe_loss
from domains.pages.machine_room_admin import BackupInline, RoomInline
from domains.pages.table_import import PlatformTables, ServiceTables, TenantTables
from domains.pages.tree_page import TreePages
from foundation.web.admin_base import ReadOnlyAdmin
from foundation.web.scoping import scope

D = TypeVar("D", bound=Domain)

PARENTS = {
    "servicedomain": (Level.SERVICE, Level.CORE),
    "platformdomain": (Level.SERVICE,),
    "userdomain": (Level.SERVICE,),
}
"""Model of a domain -> levels of domains that may be its parent."""

MAX_FOUND = 500
SHORTEST_MOID = 32
"""A search term of at least this length is taken for a MOID, the id of a domain."""


class TreeAdmin(RulesAdmin[D]):
    """Define the base class of the admin pages of all kinds of domains."""

    list_select_related: Sequence[str] | bool
    scope = ("moid",)
    list_display = ["name", "enabled", "above", "moid"]
    list_filter = ["used"]
    list_select_related = ["parent"]
    search_fields = ["^name", "=moid"]
    search_help_text = _("beginning of the name, or the MOID")
    ordering = ["name", "moid"]
    autocomplete_fields = ["parent"]
    actions = ["disable", "enable"]
    actions_detail = ["disable_this", "enable_this"]
    change_form_outer_before_template = "domains/above.html"
    list_before_template = "domains/lists.html"
    place = (_("Place"), {"fields": [("name", "parent"), "moid"]})
    allowed = (_("Allowed"), {"fields": [("enable_hd", "enable_h265")]})
    now = (_("Now"), {"fields": ["enabled", "limits"]})
    fieldsets: Any = [place, allowed, now]

    def get_readonly_fields(self, request: HttpRequest, obj: D | None = None) -> list[str]:
        """Return the fields that nobody edits: state and limits in use, and the MOID once it is saved."""
        return ["enabled", "limits", *(["moid"] if obj else [])]

    def get_fieldsets(self, request: HttpRequest, obj: D | None = None) -> Any:
        """Return the groups of fields. A domain that is not saved yet has no present state to show."""
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj else [fieldset for fieldset in fieldsets if fieldset[0] != _("Now")]

    def find(self, request: HttpRequest, queryset: QuerySet[D], term: str) -> QuerySet[D]:
        """Return the domain whose MOID is the term if it is long enough, else domains whose names begin with it.

        A condition with "or" would use the index of neither column.
        """
        if len(term) >= SHORTEST_MOID:
            return queryset.filter(moid=term)
        return queryset.filter(name__istartswith=term)

    def enrich(self, rows: Sequence[Any]) -> None:
        """Set `disabled_by` (nearest disabled domain above) and `measures` (use of limits), in a few statements."""
        moids = [row.pk for row in rows]
        disabled_by = tree_browser.disabled_above(DATABASE, moids)
        measures = hooks.measures(DATABASE, moids)
        for row in rows:
            row.disabled_by, row.measures = disabled_by[row.pk], measures[row.pk]

    def _enriched(self, domain: Any) -> Any:
        """Return the domain, after setting the attributes that `enrich` sets if they are missing."""
        if not hasattr(domain, "measures"):
            self.enrich([domain])
        return domain

    # ---- saving and deleting, by the flow ---------------------------------------------------

    def has_delete_permission(self, request: HttpRequest, obj: D | None = None) -> bool:
        """Return whether the user may delete a domain: not while anything refers to it (then it can be disabled)."""
        if isinstance(obj, Domain) and any(tree.domain_uses(obj.pk).values()):
            return False
        return bool(super().has_delete_permission(request, obj))

    def save_by_flow(self, obj: D) -> None:
        """Save a domain by `flows.change`, which checks the rules again and writes the domain to Redis."""
        tree.save_domain(obj)

    def delete_by_flow(self, obj: D) -> None:
        """Delete a domain by `flows.change`, which checks the rules."""
        tree.delete(obj.pk)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Return the form of a domain, with the path from the root, and links that add domains below."""
        parent = self._visible_moid(request, request.GET.get("parent", ""))
        context = {"line": path_to(object_id or parent), **(extra_context or {})}
        if object_id:
            context["below"] = add_links(
                self._level_of(object_id), object_id, self._may_add(request)
            )
            context["tree_page"] = reverse("admin:domains_domain_tree") + f"?open={object_id}"
        return super().changeform_view(request, object_id, form_url, context)

    def _visible_moid(self, request: HttpRequest, moid: str) -> str:
        """Return the MOID if this user sees the domain, otherwise "".

        So a MOID that is typed into the address tells nothing about domains out of scope.
        """
        tree_pages = self.admin_site._registry[Domain]
        return moid if moid and tree_pages.get_queryset(request).filter(pk=moid).exists() else ""

    def _level_of(self, moid: str) -> int:
        """Return the level of a domain; the lowest, below which nothing can be added, if it does not exist."""
        level = Domain.objects.filter(pk=moid).values_list("level", flat=True).first()
        return Level.USER if level is None else level

    def _may_add(self, request: HttpRequest) -> Callable[[str], bool]:
        """Return a function that says whether the user may add objects of a model, given by its name."""
        pages = {page.opts.model_name: page for page in self.admin_site._registry.values()}
        return lambda model_name: pages[model_name].has_add_permission(request)

    # ---- columns ----------------------------------------------------------------------------

    @admin.display(description=_("state"), ordering="used")
    def enabled(self, domain: Domain) -> SafeString:
        """Return a badge: enabled, disabled itself, or disabled by a domain above."""
        return state_badge(domain.used, self._enriched(domain).disabled_by)

    @admin.display(description=_("above it"))
    def above(self, domain: Domain) -> str:
        """Return the name of the domain directly above, "–" for the root."""
        return domain.parent.name if domain.parent else "–"

    @admin.display(description=_("used of the limits"))
    def limits(self, domain: Domain) -> SafeString:
        """Return bars for conferences and, on this site's platform, terminals, monitors and ports."""
        return limit_bars(self._enriched(domain).measures)

    @admin.display(description=_("small conferences"))
    def small(self, domain: Domain) -> SafeString:
        """Return a bar that shows how many small conferences run, of those allowed."""
        return limit_bar(self._enriched(domain).measures, 0)

    @admin.display(description=_("large conferences"))
    def large(self, domain: Domain) -> SafeString:
        """Return a bar that shows how many large conferences run, of those allowed."""
        return limit_bar(self._enriched(domain).measures, 1)

    # ---- enabling and disabling -------------------------------------------------------------

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[D]) -> HttpResponse | None:
        """Ask the operator to confirm, and then disable domains. Returns the page that asks; `None` once it is done.

        No conference can start in them or below. Running ones go on, unless the operator chooses to end them.
        """
        chosen = self.chosen(queryset)
        choices = [("end_running", _("End the conferences that run there as well"))]
        warning = "" if request.POST.get("confirmed") else describe_loss(chosen)
        page = self.confirm(
            request, chosen, "disable", _("Disable these domains?"), warning, choices
        )
        if page is None:
            disable = partial(self._set_enabled, request, enabled=False)
            self.carry_out(request, chosen, _("Disabled"), disable, in_trail=False)
            if request.POST.get("end_running"):
                self._end_running(request, [row for row in chosen if not row.used])
        return page

    def _end_running(self, request: HttpRequest, rows: Sequence[Domain]) -> None:
        """End the conferences that run in these domains and below, and show how many they were."""
        for row in rows:
            ended, notified = tree.end_running(row.pk)
            self.log_change(request, row, _("Running conferences ended"))
            text = ngettext("%d conference is ended.", "%d conferences are ended.", ended) % ended
            if notified:
                names = sorted(
                    Domain.objects.filter(pk__in=notified).values_list("name", flat=True)
                )
                text += " " + gettext("Those at %s end when they hear of it.") % ", ".join(names)
            messages.info(request, f"{row.name}: {text}")

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[D]) -> HttpResponse | None:
        """Ask the operator to confirm, and then enable domains. Returns the page that asks; `None` once it is done.

        Conferences can start again in them and below, unless a domain above is disabled.
        """
        chosen = self.chosen(queryset)
        warning = _(
            "Conferences can be created there and below again, unless one above is disabled."
        )
        page = self.confirm(request, chosen, "enable", _("Enable these domains?"), warning)
        if page is None:
            enable = partial(self._set_enabled, request, enabled=True)
            self.carry_out(request, chosen, _("Enabled"), enable, in_trail=False)
        return page

    def _set_enabled(self, request: HttpRequest, row: D, *, enabled: bool) -> bool:
        """Enable or disable a domain. Return `False` if it is so already, or the user may not change it."""
        is_fixed = "used" in scope().fixed_fields(request.user, type(row), row)
        if row.used == enabled or is_fixed or not self.has_change_permission(request, row):
            return False
        row.used = tree.change(row.pk, used=enabled).used
        return True

    @action(description=_("Disable"), url_path="disable", permissions=["change"], icon="block")  # type: ignore[untyped-decorator]  # Unfold's decorator has no types
    def disable_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Disable the domain whose page is open (`disable` with one row). Returns the page that asks.

        `None` once it is done.
        """
        return self.disable(request, self.get_queryset(request).filter(pk=object_id))

    @action(description=_("Enable"), url_path="enable", permissions=["change"], icon="check_circle")  # type: ignore[untyped-decorator]  # Unfold's decorator has no types
    def enable_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Enable the domain whose page is open (`enable` with one row). Returns the page that asks.

        `None` once it is done.
        """
        return self.enable(request, self.get_queryset(request).filter(pk=object_id))


# ---- one page for each level --------------------------------------------------------------------


@admin.register(Domain)
class AllDomainsAdmin(TreePages, TreeAdmin[Domain], ReadOnlyAdmin[Domain]):
    """Define the page of all domains, to browse and search. A domain is edited on the page of its level."""

    list_display = ["name", "level", "enabled", "above", "moid"]
    list_filter = ["level", "used"]
    fieldsets = [
        (None, {"fields": ["kind", ("name", "parent"), "enabled", ("enable_hd", "enable_h265")]}),
        (None, {"fields": ["limits", "moid"]}),
    ]
    actions_detail: Any = []
    actions: Any = []

    def get_readonly_fields(self, request: HttpRequest, obj: Domain | None = None) -> list[str]:
        """Return the fields that are computed, which nobody edits."""
        return ["kind", "enabled", "limits"]

    @admin.display(description=_("kind"))
    def kind(self, domain: Domain) -> SafeString:
        """Return the domain's level in words, as a link to the domain's form."""
        page = form_address(domain.level, domain.pk)
        return format_html('<a href="{}">{}</a>', page, domain.get_level_display())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Domain], search_term: str
    ) -> tuple[QuerySet[Domain], bool]:
        """Return the domains that match. While a form completes the field `parent`, only those that may be a parent."""
        if request.GET.get("field_name") == "parent":
            # The browser names the model that has the field, which is Domain for all kinds.
            levels = PARENTS.get(request.GET.get("model_name", ""), PARENTS["servicedomain"])
            queryset = queryset.filter(level__in=levels)
        return super().get_search_results(request, queryset, search_term)


@admin.register(CoreDomain)
class CoreDomainAdmin(TreeAdmin[CoreDomain]):
    """Define the page of the core domain, the root of the tree. There is only one."""

    fieldsets = [(_("Place"), {"fields": ["name", "moid"]}), (_("Now"), {"fields": ["enabled"]})]
    autocomplete_fields = []

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may add a core domain: only if there is none yet."""
        return not CoreDomain.objects.exists() and bool(super().has_add_permission(request))


@admin.register(ServiceDomain)
class ServiceDomainAdmin(ServiceTables, TreeAdmin[ServiceDomain]):
    """Define the page of service domains."""

    fieldsets = [TreeAdmin.place, TreeAdmin.allowed, (_("Now"), {"fields": ["enabled"]})]


@admin.register(PlatformDomain)
class PlatformDomainAdmin(PlatformTables, TreeAdmin[PlatformDomain]):
    """Define the page of platform domains."""

    form = PlatformForm
    list_display = ["name", "enabled", "above", "e164_prefix", "small", "large", "moid"]
    inlines = [RoomInline, BackupInline]
    fieldsets = [
        (_("Place"), {"fields": [("name", "parent"), ("e164_prefix", "dr_mode"), "moid"]}),
        (
            _("Addresses"),
            {"fields": [("http_url", "broker_url"), ("redis_url", "database_url")]},
        ),
        TreeAdmin.allowed,
        TreeAdmin.now,
    ]

    def save_related(self, request: HttpRequest, form: Any, *args: Any) -> None:
        """Save machine rooms and backups, and show what operators have to do besides, for instance for a new backup."""
        super().save_related(request, form, *args)
        for remark in hooks.remarks(form.instance.pk):
            messages.warning(request, remark)


@admin.register(UserDomain)
class UserDomainAdmin(TenantTables, TreeAdmin[UserDomain]):
    """Define the page of user domains (tenants)."""

    scope_at = {Level.PLATFORM: ("platform",)}
    list_display = ["name", "enabled", "bound_to", "small", "large", "moid"]
    list_select_related = False
    autocomplete_fields = ["parent", "platform", "room"]
    fieldsets = [
        (_("Place"), {"fields": [("name", "parent"), ("platform", "room"), "moid"]}),
        (_("Limits"), {"fields": [("small_limit", "large_limit")]}),
        (_("Allowed"), {"fields": [("enable_hd", "enable_h265"), "findable"]}),
        TreeAdmin.now,
    ]

    def find(
        self, request: HttpRequest, queryset: QuerySet[UserDomain], term: str
    ) -> QuerySet[UserDomain]:
        """Return the user domain whose MOID is the term, or the first ones whose names begin with it.

        The names are searched in a query of their own, because a join of the tables would begin with all user domains.
        """
        if len(term) >= SHORTEST_MOID:
            return super().find(request, queryset, term)
        matches: QuerySet[Any] = Domain.objects.filter(level=Level.USER, name__istartswith=term)
        user = request.user
        if not user.is_superuser:
            matches = UserDomain.objects.filter(self.in_scope(user), name__istartswith=term)
        moids = list(matches.order_by("name").values_list("pk", flat=True)[:MAX_FOUND])
        return queryset.filter(pk__in=moids)

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """Return the order of the list: by name for a search, else by primary key, which needs no sorting."""
        return ["name", "moid"] if request.GET.get("q") else ["pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserDomain]:
        """Return the rows of user domains for a list.

        Platforms and rooms are read by extra queries: a join would sort all rows.
        """
        rows = super().get_queryset(request)
        return rows.prefetch_related("parent", "platform", "room__platform")

    @admin.display(description=_("bound to"))
    def bound_to(self, domain: UserDomain) -> str:
        """Return the name of the machine room, or of the platform, that the domain is bound to."""
        return str(domain.room or domain.platform)

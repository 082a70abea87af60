"""Operators' pages of the domain tree, its rooms, its people and its keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from confplatform.admin import BaseAdmin, ReadOnlyAdmin, badge
from domains import admin_people
from domains.flows import change as tree
from domains.models import (
    CoreDomain,
    Domain,
    Level,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
)
from domains.rules import RuleBroken

__all__ = ["admin_people"]

PARENTS = {
    "servicedomain": (Level.SERVICE, Level.CORE),
    "platformdomain": (Level.SERVICE,),
    "userdomain": (Level.SERVICE,),
}
"""Below which levels a domain may hang."""

MOST_FOUND = 500
SHORTEST_MOID = 32
"""A search term of so many characters is taken for a MOID."""


def _refused_politely(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return view()
    except RuleBroken as broken:
        for one in broken.refusals:
            messages.error(request, gettext(one.text) % one.values)
        return redirect(request.get_full_path())


class TreeAdmin(BaseAdmin):
    """What all kinds of domain share."""

    list_select_related: Any
    fields: Any
    list_display = ["name", "enabled", "above", "moid"]
    list_filter = ["used"]
    list_select_related = ["parent"]
    search_fields = ["^name", "=moid"]
    search_help_text = _("beginning of the name, or the MOID")
    ordering = ["name", "moid"]
    autocomplete_fields = ["parent"]
    fields = ["name", "parent", "used", "enable_hd", "enable_h265", "moid"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The MOID is chosen once."""
        return ["moid"] if obj else []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By one index or the other: "or" would use neither."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if len(term) >= SHORTEST_MOID:
            return queryset.filter(moid=term), False
        return queryset.filter(name__istartswith=term), False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is in use is disabled, not deleted."""
        if obj is not None and any(tree.domain_uses(obj.pk).values()):
            return False
        return bool(super().has_delete_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: Domain, form: Any, change: bool) -> None:
        """By the flow: rules once more, in the transaction, and the projection."""
        tree.keep(obj)

    def delete_model(self, request: HttpRequest, obj: Domain) -> None:
        """By the flow."""
        tree.delete(obj.pk)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Somebody else was quicker: what the form found allowed is not any more."""
        return _refused_politely(
            request, partial(super().changeform_view, request, *args, **kwargs)
        )

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """As above."""
        return _refused_politely(request, partial(super().delete_view, request, *args, **kwargs))

    @admin.display(description=_("enabled"), ordering="used")
    def enabled(self, domain: Domain) -> SafeString:
        """Enabled or disabled, at a glance."""
        return badge(_("enabled"), "green") if domain.used else badge(_("disabled"), "grey")

    @admin.display(description=_("above it"))
    def above(self, domain: Domain) -> str:
        """The next domain up."""
        return domain.parent.name if domain.parent else "–"


@admin.register(Domain)
class AllDomainsAdmin(TreeAdmin, ReadOnlyAdmin):
    """The whole tree, to search in; editing is done on the page of the kind."""

    list_display = ["name", "level", "enabled", "above", "moid"]
    list_filter = ["level", "used"]
    readonly_fields = ["kind"]
    fields = ["kind", "name", "parent", "used", "enable_hd", "enable_h265", "moid"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All of it."""
        return ["kind"]

    @admin.display(description=_("kind"))
    def kind(self, domain: Domain) -> SafeString:
        """Its level, with the way to its own page."""
        name = {0: "userdomain", 1: "platformdomain", 2: "servicedomain", 3: "coredomain"}
        page = reverse(f"admin:domains_{name[domain.level]}_change", args=[domain.pk])
        return format_html('<a href="{}">{}</a>', page, domain.get_level_display())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """An autocompletion of `parent` offers only levels that may stand above."""
        if request.GET.get("field_name") == "parent":
            levels = PARENTS.get(request.GET.get("model_name", ""), ())
            queryset = queryset.filter(level__in=levels)
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found


@admin.register(CoreDomain)
class CoreDomainAdmin(TreeAdmin):
    """The root: there is one."""

    fields = ["name", "used", "moid"]
    autocomplete_fields = []

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only where there is none yet."""
        return not CoreDomain.objects.exists() and bool(super().has_add_permission(request))


@admin.register(ServiceDomain)
class ServiceDomainAdmin(TreeAdmin):
    """Groups platforms and tenants."""


@admin.register(PlatformDomain)
class PlatformDomainAdmin(TreeAdmin):
    """A set of machines at a site."""

    list_display = ["name", "enabled", "above", "e164_prefix", "moid"]
    fields = ["name", "parent", "e164_prefix", "used", "enable_hd", "enable_h265", "moid"]


@admin.register(MachineRoom)
class MachineRoomAdmin(BaseAdmin):
    """A machine room. Whether it is abnormal is what the monitor says, not what is typed here."""

    list_display = ["name", "platform", "order", "is_default", "health", "moid"]
    list_select_related = ["platform"]
    search_fields = ["^name", "=moid"]
    autocomplete_fields = ["platform"]
    ordering = ["moid"]
    fields = ["name", "platform", "order", "is_default", "health", "moid"]
    readonly_fields = ["health"]

    @admin.display(description=_("health"))
    def health(self, room: MachineRoom) -> SafeString:
        """Normal or not."""
        return badge(_("abnormal"), "red") if room.abnormal else badge(_("normal"), "green")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not while tenants are bound to it."""
        if obj is not None and any(tree.room_uses(obj.pk).values()):
            return False
        return bool(super().has_delete_permission(request, obj))

    def delete_model(self, request: HttpRequest, obj: MachineRoom) -> None:
        """By the flow."""
        tree.delete_room(obj.pk)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A tenant was bound to it meanwhile: say so."""
        return _refused_politely(request, partial(super().delete_view, request, *args, **kwargs))


@admin.register(UserDomain)
class UserDomainAdmin(TreeAdmin):
    """A tenant."""

    list_display = ["name", "enabled", "bound_to", "small_limit", "large_limit", "moid"]
    list_select_related = False
    autocomplete_fields = ["parent", "platform", "room"]
    fields = [
        "name",
        ("parent", "platform", "room"),
        ("small_limit", "large_limit"),
        ("used", "enable_hd", "enable_h265"),
        "moid",
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The first ones by name, found before the tables are joined."""
        term = search_term.strip()
        if not term or len(term) >= SHORTEST_MOID:
            return super().get_search_results(request, queryset, search_term)
        named = Domain.objects.filter(level=Level.USER, name__istartswith=term).order_by("name")
        found = list(named.values_list("pk", flat=True)[:MOST_FOUND])
        return queryset.filter(pk__in=found), False

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """What was searched by name is sorted by name; all of them lie as their table has them."""
        return ["name", "moid"] if request.GET.get("q") else ["pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Platforms and rooms per page: joined, the database would start from them and sort all."""
        found: QuerySet[Any] = super().get_queryset(request)
        return found.prefetch_related("parent", "platform", "room__platform")

    @admin.display(description=_("bound to"))
    def bound_to(self, domain: UserDomain) -> str:
        """Its platform, or a room of it."""
        return str(domain.room or domain.platform)


# ---- what operators did -------------------------------------------------------------------------


@admin.register(LogEntry)
class AuditAdmin(ReadOnlyAdmin):
    """Every operator's action, newest first."""

    list_display = ["action_time", "user", "kind", "content_type", "object_repr", "said"]
    list_display_links = None
    list_filter = ["action_flag"]
    list_select_related = ["user", "content_type"]
    search_fields = ["=user__username", "=object_id"]
    search_help_text = _("account name, or the id of the thing")
    ordering = ["-id"]

    @admin.display(description=_("what"))
    def kind(self, entry: LogEntry) -> SafeString:
        """Added, changed or deleted."""
        colour = {1: "green", 2: "blue", 3: "red"}[entry.action_flag]
        return badge(entry.get_action_flag_display(), colour)

    @admin.display(description=_("in words"))
    def said(self, entry: LogEntry) -> str:
        """What was done."""
        return entry.get_change_message()

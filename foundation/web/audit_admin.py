"""The admin page of the audit trail shows who did what, when, and from which address. Nobody edits it."""

from __future__ import annotations

from importlib import import_module
from operator import itemgetter
from typing import TYPE_CHECKING

from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter

from foundation.web.admin_base import ReadOnlyAdmin, badge, changes_of
from foundation.web.arguments import digits

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST_FIELDS = 3
"""The list shows at most this many changed fields of an entry; the page of the entry shows all."""

MOST_CHARACTERS = 24
"""The list shows at most this many characters of a value."""

ACTIONS = {
    LogEntry.Action.CREATE: (_("added"), "green"),
    LogEntry.Action.UPDATE: (_("changed"), "blue"),
    LogEntry.Action.DELETE: (_("deleted"), "red"),
    LogEntry.Action.ACCESS: (_("looked at"), "grey"),
}
import_module("auditlog.admin")  # It registers a page, which ours replaces.
admin.site.unregister(LogEntry)


class KindFilter(admin.SimpleListFilter):
    """The filter of the audit trail's page selects entries by kind of action: added, changed, deleted, looked at."""

    title = _("what")
    parameter_name = "what"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, StrOrPromise]]:
        """Return the choices of the filter: added, changed, deleted, looked at."""
        return [(str(action), words) for action, (words, _colour) in ACTIONS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        """Return the entries with the chosen kind of action, or all."""
        actions = {str(action) for action in ACTIONS}
        return queryset.filter(action=self.value()) if self.value() in actions else queryset


class ThingFilter(admin.SimpleListFilter):
    """The filter of the audit trail's page selects entries by the model of the object that was changed."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, StrOrPromise]]:
        """Return the choices of the filter: all models whose changes are written, which costs no query of entries."""
        content_types = ContentType.objects.get_for_models(*auditlog.get_models()).values()
        return sorted({(str(kind.pk), kind.name) for kind in content_types}, key=itemgetter(1))

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        """Return the entries about objects of the chosen model, or all."""
        chosen = digits(self.value() or "")
        return queryset if chosen is None else queryset.filter(content_type_id=chosen)


@admin.register(LogEntry)
class AuditAdmin(ReadOnlyAdmin[LogEntry]):
    """The page lists every action of operators and administrators, newest first."""

    empty_words = _("Each change that somebody makes in the admin or by the API is listed here.")
    for_superusers = Q(actor__is_superuser=True) | Q(actor__isnull=True)
    scope = ("actor__domain",)
    list_display = ["timestamp", "who", "what", "kind", "thing", "brief", "remote_addr"]
    list_display_links = ["timestamp"]
    list_filter = [KindFilter, ThingFilter, ("timestamp", RangeDateTimeFilter)]
    list_filter_submit = True
    list_select_related = ["actor", "content_type"]
    search_fields = ["=actor__username", "=object_pk"]
    search_help_text = _("account name of who did it, or the id (MOID) of the thing")
    ordering = ["-id"]
    fields = [
        ("timestamp", "who", "remote_addr"),
        ("what", "kind", "thing"),
        "object_pk",
        "before_after",
    ]
    readonly_fields = ["who", "what", "kind", "thing", "before_after"]

    def find(
        self, request: HttpRequest, queryset: QuerySet[LogEntry], term: str
    ) -> QuerySet[LogEntry]:
        """Return the entries by the account with this user name, or, if there are none, about this object id.

        Two queries are used, because a condition with "or" could use no index.
        """
        entries_of_account = queryset.filter(actor__username=term)
        if entries_of_account.exists():
            return entries_of_account
        return queryset.filter(object_pk=term)

    @admin.display(description=_("who"))
    def who(self, entry: LogEntry) -> str:
        """Return the user name of whoever did it, or "the platform" for a change by a message or a command."""
        return entry.actor.username if entry.actor else gettext("the platform")

    @admin.display(description=_("what"))
    def what(self, entry: LogEntry) -> SafeString:
        """Return a badge with the kind of action: added, changed, deleted, looked at."""
        return badge(*ACTIONS[entry.action])

    @admin.display(description=_("kind"))
    def kind(self, entry: LogEntry) -> str:
        """Return the name of the object's model."""
        return str(entry.content_type.name)

    @admin.display(description=_("thing"))
    def thing(self, entry: LogEntry) -> SafeString:
        """Return the name that the object had at that time, with a link to its page if it has one."""
        model = entry.content_type.model_class()
        if model is None or entry.action == LogEntry.Action.DELETE:
            return format_html("{}", entry.object_repr)
        try:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
            page = reverse(name, args=[entry.object_pk])
        except NoReverseMatch:
            return format_html("{}", entry.object_repr)
        return format_html('<a href="{}">{}</a>', page, entry.object_repr)

    @admin.display(description=_("in short"))
    def brief(self, entry: LogEntry) -> str:
        """Return an audit entry in short, for the list: its words, or the first of the changed fields; else ""."""
        remark = (entry.additional_data or {}).get("said")
        if remark:
            return gettext(remark)
        changed = entry.changes or {}
        if entry.action == LogEntry.Action.CREATE or not changed:
            return ""
        fields = [
            f"{name}: {_short_change(pair)}" for name, pair in list(changed.items())[:MOST_FIELDS]
        ]
        return ", ".join(fields) + (" …" if len(changed) > MOST_FIELDS else "")

    @admin.display(description=_("before and after"))
    def before_after(self, entry: LogEntry) -> SafeString:
        """Return a table of all changed fields, with their values before and after."""
        return changes_of(entry)


def _short_change(pair: object) -> str:
    """Return a field's change for the list of the audit trail, shortened: `before → after`, from such a pair."""
    if not isinstance(pair, list) or len(pair) != 2:
        return "…"
    before, after = (
        "–" if value in ("None", "") else str(value)[:MOST_CHARACTERS] for value in pair
    )
    return f"{before} → {after}"

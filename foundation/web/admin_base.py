"""The base of admin pages gives them scope, quick lists, confirmed actions, and an audit line for each action.

A list never counts further than it has to, never reads the database once per row, and sorts by an
index. State is not edited here: an action asks the operator first, then calls one flow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic

from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.contrib import messages
from django.contrib.admin import AdminSite, helpers
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from foundation.web import audit
from foundation.web.scoping import M, ScopedPages

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST_COUNTED = 10_000
"""A list says "10000" where there are more: counting a million rows takes longer than reading a page."""

MOST_AT_ONCE = 500
"""Rows that one action may touch."""

MOST_HISTORY = 200
"""Entries of the audit trail on the history page of one object; the trail's own page has all."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """The paginator counts up to MOST_COUNTED rows; rows beyond are found by searching."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, counted up to MOST_COUNTED."""
        rows = self.object_list
        assert isinstance(rows, QuerySet)
        return int(rows.order_by()[:MOST_COUNTED].count())


class EnrichedList(ChangeList):  # type: ignore[misc]  # the base class has no types
    """The rows of this list are completed, page by page, with values from other stores."""

    def get_results(self, request: HttpRequest) -> None:
        """Read one page of rows, then complete them."""
        super().get_results(request)
        rows = list(self.result_list)  # type: ignore[has-type]  # the base class has no types
        self.result_list = rows
        self.model_admin.enrich(rows)

    def get_ordering_field(self, field_name: str) -> str | None:
        """Return the field by which a column sorts; `None` means that the list does not sort by it.

        So no URL that is typed by hand can sort a million rows.
        """
        if field_name not in self.model_admin.sortable_by:
            return None
        field: str | None = super().get_ordering_field(field_name)
        return field


class BaseAdmin(ScopedPages[M], ModelAdmin, Generic[M]):  # type: ignore[misc]  # the base class has no types
    """Each of our admin pages is derived from this class."""

    paginator = BoundedPaginator
    show_full_result_count = False
    sortable_by: Sequence[str] = ()
    list_per_page = 50
    list_fullwidth = True
    list_filter_submit = False
    compressed_fields = True
    warn_unsaved_form = True
    view_on_site = False
    empty_words: StrOrPromise = ""
    """The sentence on an empty list that says what would be here, and how it comes."""

    def __init__(self, model: type[M], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        translatable(model)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        """Return the class of the list, which `enrich` completes."""
        return EnrichedList

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add to the rows of one page what their table does not have, in few queries or none."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """Return the rows that `find` finds; all rows where nothing is searched for."""
        term = search_term.strip()
        return (self.find(request, queryset, term) if term else queryset), False

    def find(self, request: HttpRequest, queryset: QuerySet[M], term: str) -> QuerySet[M]:
        """Return the rows that match a term by `search_fields`; pages with better indexes override this."""
        rows: QuerySet[M] = super().get_search_results(request, queryset, term)[0]
        return rows

    def get_actions(
        self, request: HttpRequest
    ) -> dict[str, tuple[Callable[..., object], str, str]]:
        """Leave out the deletion of many rows at once: objects in use are disabled instead."""
        actions: dict[str, tuple[Callable[..., object], str, str]] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    # ---- the audit trail (auditlog itself writes changes of fields) -------------------------

    def log_addition(self, request: HttpRequest, obj: Model, message: object) -> None:
        """Log that an object was added without a form."""
        self._log(obj, message, LogEntry.Action.CREATE)

    def log_change(self, request: HttpRequest, obj: Model, message: object) -> None:
        """Log an action on an object, with its words."""
        self._log(obj, message, LogEntry.Action.UPDATE)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        """Log the deletion of each row."""
        for row in queryset:
            self._log(row, [], LogEntry.Action.DELETE)

    def _log(self, obj: Model, message: Any, action: int) -> None:
        has_words = isinstance(message, str | Promise)
        if has_words or not auditlog.contains(type(obj)):
            audit.log_action(obj, message if has_words else "", action)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Return the page of all actions on one object, newest first."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(
                request, self.opts, object_id
            )
            return missing
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        entries = LogEntry.objects.get_for_object(obj).select_related("actor")[:MOST_HISTORY]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("History"),
            "original": obj,
            "entries": [(entry, changes_of(entry)) for entry in entries],
        }
        return TemplateResponse(request, "admin/history.html", context)

    # ---- actions ----------------------------------------------------------------------------

    def confirm(
        self,
        request: HttpRequest,
        rows: Sequence[Model],
        action: str,
        title: StrOrPromise,
        warning: StrOrPromise,
        choices: Sequence[tuple[str, StrOrPromise]] = (),
    ) -> TemplateResponse | None:
        """Return the page that asks for confirmation, or `None` once the operator has confirmed.

        `choices`: what may be ticked with it, by name.
        """
        if request.method == "POST" and request.POST.get("confirmed"):
            return None
        opts = self.opts
        context = {
            **self.admin_site.each_context(request),
            "opts": opts,
            "title": title,
            "warning": warning,
            "choices": choices,
            "rows": rows,
            "action": action,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "target": reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)

    def chosen(self, queryset: QuerySet[M]) -> list[M]:
        """Return the rows for which an action was requested."""
        return list(queryset[:MOST_AT_ONCE])

    def carry_out(
        self,
        request: HttpRequest,
        rows: Sequence[M],
        did: StrOrPromise,
        act: Callable[[M], bool],
        *,
        in_trail: bool = True,
    ) -> None:
        """Call the flow for each row, write one audit line for each, and show the operator the result.

        `act` returns whether the row was in a state for the action.
        `in_trail=False` means that auditlog itself logs what the flow saves.
        """
        count = 0
        for row in rows:
            if act(row):
                count += 1
                if in_trail:
                    self.log_change(request, row, did)
        if count:
            messages.success(request, _("%(did)s: %(count)d") % {"did": did, "count": count})
        if count < len(rows):
            left = len(rows) - count
            text = _("%(count)d left as they are: not in a state for it any more")
            messages.warning(request, text % {"count": left})


class ReadOnlyAdmin(BaseAdmin[M]):
    """The rows of these pages are written by the platform itself; nobody edits them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return `False`: nobody adds rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Return `False`: nobody changes rows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Return `False`: nobody deletes rows."""
        return False


def translatable(model: type[Model]) -> None:
    """Let the names of a model and its fields be translated; migrations keep the English ones."""
    meta = model._meta
    for field in meta.fields:
        for name in ("verbose_name", "help_text"):
            text = getattr(field, name)
            if isinstance(text, str) and text:
                setattr(field, name, gettext_lazy(text))
    for name in ("verbose_name", "verbose_name_plural"):
        setattr(meta, name, gettext_lazy(str(getattr(meta, name))))


# ---- small pictures -----------------------------------------------------------------------------


def badge(text: StrOrPromise, colour: str) -> SafeString:
    """Return a coloured label; colours: green, amber, red, blue, grey."""
    return format_html('<span class="op-badge op-{}">{}</span>', colour, text)


def bar(used: int, limit: int | None) -> SafeString:
    """Return a bar of how much of a limit is used: amber from three quarters, red from nine tenths.

    A limit of 0 of which nothing is used is not full: there is none.
    """
    if limit is None:
        return format_html('<span class="op-none">{} / ∞</span>', used)
    if not limit and not used:
        return format_html('<span class="op-none">{}</span>', _("none"))
    share = min(1.0, used / limit) if limit else 1.0
    colour = "red" if share >= 0.9 else "amber" if share >= 0.75 else "green"
    return format_html(
        '<span class="op-measure"><span class="op-bar"><i class="op-{}" style="width:{}%"></i></span>'
        '<span class="op-figure">{} / {}</span></span>',
        colour,
        round(share * 100),
        used,
        limit,
    )


def table(head: Sequence[StrOrPromise], rows: Sequence[Sequence[object]]) -> SafeString:
    """Return a small table for a detail page."""
    if not rows:
        return format_html('<span class="op-none">{}</span>', _("none"))
    cells = [_row("td", row) for row in rows]
    return format_html('<table class="op-table">{}{}</table>', _row("th", head), _join(cells))


def changes_of(entry: LogEntry) -> SafeString:
    """Return an entry of the audit trail for people: the remark, each field before and after."""
    remark = (entry.additional_data or {}).get("said", "")
    changed = entry.changes_display_dict if entry.changes else {}
    rows = [(name, *map(_words, values)) for name, values in changed.items() if len(values) == 2]
    paragraph = format_html("<p>{}</p>", _(remark)) if remark else SafeString("")
    fields = table([_("field"), _("before"), _("after")], rows) if rows else SafeString("")
    return paragraph + fields


def _words(value: str) -> str:
    words = {"None": "", "True": _("yes"), "False": _("no")}
    return str(words.get(value, value))


def pretty(text: str) -> SafeString:
    """Return a text with its line breaks as HTML."""
    return format_html('<pre class="op-pre">{}</pre>', text)


def _row(tag: str, values: Sequence[object]) -> SafeString:
    cells = [
        format_html("<{}>{}</{}>", SafeString(tag), "–" if v in (None, "") else v, SafeString(tag))
        for v in values
    ]
    return format_html("<tr>{}</tr>", _join(cells))


def _join(parts: Sequence[SafeString]) -> SafeString:
    return SafeString("".join(parts))

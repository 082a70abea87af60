"""The base class of admin pages gives them scope, quick lists, confirmed actions, and an audit entry for each action.

A list counts its rows only up to a limit, makes no query for each row, and sorts by an index. An action asks the
operator for confirmation first, then calls a flow for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
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
from django.shortcuts import redirect
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
"""A list shows "10000" as the number of rows if there are more: counting a million rows takes long."""

MOST_AT_ONCE = 500
"""An action is carried out on at most this many rows."""

_AMBER_SHARE, _RED_SHARE = 0.75, 0.9
MOST_HISTORY = 200
"""The history page of an object shows at most this many entries; the page of the audit trail shows all."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """The paginator counts up to MOST_COUNTED rows. Users find further rows by searching."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, counted up to MOST_COUNTED."""
        rows = self.object_list
        assert isinstance(rows, QuerySet)
        return int(rows.order_by()[:MOST_COUNTED].count())


class EnrichedList(ChangeList):  # type: ignore[misc]  # the base class has no types
    """The list page completes the rows that it shows with values that are not in their table (`BaseAdmin.enrich`)."""

    def get_results(self, request: HttpRequest) -> None:
        """Read one page of rows, then let the admin page's `enrich` add values that are not in their table."""
        super().get_results(request)
        rows = list(self.result_list)  # type: ignore[has-type]  # the base class has no types
        self.result_list = rows
        self.model_admin.enrich(rows)

    def get_ordering_field(self, field_name: str) -> str | None:
        """Return the field by which a column sorts; `None` if it is not in `sortable_by`, as sorting would take long.

        So no URL that is typed by hand can have the database sort a million rows.
        """
        if field_name not in self.model_admin.sortable_by:
            return None
        field: str | None = super().get_ordering_field(field_name)
        return field


class BaseAdmin(ScopedPages[M], ModelAdmin, Generic[M]):  # type: ignore[misc]  # the base class has no types
    """The base class of our admin pages: rows in the user's scope, quick lists, and an audit trail of all actions."""

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
    """The sentence on an empty list page that says which rows it would show, and when there are some."""

    def __init__(self, model: type[M], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        make_translatable(model)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        """Return the class of the list page, which calls `enrich`."""
        return EnrichedList

    def enrich(self, rows: Sequence[Any]) -> None:
        """Set attributes that columns of the list need, and that are not in the table, on the rows of one page."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """Return the rows that `find` returns for the search term; all rows for an empty term.

        The second value tells Django that no row is found twice.
        """
        term = search_term.strip()
        return (self.find(request, queryset, term) if term else queryset), False

    def find(self, request: HttpRequest, queryset: QuerySet[M], term: str) -> QuerySet[M]:
        """Return the rows that match a search term in one of `search_fields`; some pages have quicker queries."""
        rows: QuerySet[M] = super().get_search_results(request, queryset, term)[0]
        return rows

    def get_actions(
        self, request: HttpRequest
    ) -> dict[str, tuple[Callable[..., object], str, str]]:
        """Return the actions of the page, without Django's deletion of many rows at once."""
        actions: dict[str, tuple[Callable[..., object], str, str]] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    # ---- the audit trail (the library auditlog itself writes changes of fields) -------------

    def log_addition(self, request: HttpRequest, obj: Model, message: object) -> None:
        """Write into the audit trail that an object was added."""
        self._write_audit_entry(obj, message, LogEntry.Action.CREATE)

    def log_change(self, request: HttpRequest, obj: Model, message: object) -> None:
        """Write an action on an object into the audit trail. `message` is the action in words, or Django's list."""
        self._write_audit_entry(obj, message, LogEntry.Action.UPDATE)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        """Write the deletion of each row into the audit trail."""
        for row in queryset:
            self._write_audit_entry(row, [], LogEntry.Action.DELETE)

    def _write_audit_entry(self, obj: Model, message: Any, action: int) -> None:
        """Write an action (`LogEntry.Action`) on an object into the audit trail, with the words in `message`.

        Django passes a list of changes instead of words. A model that the library auditlog follows needs no entry.
        """
        has_words = isinstance(message, str | Promise)
        if has_words or not auditlog.contains(type(obj)):
            audit.log_action(obj, message if has_words else "", action)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Return the page with the audit trail of one object, newest entries first. Raises PermissionDenied."""
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
        """Return the page that asks the operator to confirm an admin action on rows, or `None` once it is confirmed.

        `action` is its name in Django's form, `choices` are check boxes on the page: (name in the form, text).
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
        """Return the rows that the operator has selected for an action, at most MOST_AT_ONCE."""
        return list(queryset[:MOST_AT_ONCE])

    def carry_out(
        self,
        request: HttpRequest,
        rows: Sequence[M],
        text: StrOrPromise,
        action: Callable[[M], bool],
        *,
        in_trail: bool = True,
    ) -> None:
        """Carry out an action on each row, write an audit entry for each, and show the operator how many succeeded.

        `text` says in the past tense what was done. `action` returns whether the row was in a state that allows it.
        `in_trail=False`: auditlog itself writes an entry when the action saves the row.
        """
        count = 0
        for row in rows:
            if action(row):
                count += 1
                if in_trail:
                    self.log_change(request, row, text)
        if count:
            messages.success(request, _("%(did)s: %(count)d") % {"did": text, "count": count})
        if count < len(rows):
            unchanged = len(rows) - count
            warning = _("%(count)d left as they are: not in a state for it any more")
            messages.warning(request, warning % {"count": unchanged})


class FlowAdmin(BaseAdmin[M]):
    """The base class of admin pages whose objects the app's own functions save and delete; the page shows refusals."""

    refusal: type[Exception]
    """The exception by which the flow refuses a change."""

    def reasons(self, refused: Exception) -> Iterable[StrOrPromise]:
        """Return as sentences for the user why a change was refused; `refused` is the exception that said so."""
        return [str(refused)]

    def save_by_flow(self, obj: M) -> None:
        """Save an object by the app's own function for that. Raises `refusal` if it refuses the change."""
        raise NotImplementedError

    def delete_by_flow(self, obj: M) -> None:
        """Delete an object by the app's own function for that. Raises `refusal` if it refuses to."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """Save the object of a form by `save_by_flow`; pages that need more than the object for that override this."""
        self.save_by_flow(obj)

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        """Delete an object by `delete_by_flow`; pages that need more than the object for that override this."""
        self.delete_by_flow(obj)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Return the page with the form of an object. If saving it is refused, show why and load the page again."""
        view = partial(super().changeform_view, request, object_id, form_url, extra_context)
        return self._with_reasons(request, view)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Return the page that asks whether to delete an object. If that is refused, show why and load it again."""
        view = partial(super().delete_view, request, object_id, extra_context)
        return self._with_reasons(request, view)

    def _with_reasons(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """Return the response of a view. If a change is refused in it, show the reasons and load the page again."""
        try:
            return view()
        except self.refusal as refused:
            for reason in self.reasons(refused):
                messages.error(request, reason)
            return redirect(request.get_full_path())


class ReadOnlyAdmin(BaseAdmin[M]):
    """Define the base class of admin pages whose rows only the program itself writes, and nobody edits."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return `False`: nobody adds rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Return `False`: nobody changes rows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Return `False`: nobody deletes rows."""
        return False


def make_translatable(model: type[Model]) -> None:
    """Make the names of a model and its fields translatable. Migrations, which have English names, stay as they are."""
    meta = model._meta
    for field in meta.fields:
        for name in ("verbose_name", "help_text"):
            text = getattr(field, name)
            if isinstance(text, str) and text:
                setattr(field, name, gettext_lazy(text))
    for name in ("verbose_name", "verbose_name_plural"):
        setattr(meta, name, gettext_lazy(str(getattr(meta, name))))


# ---- pieces of HTML -----------------------------------------------------------------------------


def badge(text: StrOrPromise, colour: str) -> SafeString:
    """Return a coloured label as HTML. The colours are green, amber, red, blue and grey."""
    return format_html('<span class="op-badge op-{}">{}</span>', colour, text)


def bar(used: int, limit: int | None) -> SafeString:
    """Return a bar that shows how much of a limit is used; `limit` `None` means no limit.

    It is amber from three quarters on, red from nine tenths on. For a limit of 0 of which nothing is used it is the
    word "none".
    """
    if limit is None:
        return format_html('<span class="op-none">{} / ∞</span>', used)
    if not limit and not used:
        return format_html('<span class="op-none">{}</span>', _("none"))
    share = min(1.0, used / limit) if limit else 1.0
    colour = "red" if share >= _RED_SHARE else "amber" if share >= _AMBER_SHARE else "green"
    return format_html(
        '<span class="op-measure"><span class="op-bar"><i class="op-{}" style="width:{}%"></i></span>'
        '<span class="op-figure">{} / {}</span></span>',
        colour,
        round(share * 100),
        used,
        limit,
    )


def table(headings: Sequence[StrOrPromise], rows: Sequence[Sequence[object]]) -> SafeString:
    """Return a small HTML table for the page of an object; the word "none" if there are no rows."""
    if not rows:
        return format_html('<span class="op-none">{}</span>', _("none"))
    cells = [_html_row("td", row) for row in rows]
    return format_html(
        '<table class="op-table">{}{}</table>', _html_row("th", headings), _join_html(cells)
    )


def changes_of(entry: LogEntry) -> SafeString:
    """Return an entry of the audit trail as HTML: its words, and a table of the changed fields, before and after."""
    remark = (entry.additional_data or {}).get("said", "")
    changed = entry.changes_display_dict if entry.changes else {}
    rows = [
        (name, *map(_value_in_words, values))
        for name, values in changed.items()
        if len(values) == 2  # (before, after); other changes, of relations, have more.
    ]
    paragraph = format_html("<p>{}</p>", _(remark)) if remark else SafeString("")
    fields = table([_("field"), _("before"), _("after")], rows) if rows else SafeString("")
    return paragraph + fields


def _value_in_words(value: str) -> str:
    """Return a value of the audit trail for people: `True` as "yes", and so on."""
    words = {"None": "", "True": _("yes"), "False": _("no")}
    return str(words.get(value, value))


def preformatted(text: str) -> SafeString:
    """Return a text with its line breaks as HTML."""
    return format_html('<pre class="op-pre">{}</pre>', text)


def _html_row(tag: str, values: Sequence[object]) -> SafeString:
    """Return a row of an HTML table; `tag` of its cells is `td` or `th`, and empty values are shown as a dash."""
    cells = [
        format_html(
            "<{}>{}</{}>", SafeString(tag), "–" if value in (None, "") else value, SafeString(tag)
        )
        for value in values
    ]
    return format_html("<tr>{}</tr>", _join_html(cells))


def _join_html(parts: Sequence[SafeString]) -> SafeString:
    """Return pieces of HTML as one."""
    return SafeString("".join(parts))

"""What every admin page of ours has in common: quick lists, confirmed actions, an audit line for each.

A list never counts further than it has to, never reads the database once per row, and sorts by an
index. State is not edited here: an action asks the operator first, then calls one flow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import helpers
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST_COUNTED = 10_000
"""A list says "10000" where there are more: counting a million rows takes longer than reading a page."""

MOST_AT_ONCE = 500
"""Rows that one action may touch."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts as far as MOST_COUNTED; what lies beyond is found by searching."""

    @cached_property
    def count(self) -> int:
        """How many there are, as far as anybody will leaf."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_COUNTED].count())


class EnrichedList(ChangeList):  # type: ignore[misc]
    """A list whose rows are completed page by page with what lies in other stores."""

    def get_results(self, request: HttpRequest) -> None:
        """Read one page, then complete it."""
        super().get_results(request)
        rows: list[Any] = list(self.result_list)  # type: ignore[has-type]
        self.result_list = rows
        self.model_admin.enrich(rows)

    def get_ordering_field(self, field_name: str) -> Any:
        """Nothing for a column that is not offered: an address typed by hand sorts no million rows."""
        if field_name not in self.model_admin.sortable_by:
            return None
        return super().get_ordering_field(field_name)


class BaseAdmin(ModelAdmin):  # type: ignore[misc]
    """Base of all our admin pages."""

    paginator: Any = BoundedPaginator
    show_full_result_count = False
    sortable_by: Any = ()
    list_per_page = 50
    list_fullwidth = True
    list_filter_submit = False
    compressed_fields = True
    warn_unsaved_form = True
    view_on_site: Any = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Our list, which `enrich` completes."""
        return EnrichedList

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add to the rows of one page what their table does not have. In few queries, or none."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleting many at once is nobody's need here: things in use are disabled."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """May this operator use the actions? Who may change a thing may."""
        opts = self.opts
        return bool(request.user.has_perm(f"{opts.app_label}.change_{opts.model_name}"))

    # ---- actions ----------------------------------------------------------------------------

    def confirm(
        self,
        request: HttpRequest,
        rows: Sequence[Model],
        action: str,
        title: StrOrPromise,
        warning: StrOrPromise,
    ) -> TemplateResponse | None:
        """The page that asks "really?", or None once the operator has said yes."""
        if request.method == "POST" and request.POST.get("confirmed"):
            return None
        opts = self.opts
        context = {
            **self.admin_site.each_context(request),
            "opts": opts,
            "title": title,
            "warning": warning,
            "rows": rows,
            "action": action,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "target": reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)

    def chosen(self, queryset: QuerySet[Any]) -> list[Any]:
        """The rows that an action was asked for."""
        return list(queryset[:MOST_AT_ONCE])

    def carry_out(
        self,
        request: HttpRequest,
        rows: Sequence[Model],
        did: StrOrPromise,
        act: Callable[[Any], bool],
    ) -> None:
        """Call the flow for each row, write one audit line for each, and say what came of it."""
        done = 0
        for row in rows:
            if act(row):
                done += 1
                self.log_change(request, row, str(did))
        if done:
            messages.success(request, _("%(did)s: %(count)d") % {"did": did, "count": done})
        if done < len(rows):
            left = len(rows) - done
            text = _("%(count)d left as they are: not in a state for it any more")
            messages.warning(request, text % {"count": left})


class ReadOnlyAdmin(BaseAdmin):
    """To look at: written by the platform itself, never by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False


# ---- small pictures -----------------------------------------------------------------------------


def badge(text: StrOrPromise, colour: str) -> SafeString:
    """A coloured label; colours: green, amber, red, blue, grey."""
    return format_html('<span class="op-badge op-{}">{}</span>', colour, text)


def bar(used: int, limit: int | None) -> SafeString:
    """Used of a limit, as a bar: amber from three quarters, red from nine tenths."""
    if limit is None:
        return format_html('<span class="op-none">{} / ∞</span>', used)
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


def table(head: Sequence[StrOrPromise], rows: Sequence[Sequence[Any]]) -> SafeString:
    """A small table on a detail page."""
    if not rows:
        return format_html('<span class="op-none">{}</span>', _("none"))
    cells = [_row("td", row) for row in rows]
    return format_html('<table class="op-table">{}{}</table>', _row("th", head), _join(cells))


def pretty(text: str) -> SafeString:
    """Text with its line breaks."""
    return format_html('<pre class="op-pre">{}</pre>', text)


def _row(tag: str, values: Sequence[Any]) -> SafeString:
    cells = [
        format_html("<{}>{}</{}>", SafeString(tag), "–" if v in (None, "") else v, SafeString(tag))
        for v in values
    ]
    return format_html("<tr>{}</tr>", _join(cells))


def _join(parts: Sequence[SafeString]) -> SafeString:
    return SafeString("".join(parts))

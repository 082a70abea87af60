"""Tables are imported after a trial that lists every bad row, and exported line by line."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any

from auditlog.models import LogEntry
from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.admin import ImportMixin
from import_export.formats.base_formats import CSV, XLSX
from import_export.tmp_storages import CacheStorage
from unfold.contrib.import_export.forms import ImportForm

from domains.flows.import_rows import (
    MOST_ROWS,
    AccountRows,
    PlatformRows,
    RoomRows,
    ServiceRows,
    TableRows,
    TenantRows,
)
from foundation.web import audit
from foundation.web.table_export import csv_lines, xlsx_file

MOST_BYTES = 5 * 1024 * 1024
MOST_UNPACKED = 100 * 1024 * 1024
"""An XLSX file is a zip archive. Its directory says how large it becomes."""

MOST_EXPORTED = {"csv": 100_000, "xlsx": 20_000}
_EXPORTED = {"csv": _("Exported as CSV"), "xlsx": _("Exported as XLSX")}
MOST_SHOWN = 20
"""The page of a trial shows this many good rows, and all bad ones."""


class PendingImportStorage(CacheStorage):  # type: ignore[misc]  # the base class has no types
    """A file waits here for its confirmation, for an hour, and for all web processes."""

    CACHE_LIFETIME = 3600
    CACHE_PREFIX = "import-"


class TableForm(ImportForm):  # type: ignore[misc]  # the base class has no types
    """The form of a file to import, within the limits."""

    def clean_import_file(self) -> Any:
        """Refuse a file that is too large, packed or unpacked, before it is read."""
        file = self.cleaned_data["import_file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(gettext("At most 5 MiB: split the file."))
        if zipfile.is_zipfile(file):
            file.seek(0)
            with zipfile.ZipFile(file) as packed:
                if sum(entry.file_size for entry in packed.infolist()) > MOST_UNPACKED:
                    raise forms.ValidationError(gettext("At most 5 MiB: split the file."))
        file.seek(0)
        return file


class TableAdminMixin(ImportMixin):  # type: ignore[misc]  # the base class has no types
    """A mixin for pages whose rows are imported and exported as tables. `rows` is the kind of table."""

    rows: type[TableRows]
    model: Any
    admin_site: Any
    import_form_class = TableForm
    import_template_name = "domains/import.html"
    import_export_change_list_template = None
    import_formats = [CSV, XLSX]
    tmp_storage_class = PendingImportStorage
    skip_admin_log = True

    def get_urls(self) -> list[Any]:
        """Add the address of the export to that of the import."""
        view = self.admin_site.admin_view(self.export_view)
        name = "{}_{}_export".format(*self.get_model_info())
        return [path("export/", view, name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Add links to import and export."""
        base = "admin:{}_{}_".format(*self.get_model_info())
        parameters = request.GET.copy()
        parameters.pop("p", None)
        context: dict[str, Any] = {"export_page": reverse(base + "export"), **(extra_context or {})}
        context["export_query"] = parameters.urlencode() + "&" if parameters else ""
        if self.has_import_permission(request):
            context["import_page"] = reverse(base + "import")
        response: HttpResponse = super().changelist_view(request, context)
        return response

    # ---- in ---------------------------------------------------------------------------------

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Allow users who may add. Each row is checked again."""
        return bool(self.has_add_permission(request))

    def get_import_resource_classes(self, request: HttpRequest) -> list[type[TableRows]]:
        """Return the kind of table."""
        return [self.rows]

    def get_import_resource_kwargs(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        """Give page and request to the table, which checks rights with them."""
        return {"page": self, "request": request}

    def import_action(self, request: HttpRequest, **more: Any) -> HttpResponse:
        """Run the trial, and show what is wrong in each row."""
        page: Any = super().import_action(request, **more)
        return self._with_mistakes(page)

    def process_import(self, request: HttpRequest, **more: Any) -> HttpResponse:
        """Import the file that the trial has checked. After an hour it has to be chosen again."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        name = request.POST.get("import_file_name", "")
        if request.method == "POST" and PendingImportStorage(name=name).read() is None:
            messages.error(request, gettext("The file is no longer there: choose it again."))
            return redirect(reverse("admin:{}_{}_import".format(*self.get_model_info())))
        response: HttpResponse = super().process_import(request, **more)
        return response

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        """Go back to the list, or show what is wrong now because somebody else was faster."""
        if result.has_errors() or result.has_validation_errors():
            context = {
                **self.admin_site.each_context(request),
                "opts": self.model._meta,
                "title": _("Import"),
                "result": result,
            }
            return self._with_mistakes(
                TemplateResponse(request, self.import_template_name, context)
            )
        response: HttpResponse = super().process_result(result, request)
        return response

    def add_success_message(self, result: Any, request: HttpRequest) -> None:
        """Say how many rows are new or changed."""
        values = {"new": result.totals["new"], "changed": result.totals["update"]}
        messages.success(request, gettext("Imported: %(new)d new, %(changed)d changed.") % values)

    def _with_mistakes(self, page: Any) -> HttpResponse:
        context = page.context_data
        result = context.get("result")
        if result is not None:
            context["wrong"] = list(_list_mistakes(result))
            context["counts"] = dict(result.totals)
            context["some"] = [
                (number, row.import_type, row.object_repr)
                for number, row in enumerate(result.rows[:MOST_SHOWN], 2)
            ]
        context["most_rows"] = MOST_ROWS
        response: HttpResponse = page
        return response

    # ---- out --------------------------------------------------------------------------------

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Export what the list shows, with all its pages, up to the limit."""
        page: Any = self
        if not page.has_view_permission(request):
            raise PermissionDenied
        parameters = request.GET.copy()
        kind = "".join(parameters.pop("format", ["csv"])[-1:])
        if kind not in MOST_EXPORTED:
            raise PermissionDenied
        request.GET = parameters  # type: ignore[assignment]  # a changed copy takes the place of the query
        rows = page.get_changelist_instance(request).queryset
        if rows.order_by()[: MOST_EXPORTED[kind] + 1].count() > MOST_EXPORTED[kind]:
            text = gettext("More than %d: search or filter first.") % MOST_EXPORTED[kind]
            messages.error(request, text)
            return redirect(reverse("admin:{}_{}_changelist".format(*self.get_model_info())))
        audit.say(self.model(pk=None), _EXPORTED[kind], LogEntry.Action.ACCESS)
        return self._file(kind, self.rows(self, request), rows)

    def _file(self, kind: str, table: TableRows, rows: Any) -> HttpResponseBase:
        head, name = table.get_export_headers(), f"{self.model._meta.model_name}.{kind}"
        lines = _lines(table, rows)
        if kind == "xlsx":
            return FileResponse(xlsx_file(head, lines), as_attachment=True, filename=name)
        return StreamingHttpResponse(
            csv_lines(head, lines),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _lines(table: TableRows, rows: Any) -> Iterator[list[Any]]:
    for row in rows.iterator(chunk_size=1000):
        yield table.export_resource(row)


def _list_mistakes(result: Any) -> Iterator[tuple[str | int, str, str]]:
    """Yield `(line of the file, column, sentence)` for every mistake. The head is line 1."""
    for error in result.base_errors:
        yield "–", "", " ".join(getattr(error.error, "messages", [str(error.error)]))
    for row in result.invalid_rows:
        for column, texts in row.error_dict.items():
            for text in texts:
                yield row.number + 1, "" if column == NON_FIELD_ERRORS else column, text
    for number, errors in result.row_errors():
        for row_error in errors:
            yield number + 1, "", str(row_error.error)


# ---- the kinds of table -------------------------------------------------------------------------


class ServiceTables(TableAdminMixin):
    """Import and export of service domains."""

    rows = ServiceRows


class PlatformTables(TableAdminMixin):
    """Import and export of platform domains."""

    rows = PlatformRows


class TenantTables(TableAdminMixin):
    """Import and export of user domains."""

    rows = TenantRows


class RoomTables(TableAdminMixin):
    """Import and export of machine rooms."""

    rows = RoomRows
    list_before_template = "domains/lists.html"


class AccountTables(TableAdminMixin):
    """Import and export of accounts. Passwords of new ones go out with the answer and are kept nowhere."""

    rows = AccountRows
    list_before_template = "domains/lists.html"

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        """Send the first passwords of new accounts as a file, this once."""
        page = super().process_result(result, request)
        initial = getattr(result, "initial", ())
        if result.has_errors() or result.has_validation_errors() or not initial:
            return page
        head = (gettext("account name"), gettext("first password"))
        return HttpResponse(
            "".join(csv_lines(head, initial)),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": 'attachment; filename="passwords.csv"',
                "Cache-Control": "no-store",
            },
        )

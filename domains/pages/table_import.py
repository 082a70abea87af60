"""The admin pages import tables, after a trial run that lists every wrong row, and export them row by row."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from auditlog.models import LogEntry
from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db.models import Model, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.admin import ImportMixin
from import_export.formats.base_formats import CSV, XLSX
from import_export.results import Result
from import_export.tmp_storages import CacheStorage
from tablib import Dataset
from unfold.contrib.import_export.forms import ImportForm

from domains.flows.import_rows import (
    MAX_ROWS,
    AccountRows,
    PlatformRows,
    RoomRows,
    ServiceRows,
    TableRows,
    TenantRows,
)
from domains.models import (
    Account,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
)
from foundation.web import audit
from foundation.web.admin_base import BaseAdmin
from foundation.web.scoping import M
from foundation.web.table_export import csv_lines, xlsx_file
from foundation.web.table_reading import as_utf8_csv, read_xlsx

MAX_BYTES = 5 * 1024 * 1024
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
"""An XLSX file is a zip archive. Its directory says how large it is unpacked."""

MAX_COLUMNS = 100

MAX_EXPORTED = {"csv": 100_000, "xlsx": 20_000}
"""Format of an exported file -> how many rows it may have."""

_AUDIT_TEXTS = {"csv": _("Exported as CSV"), "xlsx": _("Exported as XLSX")}
_FIRST_LINE = 2
"""The line of a file in which its first row stands, after the line of headings."""

MAX_SHOWN = 20
"""The page of a trial run shows this many valid rows, and all wrong ones."""


class PendingImportStorage(CacheStorage):  # type: ignore[misc]  # the base class has no types
    """The storage keeps a file between the trial run and its confirmation, for an hour, for all web processes."""

    CACHE_LIFETIME = 3600
    CACHE_PREFIX = "import-"


class BoundedXLSX(XLSX):  # type: ignore[misc]  # the base class has no types
    """XLSX files are read up to a row and a column; a small file may claim to be the largest of all tables."""

    def create_dataset(self, in_stream: bytes) -> Dataset:
        """Return the first sheet of an XLSX file, cut one row after the allowed ones. Raises ValueError."""
        headings, *rows = read_xlsx(in_stream, MAX_ROWS + 1, MAX_COLUMNS) or [[]]
        return Dataset(*rows, headers=headings)


class TableForm(ImportForm):  # type: ignore[misc]  # the base class has no types
    """The form takes a file to import, and refuses one that is too large."""

    def clean_import_file(self) -> UploadedFile[bytes]:
        """Return the file. Raises ValidationError if it is too large, packed or unpacked, before it is read."""
        file: UploadedFile[bytes] = self.cleaned_data["import_file"]
        if file.size is None or file.size > MAX_BYTES:
            raise forms.ValidationError(gettext("At most 5 MiB: split the file."))
        if zipfile.is_zipfile(file):
            file.seek(0)
            if _unpacked_bytes(file) > MAX_UNPACKED_BYTES:
                raise forms.ValidationError(gettext("At most 5 MiB: split the file."))
            file.seek(0)
            return file
        file.seek(0)
        try:
            content = as_utf8_csv(file.read())
        except UnicodeError:
            raise forms.ValidationError(
                gettext("This is no text that can be read: save the table as CSV UTF-8 or XLSX.")
            ) from None
        return SimpleUploadedFile(file.name or "table.csv", content)


def _unpacked_bytes(file: UploadedFile[bytes]) -> int:
    """Return the unpacked size that a zip archive claims; 0 if it is damaged, which the import itself reports."""
    try:
        with zipfile.ZipFile(file) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        return 0


class TableAdminMixin(ImportMixin, BaseAdmin[M]):  # type: ignore[misc]  # the base class has no types
    """A mixin for admin pages whose rows can be imported and exported as tables. `table` imports and exports them."""

    table: type[TableRows]
    import_form_class = TableForm
    import_template_name = "domains/import.html"
    import_export_change_list_template = None
    import_formats = [CSV, BoundedXLSX]
    tmp_storage_class = PendingImportStorage
    skip_admin_log = True

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the page, with those of import and export."""
        view = self.admin_site.admin_view(self.export_view)
        name = "{}_{}_export".format(*self.get_model_info())
        return [path("export/", view, name=name), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Return the list of rows, with links to import and export them."""
        base = "admin:{}_{}_".format(*self.get_model_info())
        parameters = request.GET.copy()
        parameters.pop("p", None)
        context: dict[str, object] = {
            "export_page": reverse(base + "export"),
            **(extra_context or {}),
        }
        context["export_query"] = parameters.urlencode() + "&" if parameters else ""
        if self.has_import_permission(request):
            context["import_page"] = reverse(base + "import")
        response: HttpResponse = super().changelist_view(request, context)
        return response

    # ---- import -----------------------------------------------------------------------------

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may import: those who may add rows. The import checks each row again."""
        return bool(self.has_add_permission(request))

    def get_import_resource_classes(self, request: HttpRequest) -> list[type[TableRows]]:
        """Return the class that imports the rows of this page's model."""
        return [self.table]

    def get_import_resource_kwargs(
        self, request: HttpRequest, **kwargs: object
    ) -> dict[str, object]:
        """Return the arguments of the class that imports the rows, which checks the user's rights with them."""
        return {"page": self, "request": request}

    def import_action(self, request: HttpRequest, **kwargs: object) -> HttpResponse:
        """Run the trial, and return the page that shows what is wrong in each row."""
        return self._with_errors(super().import_action(request, **kwargs))

    def process_import(self, request: HttpRequest, **kwargs: object) -> HttpResponse:
        """Import the file that the trial run has checked. After an hour it has to be chosen again.

        Raises PermissionDenied.
        """
        if not self.has_import_permission(request):
            raise PermissionDenied
        name = request.POST.get("import_file_name", "")
        if request.method == "POST" and PendingImportStorage(name=name).read() is None:
            messages.error(request, gettext("The file is no longer there: choose it again."))
            return redirect(reverse("admin:{}_{}_import".format(*self.get_model_info())))
        response: HttpResponse = super().process_import(request, **kwargs)
        return response

    def process_result(self, result: Result, request: HttpRequest) -> HttpResponse:
        """Redirect to the list of rows, or show what is wrong in rows that were right in the trial run."""
        if result.has_errors() or result.has_validation_errors():
            context = {
                **self.admin_site.each_context(request),
                "opts": self.model._meta,
                "title": _("Import"),
                "result": result,
            }
            return self._with_errors(TemplateResponse(request, self.import_template_name, context))
        response: HttpResponse = super().process_result(result, request)
        return response

    def add_success_message(self, result: Result, request: HttpRequest) -> None:
        """Show how many rows are new, and how many were changed."""
        values = {"new": result.totals["new"], "changed": result.totals["update"]}
        messages.success(request, gettext("Imported: %(new)d new, %(changed)d changed.") % values)

    def _with_errors(self, page: TemplateResponse) -> HttpResponse:
        """Return the page of the import. If there is a result, the page has all its errors and the first valid rows."""
        context = page.context_data
        assert context is not None
        result = context.get("result")
        if result is not None:
            context["wrong"] = list(_list_errors(result))
            context["counts"] = dict(result.totals)
            context["some"] = [
                (number, row.import_type, row.object_repr)
                for number, row in enumerate(result.rows[:MAX_SHOWN], _FIRST_LINE)
            ]
        context["most_rows"] = MAX_ROWS
        return page

    # ---- export -----------------------------------------------------------------------------

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Return a file with all rows of the list as searched and filtered, or a message if they are too many.

        Raises PermissionDenied.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        parameters = request.GET.copy()
        file_format = "".join(parameters.pop("format", ["csv"])[-1:])
        if file_format not in MAX_EXPORTED:
            raise PermissionDenied
        request.GET = parameters  # type: ignore[assignment]  # a changed copy takes the place of the query
        rows = self.get_changelist_instance(request).queryset
        limit = MAX_EXPORTED[file_format]
        if rows.order_by()[: limit + 1].count() > limit:
            text = gettext("More than %d: search or filter first.") % limit
            messages.error(request, text)
            return redirect(reverse("admin:{}_{}_changelist".format(*self.get_model_info())))
        audit.log_action(self.model(pk=None), _AUDIT_TEXTS[file_format], LogEntry.Action.ACCESS)
        return self._file_response(file_format, self.table(self, request), rows)

    def _file_response(
        self, file_format: str, table: TableRows, rows: QuerySet[M]
    ) -> HttpResponseBase:
        """Return the exported rows as a file to download. CSV is sent while the rows are read."""
        headings, name = table.get_export_headers(), f"{self.model._meta.model_name}.{file_format}"
        lines = _rows_of_cells(table, rows)
        if file_format == "xlsx":
            return FileResponse(xlsx_file(headings, lines), as_attachment=True, filename=name)
        return StreamingHttpResponse(
            csv_lines(headings, lines),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _rows_of_cells(table: TableRows, rows: QuerySet[Model]) -> Iterator[list[str]]:
    """Yield the cells of each row to export. The rows are read in chunks."""
    for row in rows.iterator(chunk_size=1000):
        yield table.export_resource(row)


def _list_errors(result: Result) -> Iterator[tuple[str | int, str, str]]:
    """Yield `(line of the file, column, sentence)` for every error of an import. The headings are line 1."""
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


class ServiceTables(TableAdminMixin[ServiceDomain]):
    """A mixin that adds import and export of tables to the admin page of service domains."""

    table = ServiceRows


class PlatformTables(TableAdminMixin[PlatformDomain]):
    """A mixin that adds import and export of tables to the admin page of platform domains."""

    table = PlatformRows


class TenantTables(TableAdminMixin[UserDomain]):
    """A mixin that adds import and export of tables to the admin page of user domains."""

    table = TenantRows


class RoomTables(TableAdminMixin[MachineRoom]):
    """A mixin that adds import and export of tables to the admin page of machine rooms."""

    table = RoomRows
    list_before_template = "domains/lists.html"


class AccountTables(TableAdminMixin[Account]):
    """A mixin for the import and export of accounts. First passwords are sent with the response and not stored."""

    table = AccountRows
    list_before_template = "domains/lists.html"

    def process_result(self, result: Result, request: HttpRequest) -> HttpResponse:
        """Return the first passwords of new accounts as a file, the only time, or else the usual page."""
        page = super().process_result(result, request)
        first_passwords = getattr(result, "first_passwords", ())
        if result.has_errors() or result.has_validation_errors() or not first_passwords:
            return page
        headings = (gettext("account name"), gettext("first password"))
        return HttpResponse(
            "".join(csv_lines(headings, first_passwords)),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": 'attachment; filename="passwords.csv"',
                "Cache-Control": "no-store",
            },
        )

"""The admin page of departments, into which a user domain groups its people."""

from __future__ import annotations

from functools import partial

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from domains.flows import departments
from domains.models import Department
from domains.pages.admin_widgets import show_refusals
from foundation.web.admin_base import BaseAdmin


@admin.register(Department)
class DepartmentAdmin(BaseAdmin[Department]):
    """The page of departments. A department stays in its user domain; it may move below another one there."""

    scope = ("domain",)
    list_display = ["name", "parent", "domain", "moid"]
    list_select_related = ["parent", "domain"]
    search_fields = ["^name", "=moid"]
    search_help_text = _("beginning of the name, or the MOID")
    autocomplete_fields = ["domain", "parent"]
    ordering = ["moid"]

    def get_fields(self, request: HttpRequest, obj: Department | None = None) -> list[str]:
        """Return the fields of the form; the MOID is shown once the department is saved."""
        return ["name", "domain", "parent", *(["moid"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Department | None = None) -> list[str]:
        """Return the fields that nobody edits: the MOID, and the user domain once the department is saved."""
        return ["domain", "moid"] if obj else []

    def save_model(
        self,
        request: HttpRequest,
        obj: Department,
        form: forms.ModelForm[Department],
        change: bool,
    ) -> None:
        """Save a department by `flows.departments`, which checks the rules and records the change."""
        departments.save(obj)

    def delete_model(self, request: HttpRequest, obj: Department) -> None:
        """Delete a department by `flows.departments`, which checks the rules and records the change."""
        departments.delete(obj.pk)

    def changeform_view(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponse:
        """Return the form of a department. If the flow refuses to save it, show why."""
        return show_refusals(request, partial(super().changeform_view, request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Return the page that deletes a department. If the flow refuses it, show why."""
        return show_refusals(request, partial(super().delete_view, request, *args, **kwargs))

"""Define the admin page of departments, into which a user domain groups its people."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from domains.flows import departments
from domains.models import Department
from domains.pages.admin_widgets import RulesAdmin


@admin.register(Department)
class DepartmentAdmin(RulesAdmin[Department]):
    """Define the page of departments. A department stays in its user domain; it may move below another one there."""

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

    def save_by_flow(self, obj: Department) -> None:
        """Save a department by `flows.departments`, which checks the rules and records the change."""
        departments.save(obj)

    def delete_by_flow(self, obj: Department) -> None:
        """Delete a department by `flows.departments`, which checks the rules and records the change."""
        departments.delete(obj.pk)

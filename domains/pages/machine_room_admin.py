"""The admin pages of machine rooms. Rooms and backups are also part of their platform's page."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from domains.flows import change as tree
from domains.models import BackupPlatform, MachineRoom, PlatformDomain
from domains.pages.admin_widgets import show_refusals
from domains.pages.table_import import RoomTables
from domains.rules.refusal_texts import translated
from domains.rules.tree import refusals_to_delete
from foundation.web.admin_base import BaseAdmin, badge, translatable
from foundation.web.scoping import ScopedChoices, scope


@admin.register(MachineRoom)
class MachineRoomAdmin(RoomTables, BaseAdmin):
    """The page of machine rooms.

    Whether a room is abnormal is reported by the monitor, and not typed here.
    """

    scope = ("platform",)
    list_display = ["name", "platform", "order", "is_default", "health", "moid"]
    list_select_related = ["platform"]
    search_fields = ["^name", "=moid"]
    search_help_text = _("beginning of the name, or the MOID")
    autocomplete_fields = ["platform"]
    ordering = ["moid"]
    fields = [("name", "platform"), ("order", "is_default"), "health", "moid"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return the health, and the MOID of a saved room."""
        return ["health", "moid"] if obj else ["health"]

    @admin.display(description=_("health"))
    def health(self, room: MachineRoom) -> SafeString:
        """Return a badge: normal or abnormal."""
        return badge(_("abnormal"), "red") if room.abnormal else badge(_("normal"), "green")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Forbid to delete a room while tenants are bound to it."""
        if isinstance(obj, MachineRoom) and any(tree.room_uses(obj.pk).values()):
            return False
        return bool(super().has_delete_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: MachineRoom, form: Any, change: bool) -> None:
        """Save by the flow."""
        tree.save_room(obj)

    def delete_model(self, request: HttpRequest, obj: MachineRoom) -> None:
        """Delete by the flow."""
        tree.delete_room(obj.pk)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what the flow refuses, for instance because somebody else was faster."""
        return show_refusals(request, partial(super().changeform_view, request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what the flow refuses, for instance because a tenant was bound meanwhile."""
        return show_refusals(request, partial(super().delete_view, request, *args, **kwargs))


# ---- within a platform's page -------------------------------------------------------------------


class _PlatformInline(ScopedChoices, TabularInline):  # type: ignore[misc]  # the base class has no types
    """An inline of a platform's page, for users who may change that page and this kind of thing."""

    extra = 0
    tab = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        translatable(self.model)

    def _may(self, request: HttpRequest, verb: str) -> bool:
        closed = verb != "view" and scope().read_only_reason(self.model)
        name = f"{self.opts.app_label}.{verb}_{self.opts.model_name}"
        return not closed and bool(request.user.has_perm(name))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask the table of rights. The platform itself is in scope."""
        return self._may(request, "view")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask the table of rights."""
        return self._may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask the table of rights."""
        return self._may(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask the table of rights."""
        return self._may(request, "delete")


class RoomFormSet(BaseInlineFormSet):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """The rooms of a platform: at most one is the default, and a room in use is not deleted."""

    def clean(self) -> None:
        """Refuse a second default room, and to delete rooms in use, each at its row."""
        super().clean()
        remaining = [form for form in self.forms if form not in self.deleted_forms]
        defaults = [form for form in remaining if form.cleaned_data.get("is_default")]
        for form in defaults[1:]:
            form.add_error("is_default", gettext("Only one room is the default: leave out one."))
        for form in self.deleted_forms:
            uses = tree.room_uses(form.instance.pk) if form.instance.pk else {}
            for refusal in refusals_to_delete(form.instance.name, uses):
                raise ValidationError(translated(refusal))

    def save(self, commit: bool = True) -> Any:
        """Save and delete rooms by the flow."""
        rooms = super().save(commit=False)
        if commit:
            for room in rooms:
                tree.save_room(room)
            for room in self.deleted_objects:
                tree.delete_room(room.pk)
        return rooms


class BackupFormSet(BaseInlineFormSet):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """The backups of a platform, in order."""

    def save(self, commit: bool = True) -> Any:
        """Save all backups by the flow, because they form an order."""
        changed = super().save(commit=False)
        if commit:
            remaining = [form for form in self.forms if form not in self.deleted_forms]
            ranked = [form.instance for form in remaining if form.instance.backup_id]
            ranked.sort(key=lambda backup: backup.order)
            tree.save_backups(self.instance.pk, [backup.backup_id for backup in ranked])
        return changed


class RoomInline(_PlatformInline):
    """The machine rooms of a platform, in their order of backup."""

    model = MachineRoom
    formset = RoomFormSet
    fields = ["name", "order", "is_default", "health"]
    readonly_fields = ["health"]
    ordering = ["order", "moid"]
    verbose_name_plural = _("Machine rooms")

    @admin.display(description=_("health"))
    def health(self, room: MachineRoom) -> SafeString:
        """Return a badge: normal or abnormal."""
        return badge(_("abnormal"), "red") if room.abnormal else badge(_("normal"), "green")


class BackupForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """The form of a backup. A platform is no backup of itself."""

    class Meta:
        model = BackupPlatform
        fields = ["backup", "order"]

    def clean_backup(self) -> PlatformDomain:
        """Refuse the platform itself, before the database does."""
        backup: PlatformDomain = self.cleaned_data["backup"]
        if backup.pk == self.instance.platform_id:
            raise ValidationError(gettext("A platform cannot back up itself: choose another one."))
        return backup


class BackupInline(_PlatformInline):
    """The platforms where this platform's conferences can end up, in order of preference."""

    model = BackupPlatform
    form = BackupForm
    formset = BackupFormSet
    fk_name = "platform"
    fields = ["backup", "order"]
    autocomplete_fields = ["backup"]
    ordering = ["order"]
    verbose_name_plural = _("Backup platforms, in order of preference")

"""Define the admin page of machine rooms, and the parts of a platform's page for its machine rooms and backups."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from domains.flows import change as tree
from domains.models import BackupPlatform, MachineRoom, PlatformDomain
from domains.pages.admin_widgets import RulesAdmin
from domains.pages.table_import import RoomTables
from domains.rules.refusal_texts import translated
from domains.rules.tree import refusals_to_delete
from foundation.web.admin_base import badge, make_translatable
from foundation.web.scoping import ScopedChoices, scope


@admin.register(MachineRoom)
class MachineRoomAdmin(RoomTables, RulesAdmin[MachineRoom]):
    """Define the page of machine rooms. Whether a room is abnormal is measured, not edited."""

    scope = ("platform",)
    list_display = ["name", "platform", "order", "is_default", "health", "moid"]
    list_select_related = ["platform"]
    search_fields = ["^name", "=moid"]
    search_help_text = _("beginning of the name, or the MOID")
    autocomplete_fields = ["platform"]
    ordering = ["moid"]
    fields = [("name", "platform"), ("order", "is_default"), "health", "moid"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: MachineRoom | None = None
    ) -> list[str]:
        """Return the fields that nobody edits: the health, and the MOID once the machine room is saved."""
        return ["health", "moid"] if obj else ["health"]

    @admin.display(description=_("health"))
    def health(self, room: MachineRoom) -> SafeString:
        """Return a badge: normal, or abnormal (not to be used)."""
        return badge(_("abnormal"), "red") if room.abnormal else badge(_("normal"), "green")

    def has_delete_permission(self, request: HttpRequest, obj: MachineRoom | None = None) -> bool:
        """Return whether the user may delete a machine room: not while tenants are bound to it."""
        if isinstance(obj, MachineRoom) and any(tree.room_uses(obj.pk).values()):
            return False
        return bool(super().has_delete_permission(request, obj))

    def save_by_flow(self, obj: MachineRoom) -> None:
        """Save a machine room by a flow, which checks the rules and records the change for the sites."""
        tree.save_room(obj)

    def delete_by_flow(self, obj: MachineRoom) -> None:
        """Delete a machine room by a flow, which checks the rules and records the change for the sites."""
        tree.delete_room(obj.pk)


# ---- within a platform's page -------------------------------------------------------------------


class _PlatformInline(ScopedChoices, TabularInline):  # type: ignore[misc]  # the base class has no types
    """A part of a platform's page that edits rows of another model, if the user has the rights to that model."""

    extra = 0
    tab = False

    def __init__(self, parent_model: type[Model], admin_site: admin.AdminSite) -> None:
        """Create the table of machine rooms for the page of a platform (`parent_model`), with translatable names."""
        super().__init__(parent_model, admin_site)
        make_translatable(self.model)

    def _may_do(self, request: HttpRequest, verb: str) -> bool:
        """Return whether the user may "view", "add", "change" or "delete" rows of the platform that is shown."""
        is_read_only = verb != "view" and scope().read_only_reason(self.model)
        name = f"{self.opts.app_label}.{verb}_{self.opts.model_name}"
        return not is_read_only and bool(request.user.has_perm(name))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the user may view the rows of this platform, which itself is in scope."""
        return self._may_do(request, "view")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the user may add rows to this platform."""
        return self._may_do(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the user may change rows of this platform."""
        return self._may_do(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the user may delete rows of this platform."""
        return self._may_do(request, "delete")


class RoomFormSet(BaseInlineFormSet):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """The form set edits the machine rooms of a platform. At most one is the default; rooms in use stay."""

    def clean(self) -> None:
        """Check a platform's machine rooms: at most one is the default; none that tenants are bound to is deleted.

        Raises ValidationError.
        """
        super().clean()
        remaining = [form for form in self.forms if form not in self.deleted_forms]
        defaults = [form for form in remaining if form.cleaned_data.get("is_default")]
        for form in defaults[1:]:
            form.add_error("is_default", gettext("Only one room is the default: leave out one."))
        for form in self.deleted_forms:
            uses = tree.room_uses(form.instance.pk) if form.instance.pk else {}
            for refusal in refusals_to_delete(form.instance.name, uses):
                raise ValidationError(translated(refusal))

    def save(self, commit: bool = True) -> list[MachineRoom]:
        """Save and delete machine rooms by the flow `change`, which checks the rules and records the changes.

        Returns the changed ones.
        """
        rooms = super().save(commit=False)
        if commit:
            for room in rooms:
                tree.save_room(room)
            for room in self.deleted_objects:
                tree.delete_room(room.pk)
        return rooms


class BackupFormSet(BaseInlineFormSet):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """The form set edits the backups of a platform, the platforms that take over its conferences, in order."""

    def save(self, commit: bool = True) -> list[BackupPlatform]:
        """Save all backups together by the flow `change`, in the order that the field `order` gives."""
        changed = super().save(commit=False)
        if commit:
            remaining = [form for form in self.forms if form not in self.deleted_forms]
            backups = [form.instance for form in remaining if form.instance.backup_id]
            backups.sort(key=lambda backup: backup.order)
            tree.save_backups(self.instance.pk, [backup.backup_id for backup in backups])
        return changed


class RoomInline(_PlatformInline):
    """The part of a platform's page with its machine rooms, in the order in which they take over from each other."""

    model = MachineRoom
    formset = RoomFormSet
    fields = ["name", "order", "is_default", "health"]
    readonly_fields = ["health"]
    ordering = ["order", "moid"]
    verbose_name_plural = _("Machine rooms")

    @admin.display(description=_("health"))
    def health(self, room: MachineRoom) -> SafeString:
        """Return a badge: normal, or abnormal (not to be used)."""
        return badge(_("abnormal"), "red") if room.abnormal else badge(_("normal"), "green")


class BackupForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """Define the form of one backup of a platform."""

    class Meta:
        model = BackupPlatform
        fields = ["backup", "order"]

    def clean_backup(self) -> PlatformDomain:
        """Return the backup. Raises ValidationError if it is the platform itself."""
        backup: PlatformDomain = self.cleaned_data["backup"]
        if backup.pk == self.instance.platform_id:
            raise ValidationError(gettext("A platform cannot back up itself: choose another one."))
        return backup


class BackupInline(_PlatformInline):
    """The part of a platform's page with its backups: the platforms that take over its conferences, best first."""

    model = BackupPlatform
    form = BackupForm
    formset = BackupFormSet
    fk_name = "platform"
    fields = ["backup", "order"]
    autocomplete_fields = ["backup"]
    ordering = ["order"]
    verbose_name_plural = _("Backup platforms, in order of preference")

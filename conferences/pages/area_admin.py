"""Define the admin page of areas, into which a user domain sorts its meeting rooms; a flow saves and deletes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from conferences.flows import areas
from conferences.flows.areas import AreaRefused
from conferences.models import MeetingRoomArea
from conferences.pages.tenant_admin import TenantAdmin, TenantForm
from domains.models import Level
from foundation.cells.directory import own_platform
from foundation.plain_text import fault_of
from foundation.web.scoping import SITE
from wire.error_codes import Err

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


_REASONS = {
    Err.NAME_TAKEN: _("There is an area of this name in this tenant already."),
    Err.DOMAIN_LIMIT: _("This tenant has as many areas as are kept for one."),
    Err.NOT_FOUND: _("There is no such area any more."),
    Err.NOT_SERVED: _("This site does not serve its platform now."),
}


class AreaForm(TenantForm):
    """Define the form of an area of meeting rooms: its name and its tenant."""

    class Meta:
        model = MeetingRoomArea
        fields: ClassVar[list[str]] = ["area"]

    def clean_area(self) -> str:
        """Return the name of the area; refuse one with characters that nobody can see."""
        area: str = self.cleaned_data["area"]
        if fault_of(area):
            raise forms.ValidationError(_("This name has characters that cannot be seen."))
        return area


@admin.register(MeetingRoomArea)
class AreaAdmin(TenantAdmin[MeetingRoomArea]):
    """Define the admin page of areas of meeting rooms. An area stays in its tenant; its name is unique there."""

    refusal = AreaRefused
    form = AreaForm
    # All rows of this site's database belong to tenants of its platform.
    scope = ("user_domain",)
    scope_at = {Level.PLATFORM: (SITE,)}
    list_display = ["area", "tenant_name"]
    search_fields = ["^area"]
    search_help_text = _("beginning of the name")
    ordering = ["user_domain", "area"]
    fields = [("area", "tenant")]
    empty_words = _("Areas of meeting rooms, such as floors or towns, are kept here.")

    def reasons(self, refused: Exception) -> Iterable[StrOrPromise]:
        """Return in words why an area of meeting rooms cannot be saved or deleted. `refused`: the flow's refusal."""
        assert isinstance(refused, AreaRefused)
        return [_REASONS[refused.code]]

    def save_model(
        self, request: HttpRequest, obj: MeetingRoomArea, form: AreaForm, change: bool
    ) -> None:
        """Save an area of meeting rooms by the same function as the HTTP API, and set the id of a new one."""
        tenant = obj.user_domain if change else form.cleaned_data["tenant"].pk
        obj.user_domain = tenant
        obj.pk = areas.save_area(own_platform(), tenant, obj.area, obj.pk)

    def delete_by_flow(self, obj: MeetingRoomArea) -> None:
        """Delete an area of meeting rooms by the same function as the HTTP API."""
        areas.delete_area(own_platform(), obj.user_domain, obj.pk)

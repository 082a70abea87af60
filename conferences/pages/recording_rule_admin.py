"""The admin page of how long tenants keep their recordings; a flow saves and deletes the rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from conferences.flows import keep_recordings
from conferences.flows.keep_recordings import RuleRefused
from conferences.models import RecordingRule
from conferences.pages.tenant_admin import TenantAdmin, TenantForm
from domains.models import Level
from foundation.cells.directory import own_platform
from foundation.web.scoping import SITE
from wire.error_codes import Err

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_REASONS = {
    Err.NAME_TAKEN: _("This tenant has a rule already: change that one."),
    Err.NOT_FOUND: _("There is no such rule any more."),
    Err.NOT_SERVED: _("This site does not serve its platform now."),
}


class RuleForm(TenantForm):
    """The form of a rule: its tenant, and for how many days recordings are kept."""

    class Meta:
        model = RecordingRule
        fields: ClassVar[list[str]] = ["kept_days"]


@admin.register(RecordingRule)
class RecordingRuleAdmin(TenantAdmin[RecordingRule]):
    """The admin page of how long tenants keep their recordings. A rule stays with its tenant."""

    refusal = RuleRefused
    form = RuleForm
    # All rows of this site's database belong to tenants of its platform.
    scope = ("user_domain",)
    scope_at = {Level.PLATFORM: (SITE,)}
    list_display = ["tenant_name", "kept_days"]
    ordering = ["user_domain"]
    fields = [("tenant", "kept_days")]
    empty_words = _("Recordings are kept until people delete them, unless there is a rule here.")

    def reasons(self, refused: Exception) -> Iterable[StrOrPromise]:
        """Return in words why a rule cannot be saved or deleted. `refused`: the flow's refusal."""
        assert isinstance(refused, RuleRefused)
        return [_REASONS[refused.code]]

    def save_model(
        self, request: HttpRequest, obj: RecordingRule, form: RuleForm, change: bool
    ) -> None:
        """Save a rule, and set the id of a new one."""
        obj.user_domain = obj.user_domain if change else form.cleaned_data["tenant"].pk
        obj.pk = keep_recordings.save_rule(own_platform(), obj.user_domain, obj.kept_days, obj.pk)

    def delete_by_flow(self, obj: RecordingRule) -> None:
        """Delete a rule."""
        keep_recordings.delete_rule(own_platform(), obj.pk)

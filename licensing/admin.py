"""Define the admin pages of licences, and of the conferences in use that they limit (seats)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditlog.models import LogEntry
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from domains.data.admin_scope import rows_in_scope
from domains.models import Domain, UserDomain
from foundation.cells.directory import own_platform
from foundation.web import audit
from foundation.web.admin_base import BaseAdmin, ReadOnlyAdmin, badge, bar
from licensing.data.queries import database_now, newest_licences, stored_licence
from licensing.data.usage import limits_of
from licensing.flows.load import load_licence, preview_licence
from licensing.flows.revoke import revoke_licence
from licensing.models import Licence, Quota
from licensing.pages.licence_import import ImportForm, preview_for_page
from licensing.rules.decisions import WARN_DAYS, Standing, days_left, standing
from licensing.rules.licence_text import BadLicence


@admin.register(Licence)
class LicenceAdmin(BaseAdmin[Licence]):
    """Define the admin page of licences. Each issue (numbered edition) replaces the last one, and never changes."""

    scope = ("platform",)
    list_display = ["platform", "issue", "standing", "small_conferences", "large_conferences"]
    list_display += ["valid_from", "valid_to", "kind"]
    list_filter = ["evaluation"]
    search_fields = ["=platform"]
    ordering = ["-id"]
    actions = ["revoke"]
    fields = [("platform", "issue"), ("standing", "kind"), "why", ("valid_from", "valid_to")]
    fields += ["revoked_at", ("small_conferences", "large_conferences")]
    fields += [("software_terminals", "hardware_terminals"), ("monitors", "media_ports")]
    fields += ["access_ports"]
    readonly_fields = ["standing", "kind", "why"]

    def has_change_permission(self, request: HttpRequest, obj: Licence | None = None) -> bool:
        """Return `False`: a licence is never changed, its next issue (edition) is imported instead."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Licence | None = None) -> bool:
        """Return `False`: licences are never deleted, so that it stays known which one was in force when."""
        return False

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add to each listed row its verified licence, the time, and whether it is its platform's newest edition."""
        newest, now = newest_licences({row.platform for row in rows}), database_now()
        for row in rows:
            row.is_newest = newest.get(row.platform) == row
            row.stored, row.read_at = stored_licence(row), now

    @admin.display(description=_("standing"))
    def standing(self, licence: Licence) -> SafeString:
        """Return a badge that says whether the licence is valid: in force, days left, expired, revoked and so on."""
        if not hasattr(licence, "is_newest"):
            self.enrich([licence])
        stored, now = licence.stored, licence.read_at  # type: ignore[attr-defined]  # added to each row by `enrich`
        state = standing(stored, now)
        if state is Standing.REVOKED:
            return badge(_("revoked"), "red")
        if not licence.is_newest:  # type: ignore[attr-defined]  # added to each row by `enrich`
            return badge(_("replaced"), "grey")
        if state is Standing.VALID:
            days = days_left(stored, now)
            if days is None or days > WARN_DAYS[0]:
                return badge(_("in force"), "green")
            return badge(_("%d days left") % int(days), "amber")
        texts = {Standing.NOT_YET: _("not yet valid"), Standing.EXPIRED: _("expired")}
        return badge(texts.get(state, _("invalid")), "red")

    @admin.display(description=_("why invalid"))
    def why(self, licence: Licence) -> str:
        """Return why the licence's signed text is not valid; "–" if it is."""
        return stored_licence(licence).text_error or "–"

    @admin.display(description=_("kind"))
    def kind(self, licence: Licence) -> SafeString:
        """Return a badge: the built-in evaluation licence, or one that was issued."""
        return badge(_("evaluation"), "amber") if licence.evaluation else badge(_("issued"), "blue")

    # ---- import and revoke ------------------------------------------------------------------

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Show the page on which a licence is imported: first its content and whether it is accepted, then load it.

        Raises PermissionDenied.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        outcome: dict[str, object] = {}
        if form.is_valid():
            text = form.cleaned_data["text"]
            form = ImportForm(initial={"text": text})
            if refused := _why_out_of_scope(request, text):
                outcome = {"refused": refused}
            elif "load" in request.POST and self._load_licence(request, text):
                return redirect("admin:licensing_licence_changelist")
            else:
                outcome = preview_for_page(text)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Import a licence"),
            "target": reverse("admin:licensing_licence_changelist"),
            "form": form,
            **outcome,
        }
        return TemplateResponse(request, "licensing/import.html", context)

    def _load_licence(self, request: HttpRequest, text: str) -> bool:
        """Save the licence of a signed, encrypted text, with a note in the audit trail.

        Return `False` if it is refused.
        """
        try:
            platform = preview_licence(own_platform(), text).licence.platform
            before = newest_licences([platform]).get(platform)
            licence, _decision = load_licence(own_platform(), text)
        except BadLicence:
            return False
        row = Licence.objects.get(platform=licence.platform, issue=licence.issue)
        audit.log_action(row, _("Licence loaded"), LogEntry.Action.CREATE, before=before)
        messages.success(request, _("Licence %d is loaded.") % licence.issue)
        return True

    @admin.action(description=_("Revoke"), permissions=["operate"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Licence]) -> HttpResponse | None:
        """Return the page that asks whether to revoke the chosen licences.

        Once confirmed, revoke them and return `None`.
        """
        chosen = self.chosen(queryset)
        warning = _(
            "No conference can be created from then on; running ones go on. A revoked licence"
            " cannot be loaded again: the core has to issue the next one."
        )
        page = self.confirm(request, chosen, "revoke", _("Revoke these licences?"), str(warning))
        if page is None:
            self.carry_out(request, chosen, _("Revoked"), _revoke)
        return page


def _why_out_of_scope(request: HttpRequest, text: str) -> str:
    """Return why this user may not import the licence in `text`, by its platform; "" if allowed, or the text is bad."""
    try:
        platform = preview_licence(own_platform(), text).licence.platform
    except BadLicence:
        return ""  # the page says why
    user = request.user
    if (
        user.is_superuser
        or Domain.objects.filter(rows_in_scope(user, ("moid",)), pk=platform).exists()
    ):
        return ""
    return gettext("It is for the platform %s, which is not one of yours.") % platform


def _revoke(row: Licence) -> bool:
    """Revoke the licence of a row; return whether that changed anything."""
    return revoke_licence(own_platform(), row.platform, row.issue)


@admin.register(Quota)
class QuotaAdmin(ReadOnlyAdmin[Quota]):
    """Define the admin page of how many conferences each platform and user domain has in use, and may have."""

    empty_words = _("Platforms and tenants are listed here from their first conference on.")
    scope = ("owner",)
    list_display = ["domain", "small", "large", "owner"]
    search_fields = ["=owner"]
    search_help_text = _("MOID of a platform or user domain")
    ordering = ["owner"]
    fields = ["owner", "small_used", "large_used"]

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add to each listed row the name of its domain, and how many conferences the domain may have."""
        owners = [row.owner for row in rows]
        names = dict(Domain.objects.filter(pk__in=owners).values_list("pk", "name"))
        limits = limits_of(UserDomain.objects.in_bulk(owners), owners)
        for row in rows:
            row.name, row.limits = names.get(row.owner, ""), limits[row.owner]

    @admin.display(description=_("domain"))
    def domain(self, quota: Quota) -> str:
        """Return the name of the platform or user domain whose conferences are counted."""
        return getattr(quota, "name", "") or quota.owner

    @admin.display(description=_("small conferences"), ordering="small_used")
    def small(self, quota: Quota) -> SafeString:
        """Return a bar that shows how many of the allowed small conferences are in use."""
        return bar(quota.small_used, getattr(quota, "limits", (None, None))[0])

    @admin.display(description=_("large conferences"), ordering="large_used")
    def large(self, quota: Quota) -> SafeString:
        """Return a bar that shows how many of the allowed large conferences are in use."""
        return bar(quota.large_used, getattr(quota, "limits", (None, None))[1])

"""Define the operators' pages of templates, virtual rooms and registered numbers.

They save and delete by the same flow as messages and the HTTP API. It reserves the conference numbers (E.164) of
templates and virtual rooms, and notifies the number registries (UPU).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

import orjson
from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from conferences.api.request_parsing import conference_name
from conferences.data import queries
from conferences.data.platform_resolver import platforms_of_numbers
from conferences.data.stored_rows import from_row
from conferences.flows import templates as flow
from conferences.flows.templates import StoredRefused
from conferences.models import (
    STORED_PATHS,
    PersonalTemplate,
    PublicTemplate,
    RegisteredNumber,
    VirtualRoom,
)
from conferences.models.templates import StoredConference as StoredRow
from conferences.pages.tenant_admin import TenantAdmin, TenantForm
from conferences.rules.stored import Changes, Draft, Fields, Kind, StoredConference
from domains.models import Account, Level
from foundation.cells.directory import own_platform
from foundation.web.admin_base import ReadOnlyAdmin, badge
from foundation.web.errors import Refusal
from wire.conference_settings import ConferenceSettings
from wire.fields import MAX_MINUTES, SIZES

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

S = TypeVar("S", bound=StoredRow)
_PATHS_AT: dict[int, tuple[str, ...]] = {
    Level.USER: STORED_PATHS[:1],
    Level.PLATFORM: STORED_PATHS[1:],
}
_SHOWN = ("duration", "places", "resolution", "auto_end", "record")
"""The settings of a conference that the form has, besides the password."""
_FORM_FIELDS = Fields("name", "name", "e164", "tenant", "owner")


def to_stored(row: StoredRow) -> StoredConference:
    """Return the template or virtual room that is stored in a row."""
    return from_row(orjson.dumps(row.detail))


class StoredForm(TenantForm):
    """Define the form of a template or virtual room: its name and number, and the settings of its conference."""

    password = forms.RegexField(
        r"^[A-Za-z0-9_.]*$", max_length=16, required=False, label=_("password")
    )
    duration = forms.IntegerField(
        min_value=0, max_value=MAX_MINUTES, initial=240, label=_("minutes (0: no end)")
    )
    places = forms.TypedChoiceField(
        choices=[(size, str(size)) for size in SIZES], coerce=int, label=_("places")
    )
    resolution = forms.ChoiceField(
        choices=[("720p", "720p"), ("1080p", "1080p")], label=_("picture")
    )
    auto_end = forms.BooleanField(required=False, label=_("ends when everybody has gone"))
    record = forms.BooleanField(required=False, label=_("recorded"))

    class Meta:
        fields: ClassVar[Sequence[str]] = ("name", "e164")

    def clean_name(self) -> str:
        """Return the name; refuse one that a conference may not have."""
        try:
            return conference_name(self.cleaned_data["name"])
        except Refusal as refusal:
            raise forms.ValidationError(refusal.description) from None

    def clean_e164(self) -> str:
        """Return the number; refuse other characters than digits, and a number of another platform."""
        number: str = self.cleaned_data["e164"] or ""
        if number and not (number.isascii() and number.isdigit()):
            raise forms.ValidationError(_("A number has digits only."))
        owner = platforms_of_numbers([number]).get(number) if "e164" in self.changed_data else None
        if owner not in (None, own_platform()):
            raise forms.ValidationError(_("This number belongs to another platform."))
        return number

    def validate_unique(self) -> None:
        """Do nothing: the function that saves checks that name and number are unique."""

    def settings(self, before: ConferenceSettings | None) -> ConferenceSettings:
        """Return the conference settings that the filled-in form gives.

        `before`: the former ones; `None` for a new template.
        """
        data = self.cleaned_data
        former = before or ConferenceSettings(name=data["name"])
        values = {name: getattr(former, name) for name in former.__struct_fields__}
        values |= {key: data[key] for key in ("password", *_SHOWN)}
        values["name"] = data["name"] if "name" in self.changed_data else former.name
        return ConferenceSettings(**values)


class StoredAdmin(TenantAdmin[S]):
    """Define the base of the pages of public templates, personal templates and virtual rooms."""

    kind: ClassVar[Kind]
    refusal = StoredRefused
    form = StoredForm
    form_only = ("tenant", "password", *_SHOWN)
    scope = STORED_PATHS
    scope_at = _PATHS_AT
    list_display = ["name", "e164", "tenant_name", "made_by", "changed_at"]
    sortable_by = ["name", "e164"]
    search_fields = ["^name", "^e164"]
    search_help_text = _("beginning of the name, or of the number")
    ordering = ["name"]
    fields = [
        ("name", "e164"),
        ("tenant", "password"),
        ("places", "duration"),
        ("resolution",),
        ("auto_end", "record"),
    ]

    def enrich(self, rows: Sequence[S]) -> None:
        """Add to each row the names of its user domain (tenant) and of its owner, in two queries."""
        super().enrich(rows)
        makers = Account.objects.filter(moid__in={row.owner for row in rows if row.owner})
        people = {account.moid: str(account) for account in makers}
        for row in rows:
            vars(row)["made_by"] = people.get(row.owner, row.owner) or "–"

    @admin.display(description=_("made by"))
    def made_by(self, row: StoredRow) -> str:
        """Return the name of the account that made the template or virtual room."""
        return str(vars(row)["made_by"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[S]:
        """Return the rows of templates or virtual rooms; a list does not read the large column `detail`."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and str(match.url_name).endswith("_changelist")
        # An action (POST) on chosen rows of the list does read `detail`.
        return rows.defer("detail") if is_list and request.method == "GET" else rows

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> S | None:
        """Return the row of a template or virtual room with its settings as attributes; `None` if there is none.

        The page shows the attributes to people who may not edit it; of a password it shows only whether there is one.
        """
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            settings = to_stored(row).settings
            row.__dict__ |= {name: getattr(settings, name) for name in _SHOWN}
            row.__dict__["password"] = _("set") if settings.password else _("none")
        return row

    def get_form(
        self, request: HttpRequest, obj: S | None = None, **kwargs: object
    ) -> type[TenantForm]:
        """Return the form of a template or virtual room, filled with its present settings."""
        form = super().get_form(request, obj, **kwargs)
        if number := form.base_fields.get("e164"):
            number.help_text = _("Empty: any free number.")
        if obj is not None:
            settings = to_stored(obj).settings
            for name in ("password", *_SHOWN):
                form.base_fields[name].initial = getattr(settings, name)
        return form

    # ---- saving and deleting, by the flow ---------------------------------------------------

    def save_model(self, request: HttpRequest, obj: S, form: StoredForm, change: bool) -> None:
        """Save a template or virtual room by the functions of the HTTP API, and set the id and number that it got."""
        stored = self._change(obj, form) if change else self._create(request, form)
        obj.pk, obj.e164 = stored.id, stored.e164 or None
        obj.refresh_from_db()

    def _create(self, request: HttpRequest, form: StoredForm) -> StoredConference:
        """Create a template or virtual room by the HTTP API's function from the filled-in form, and return it.

        Raises StoredRefused.
        """
        data, person = form.cleaned_data, request.user
        assert isinstance(person, Account)
        draft = Draft(
            kind=self.kind,
            name=data["name"],
            user_domain=data["tenant"].pk,
            settings=form.settings(None),
            owner=person.moid,
            owner_name=str(person)[:64],
            e164=data["e164"] or None,
        )
        return flow.create_stored(own_platform(), draft, _FORM_FIELDS)

    def _change(self, obj: S, form: StoredForm) -> StoredConference:
        """Change a template or virtual room (`obj`) by the HTTP API's function as the form says, and return it.

        Raises StoredRefused.
        """
        data, changed = form.cleaned_data, form.changed_data
        changes = Changes(
            name=data["name"],
            settings=form.settings(to_stored(obj).settings),
            # `None` keeps the number: an emptied field of the form does not take it away.
            e164=data["e164"] if "e164" in changed and data["e164"] else None,
        )
        return flow.update_stored(own_platform(), obj.pk, obj.user_domain, changes, _FORM_FIELDS)

    def delete_by_flow(self, obj: S) -> None:
        """Delete a template or virtual room by the same function as the HTTP API. Raises StoredRefused."""
        flow.delete_stored(own_platform(), obj.pk, obj.user_domain, _FORM_FIELDS)


@admin.register(PublicTemplate)
class PublicTemplateAdmin(StoredAdmin[PublicTemplate]):
    """Define the admin page of public templates."""

    kind = Kind.PUBLIC
    empty_words = _("Templates that everybody of a tenant may use are kept here.")


@admin.register(PersonalTemplate)
class PersonalTemplateAdmin(StoredAdmin[PersonalTemplate]):
    """Define the admin page of people's own templates, which administrators may see and delete."""

    kind = Kind.PERSONAL
    empty_words = _("Templates that people have made for themselves are kept here.")


@admin.register(VirtualRoom)
class VirtualRoomAdmin(StoredAdmin[VirtualRoom]):
    """Define the admin page of virtual rooms."""

    kind = Kind.ROOM
    list_display = ["name", "e164", "held", "tenant_name", "made_by", "changed_at"]
    empty_words = _("Rooms with a permanent number are kept here.")

    def enrich(self, rows: Sequence[VirtualRoom]) -> None:
        """Add to each row whether a conference is held in the room, besides tenant and owner."""
        super().enrich(rows)
        held = queries.live_names("default", [row.e164 for row in rows if row.e164])
        for row in rows:
            vars(row)["is_held"] = row.e164 in held

    @admin.display(description=_("state"))
    def held(self, row: StoredRow) -> SafeString:
        """Return a badge that says whether a conference is held in the room."""
        return badge(_("held now"), "green") if vars(row)["is_held"] else badge(_("idle"), "grey")


@admin.register(RegisteredNumber)
class RegisteredNumberAdmin(ReadOnlyAdmin[RegisteredNumber]):
    """Define the admin page of the entries of this site's number registry."""

    empty_words = _("With the role upu, numbers are listed here as schedulers tell of them.")
    scope = ("user_domain", "platform")
    scope_at = {Level.USER: ("user_domain",), Level.PLATFORM: ("platform",)}
    list_display = ["e164", "name", "conftype", "what_now", "user_domain", "platform", "told_at"]
    list_filter = ["running"]
    search_fields = ["^e164"]
    search_help_text = _("beginning of the number")
    ordering = ["e164"]
    fields = ["e164", "name", "conftype", "state", "user_domain", "platform", "told_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredNumber]:
        """Return the entries of the number registry that are not deleted."""
        return super().get_queryset(request).filter(gone=False)

    @admin.display(description=_("state"))
    def what_now(self, row: RegisteredNumber) -> SafeString:
        """Return a badge: a conference runs under the number, or it is kept for one (`idle`, `booked`)."""
        return badge(row.state, "green" if row.running else "grey")

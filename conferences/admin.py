"""The operators' pages of conferences, call records and numbers: they only read state, and their actions call flows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import redis
from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from conferences.data import row_mapper
from conferences.data.pool_view import placement_reasons
from conferences.flows import due, move
from conferences.models import PATHS, PATHS_AT, CallRecord, Conference, Number
from conferences.pages import (
    area_admin,
    conference_details,
    recording_admin,
    recording_rule_admin,
    reservation_admin,
    stored_admin,
    unit_admin,
)
from conferences.rules import states
from conferences.rules.states import ConferenceState, EndReason
from domains.models import Domain
from foundation import clock
from foundation.cells.directory import own_platform
from foundation.web import audit
from foundation.web.admin_base import ReadOnlyAdmin, badge, table
from foundation.web.scoping import SITE

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices
    from django_stubs_ext import StrOrPromise

__all__ = [
    "area_admin",
    "recording_admin",
    "recording_rule_admin",
    "reservation_admin",
    "stored_admin",
    "unit_admin",
]

COLOURS = {
    ConferenceState.CREATING: "blue",
    ConferenceState.RUNNING: "green",
    ConferenceState.PENDING_RESTORE: "red",
    ConferenceState.RESTORING: "amber",
    ConferenceState.ENDED: "grey",
}
LIVE_STATES = [state for state in ConferenceState if state is not ConferenceState.ENDED]


def to_conference(row: Conference) -> states.Conference:
    """Return the conference that is stored in a row."""
    return row_mapper.from_row((orjson.dumps(row.detail),))


class StateFilter(admin.SimpleListFilter):
    """The filter by state; without a choice all live conferences are shown."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, StrOrPromise]]:
        """Return the states of live conferences as choices; ended conferences have a page of their own."""
        return [(state.value, state.value) for state in LIVE_STATES]

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        """Return the choices of the filter, with "live" in the place of "all"."""
        choices = super().choices(changelist)
        yield {**next(choices), "display": _("live")}
        yield from choices

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Conference]
    ) -> QuerySet[Conference]:
        """Return the conferences in the chosen state, or all that have not ended."""
        if self.value() in LIVE_STATES:
            return queryset.filter(state=self.value())
        return queryset.filter(state__in=[state.value for state in LIVE_STATES])


class ReasonFilter(admin.SimpleListFilter):
    """Define the filter by the reason of the end. It finds the last seven days only, as more would be slow."""

    title = _("reason (last 7 days)")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, StrOrPromise]]:
        """Return all reasons for which a conference ends as choices of the filter."""
        return [(reason.value, reason.value) for reason in EndReason]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Conference]
    ) -> QuerySet[Conference]:
        """Return the conferences that ended for the chosen reason in the last seven days."""
        if not self.value():
            return queryset
        since = clock.now() - timedelta(days=7)
        return queryset.filter(end_reason=self.value(), ended_at__gt=since)


class TenantNames(ReadOnlyAdmin[Conference]):
    """The base of the pages of conferences and call records, which name the user domain (tenant) of each."""

    scope = PATHS
    scope_at = PATHS_AT

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add the name of its user domain to each row, in one query."""
        moids = {row.user_domain for row in rows}
        names = dict(Domain.objects.filter(pk__in=moids).values_list("pk", "name"))
        for row in rows:
            row.tenant_name = names.get(row.user_domain, row.user_domain)

    @admin.display(description=_("tenant"))
    def tenant(self, row: Conference) -> str:
        """Return the name of the conference's user domain."""
        if not hasattr(row, "tenant_name"):
            self.enrich([row])
        return str(row.tenant_name)  # type: ignore[attr-defined]  # added to each row by the page

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conference]:
        """Return the conferences; a list does not read the large column `detail`."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and str(match.url_name).endswith("_changelist")
        # An action (POST) on chosen rows of the list does read `detail`.
        return rows.defer("detail") if is_list and request.method == "GET" else rows

    @admin.display(description=_("unit"))
    def unit(self, row: Conference) -> str:
        """Return the address of the media unit on which the conference runs, or ran last."""
        return f"{row.unit_ip}:{row.unit_pid}" if row.unit_pid else row.unit_ip or "–"


@admin.register(Conference)
class ConferenceAdmin(TenantNames):
    """The admin page of live conferences, with actions to end or move them."""

    empty_words = _("Conferences that people or programs start are listed here while they run.")
    list_display = ["e164", "name", "badge", "tenant", "unit", "places", "created_at", "ends_at"]
    list_filter = [StateFilter]
    sortable_by = list_display
    search_fields = ["e164"]
    search_help_text = _("number (its beginning), name (its beginning), or meeting id")
    ordering = ["-created_at"]
    actions = ["end", "move"]
    actions_detail = ["end_this", "move_this"]
    fields = [
        ("e164", "name"),
        ("badge", "end_reason"),
        ("tenant", "creator"),
        ("unit", "incarnation"),
        "why_there",
        ("created_at", "started"),
        ("ends_at", "ended_at"),
        ("size", "locked"),
        ("shortnum", "confid"),
        "hosting_platform",
        "join_info",
        "people",
        "monitored",
        "units_used",
    ]
    readonly_fields = ["badge", "tenant", "creator", "unit", "why_there", "started", "size"]
    readonly_fields += ["locked", "join_info", "people", "monitored", "units_used"]

    def find(
        self, request: HttpRequest, queryset: QuerySet[Conference], term: str
    ) -> QuerySet[Conference]:
        """Return the conferences found by a search term: id, or beginning of number or name; each has an index."""
        if _is_conference_id(term):
            return queryset.filter(confid=term)
        return queryset.filter(Q(e164__istartswith=term) | Q(name__istartswith=term))

    @admin.display(description=_("state"), ordering="state")
    def badge(self, row: Conference) -> SafeString:
        """Return the state of the conference as a coloured badge."""
        return badge(row.state, COLOURS[ConferenceState(row.state)])

    # ---- the page of one conference ---------------------------------------------------------

    @admin.display(description=_("created by"))
    def creator(self, row: Conference) -> str:
        """Return the name or MOID of the account that asked for the conference."""
        return to_conference(row).creator_name or row.creator_moid or "–"

    @admin.display(description=_("why this unit"))
    def why_there(self, row: Conference) -> str:
        """Return why the pool of media units in Redis chose this unit, or that Redis is away.

        The reason is kept for some days.
        """
        try:
            return placement_reasons(own_platform(), [row.e164])[0] or "–"
        except redis.RedisError:
            return str(_("Redis is away"))

    @admin.display(description=_("started"))
    def started(self, row: Conference) -> str:
        """Return the time at which the first media unit started the conference."""
        moment = to_conference(row).started_at
        return date_format(moment, "DATETIME_FORMAT") if moment else "–"

    @admin.display(description=_("size"))
    def size(self, row: Conference) -> str:
        """Return how many places the conference has, its resolution and whether it is recorded."""
        return conference_details.describe_size(to_conference(row))

    @admin.display(description=_("password"))
    def locked(self, row: Conference) -> str:
        """Return whether the conference has a password; the password itself is never shown."""
        return str(_("set") if to_conference(row).password else _("none"))

    @admin.display(description=_("how to join"))
    def join_info(self, row: Conference) -> str:
        """Return the ways to enter the conference, without pin and token: only those who enter get them."""
        return conference_details.join_without_secrets(to_conference(row).join) or "–"

    @admin.display(description=_("members"))
    def people(self, row: Conference) -> SafeString:
        """Return a table of the conference's members with the times of joining and leaving."""
        head = [_("member"), _("from"), _("until")]
        return table(head, conference_details.member_rows(to_conference(row)))

    @admin.display(description=_("monitored"))
    def monitored(self, row: Conference) -> SafeString:
        """Return a table of the conference's monitors: whose sound or picture is sent to which address."""
        head = [_("member"), _("what is sent"), _("to"), _("unless kept alive, until")]
        return table(head, conference_details.monitor_rows(to_conference(row)))

    @admin.display(description=_("units used"))
    def units_used(self, row: Conference) -> SafeString:
        """Return a table of the media units on which the conference ran, with the times."""
        head = [_("unit"), _("from"), _("until")]
        return table(head, conference_details.unit_rows(to_conference(row)))

    # ---- actions ----------------------------------------------------------------------------

    def has_move_permission(self, request: HttpRequest, obj: Conference | None = None) -> bool:
        """Return whether the user may move conferences; this also needs the right to operate media units."""
        may_operate_units = request.user.has_perm("conferences.operate_resourceunit")
        return may_operate_units and self.has_operate_permission(request, obj)

    @admin.action(description=_("End"), permissions=["operate"])
    def end(self, request: HttpRequest, queryset: QuerySet[Conference]) -> HttpResponse | None:
        """Ask the operator to confirm, and then end the chosen conferences. Returns the page that asks.

        `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _("Everybody in them is cut off; an ended conference does not come back.")
        page = self.confirm(request, chosen, "end", _("End these conferences?"), warning)
        if page is None:
            self.carry_out(request, chosen, _("Ended by an operator"), _end_conference)
        return page

    @admin.action(description=_("Move to another unit"), permissions=["move"])
    def move(self, request: HttpRequest, queryset: QuerySet[Conference]) -> HttpResponse | None:
        """Ask the operator to confirm, and then move running conferences to other media units.

        Returns the page that asks; `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _(
            "Each leaves its unit and is restored on another one; its members are"
            " interrupted for a second or two, and join again by themselves."
        )
        title = _("Move these conferences to another unit?")
        page = self.confirm(request, chosen, "move", title, warning)
        if page is None:
            self.carry_out(request, chosen, _("Moved to another unit"), _move_conference)
        return page

    @action(description=_("End"), url_path="end", permissions=["operate"], icon="call_end")  # type: ignore[untyped-decorator]  # Unfold's decorator has no types
    def end_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """End the conference whose page is shown. Returns the page that asks first; `None` once it is done."""
        return self.end(request, self.get_queryset(request).filter(pk=object_id))

    @action(description=_("Move"), url_path="move", permissions=["move"], icon="move_up")  # type: ignore[untyped-decorator]  # Unfold's decorator has no types
    def move_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Move the conference whose page is shown to another media unit. Returns the page that asks first.

        `None` once it is done.
        """
        return self.move(request, self.get_queryset(request).filter(pk=object_id))


def _end_conference(row: Conference) -> bool:
    """End the conference of a row; return False if it is not live any more."""
    return _is_live(row) and due.end_conference_now(own_platform(), row.e164, EndReason.RELEASED)


def _move_conference(row: Conference) -> bool:
    """Move the conference of a row to another media unit; return False if it does not run any more."""
    return _is_live(row) and move.move_conference(own_platform(), row.e164)


def _is_live(row: Conference) -> bool:
    """Return whether the row's conference still has its number; a later conference may have it by now."""
    return Conference.objects.filter(pk=row.pk, live_e164=row.e164).exists()


def _is_conference_id(term: str) -> bool:
    """Return whether a search term has the form of a conference's id (`confid`), a UUID."""
    try:
        uuid.UUID(term)
    except ValueError:
        return False
    return True


@admin.register(CallRecord)
class CallRecordAdmin(TenantNames):
    """The admin page of call records, which are ended conferences."""

    empty_words = _("Each conference that has ended leaves a record here.")
    list_display = ["e164", "name", "tenant", "created_at", "ended_at", "reason", "unit", "places"]
    search_fields = ["e164"]
    search_help_text = _("number, or meeting id")
    list_filter = [ReasonFilter]
    ordering = ["-ended_at"]
    actions = ["export"]
    fields = [name for name in ConferenceAdmin.fields if name != "monitored"]
    readonly_fields = [name for name in ConferenceAdmin.readonly_fields if name != "monitored"]
    badge = ConferenceAdmin.badge
    creator = ConferenceAdmin.creator
    why_there = ConferenceAdmin.why_there
    started = ConferenceAdmin.started
    size = ConferenceAdmin.size
    locked = ConferenceAdmin.locked
    join_info = ConferenceAdmin.join_info
    people = ConferenceAdmin.people
    units_used = ConferenceAdmin.units_used

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conference]:
        """Return the ended conferences, which are the call records."""
        return super().get_queryset(request).filter(ended_at__isnull=False)

    def find(
        self, request: HttpRequest, queryset: QuerySet[Conference], term: str
    ) -> QuerySet[Conference]:
        """Return the call records found by a search term: number or id.

        There may be millions, so there is no search by name.
        """
        condition = Q(confid=term) if _is_conference_id(term) else Q(e164=term)
        return queryset.filter(condition)

    @admin.display(description=_("reason"))
    def reason(self, row: Conference) -> SafeString:
        """Return a badge with the reason why the conference ended."""
        is_failure = row.end_reason in (EndReason.CREATE_FAILED, EndReason.MCU_LOST)
        return badge(row.end_reason, "red" if is_failure else "grey")

    @admin.action(description=_("Export as CSV"), permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Conference]) -> StreamingHttpResponse:
        """Export the chosen call records as CSV, row by row, as the file may be larger than memory."""
        audit.log_action(CallRecord(confid=""), _("Exported as CSV"), LogEntry.Action.ACCESS)
        conferences = map(to_conference, queryset.iterator(chunk_size=500))
        return StreamingHttpResponse(
            conference_details.csv_lines(conferences),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="call-records.csv"'},
        )


@admin.register(Number)
class NumberAdmin(ReadOnlyAdmin[Number]):
    """Define the admin page of all conference numbers that were ever used."""

    empty_words = _("Numbers are listed here from the first conference on that has had them.")
    scope = (SITE,)
    list_display = ["e164", "in_use", "incarnation"]
    list_filter = ["taken"]
    search_fields = ["^e164"]
    ordering = ["e164"]

    @admin.display(description=_("in use"), ordering="taken")
    def in_use(self, number: Number) -> SafeString:
        """Return a badge that says whether a conference has the number."""
        return badge(_("taken"), "green") if number.taken else badge(_("free"), "grey")

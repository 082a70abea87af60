"""These are the operators' pages of conferences, call records and numbers.

The pages only read state; their actions call flows.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
import redis
from auditlog.models import LogEntry
from django.contrib import admin
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
from conferences.pages import conference_details, unit_admin
from conferences.rules import states
from conferences.rules.states import ConferenceState, EndReason
from domains.models import Domain
from foundation import clock
from foundation.cells.directory import own_platform
from foundation.web import audit
from foundation.web.admin_base import ReadOnlyAdmin, badge, table
from foundation.web.scoping import SITE

__all__ = ["unit_admin"]

COLOURS = {
    ConferenceState.CREATING: "blue",
    ConferenceState.RUNNING: "green",
    ConferenceState.PENDING_RESTORE: "red",
    ConferenceState.RESTORING: "amber",
    ConferenceState.ENDED: "grey",
}
LIVE = [state for state in ConferenceState if state is not ConferenceState.ENDED]


def conference_in(row: Conference) -> states.Conference:
    """Return the conference that a row holds."""
    return row_mapper.from_row((orjson.dumps(row.detail),))


class StateFilter(admin.SimpleListFilter):
    """The filter shows the live conferences unless one state is chosen."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states of live conferences; ended ones have a page of their own."""
        return [(state.value, state.value) for state in LIVE]

    def choices(self, changelist: Any) -> Any:
        """Return the choices, with "live" in the place of "all"."""
        choices = super().choices(changelist)
        yield {**next(choices), "display": _("live")}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the conferences in the chosen state, or all that have not ended."""
        if self.value() in LIVE:
            return queryset.filter(state=self.value())
        return queryset.filter(state__in=[state.value for state in LIVE])


class ReasonFilter(admin.SimpleListFilter):
    """The filter chooses by reason of the end, in the last seven days.

    More could not be searched quickly.
    """

    title = _("reason (last 7 days)")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return all reasons for which a conference ends."""
        return [(reason.value, reason.value) for reason in EndReason]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the conferences that ended for the chosen reason in the last seven days."""
        if not self.value():
            return queryset
        since = clock.now() - timedelta(days=7)
        return queryset.filter(end_reason=self.value(), ended_at__gt=since)


class TenantNames(ReadOnlyAdmin):
    """The base of the lists that name the tenant of each conference."""

    scope = PATHS
    scope_at = PATHS_AT

    def enrich(self, rows: Sequence[Any]) -> None:
        """Read the names of the tenants on this page in one query."""
        wanted = {row.user_domain for row in rows}
        names = dict(Domain.objects.filter(pk__in=wanted).values_list("pk", "name"))
        for row in rows:
            row.tenant_name = names.get(row.user_domain, row.user_domain)

    @admin.display(description=_("tenant"))
    def tenant(self, row: Conference) -> str:
        """Return the name of the conference's user domain."""
        if not hasattr(row, "tenant_name"):
            self.enrich([row])
        return str(row.tenant_name)  # type: ignore[attr-defined]  # added to each row by the page

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the conferences; a list leaves the detail out, which is most of a row."""
        rows: QuerySet[Any] = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and str(match.url_name).endswith("_changelist")
        return rows.defer("detail") if is_list and request.method == "GET" else rows

    @admin.display(description=_("unit"))
    def unit(self, row: Conference) -> str:
        """Return the unit on which the conference runs, or ran last."""
        return f"{row.unit_ip}:{row.unit_pid}" if row.unit_pid else row.unit_ip or "–"


@admin.register(Conference)
class ConferenceAdmin(TenantNames):
    """The page shows the conferences that live now."""

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
        "units_used",
    ]
    readonly_fields = ["badge", "tenant", "creator", "unit", "why_there", "started", "size"]
    readonly_fields += ["locked", "join_info", "people", "units_used"]

    def find(self, request: HttpRequest, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Find conferences by number, name or id, each with its index."""
        if _is_id(term):
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
        return conference_in(row).creator_name or row.creator_moid or "–"

    @admin.display(description=_("why this unit"))
    def why_there(self, row: Conference) -> str:
        """Return why the pool chose the unit, as long as the pool remembers it."""
        try:
            return placement_reasons(own_platform(), [row.e164])[0] or "–"
        except redis.RedisError:
            return str(_("Redis is away"))

    @admin.display(description=_("started"))
    def started(self, row: Conference) -> Any:
        """Return when the first unit started the conference."""
        moment = conference_in(row).started_at
        return date_format(moment, "DATETIME_FORMAT") if moment else "–"

    @admin.display(description=_("size"))
    def size(self, row: Conference) -> str:
        """Return the places, the resolution and whether the conference is recorded."""
        return conference_details.size(conference_in(row))

    @admin.display(description=_("password"))
    def locked(self, row: Conference) -> str:
        """Tell whether a password is set; the password itself is never shown."""
        return str(_("set") if conference_in(row).password else _("none"))

    @admin.display(description=_("how to join"))
    def join_info(self, row: Conference) -> str:
        """Return the ways to join, without pin and token: only those who join get them."""
        return conference_details.join_without_secrets(conference_in(row).join) or "–"

    @admin.display(description=_("members"))
    def people(self, row: Conference) -> SafeString:
        """Return a table of the members with the times of joining and leaving."""
        head = [_("member"), _("from"), _("until")]
        return table(head, conference_details.members(conference_in(row)))

    @admin.display(description=_("units used"))
    def units_used(self, row: Conference) -> SafeString:
        """Return a table of the units on which the conference ran, with the times."""
        head = [_("unit"), _("from"), _("until")]
        return table(head, conference_details.units(conference_in(row)))

    # ---- actions ----------------------------------------------------------------------------

    def has_move_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether somebody may move conferences: only who may operate the units, too."""
        units = request.user.has_perm("conferences.operate_resourceunit")
        return units and self.has_operate_permission(request, obj)

    @admin.action(description=_("End"), permissions=["operate"])
    def end(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """End conferences, after a question to the operator."""
        chosen = self.chosen(queryset)
        warning = _("Everybody in them is cut off; an ended conference does not come back.")
        page = self.confirm(request, chosen, "end", _("End these conferences?"), warning)
        if page is None:
            self.carry_out(request, chosen, _("Ended by an operator"), _end)
        return page

    @admin.action(description=_("Move to another unit"), permissions=["move"])
    def move(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Move running conferences to other units, after a question to the operator."""
        chosen = self.chosen(queryset)
        warning = _(
            "Each leaves its unit and is restored on another one; its members are"
            " interrupted for a second or two, and join again by themselves."
        )
        title = _("Move these conferences to another unit?")
        page = self.confirm(request, chosen, "move", title, warning)
        if page is None:
            self.carry_out(request, chosen, _("Moved to another unit"), _move)
        return page

    @action(description=_("End"), url_path="end", permissions=["operate"], icon="call_end")  # type: ignore[untyped-decorator]  # Unfold's decorator has no types
    def end_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """End the conference whose page is shown."""
        return self.end(request, self.get_queryset(request).filter(pk=object_id))

    @action(description=_("Move"), url_path="move", permissions=["move"], icon="move_up")  # type: ignore[untyped-decorator]  # Unfold's decorator has no types
    def move_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Move the conference whose page is shown."""
        return self.move(request, self.get_queryset(request).filter(pk=object_id))


def _end(row: Conference) -> bool:
    return _lives(row) and due.end_now(own_platform(), row.e164, EndReason.RELEASED)


def _move(row: Conference) -> bool:
    return _lives(row) and move.move(own_platform(), row.e164)


def _lives(row: Conference) -> bool:
    """Tell whether this conference, and no later one, still has the number."""
    return Conference.objects.filter(pk=row.pk, live_e164=row.e164).exists()


def _is_id(term: str) -> bool:
    try:
        uuid.UUID(term)
    except ValueError:
        return False
    return True


@admin.register(CallRecord)
class CallRecordAdmin(TenantNames):
    """The page shows the records of ended conferences."""

    empty_words = _("Each conference that has ended leaves a record here.")
    list_display = ["e164", "name", "tenant", "created_at", "ended_at", "reason", "unit", "places"]
    search_fields = ["e164"]
    search_help_text = _("number, or meeting id")
    list_filter = [ReasonFilter]
    ordering = ["-ended_at"]
    actions = ["export"]
    fields = ConferenceAdmin.fields
    readonly_fields = ConferenceAdmin.readonly_fields
    badge = ConferenceAdmin.badge
    creator = ConferenceAdmin.creator
    why_there = ConferenceAdmin.why_there
    started = ConferenceAdmin.started
    size = ConferenceAdmin.size
    locked = ConferenceAdmin.locked
    join_info = ConferenceAdmin.join_info
    people = ConferenceAdmin.people
    units_used = ConferenceAdmin.units_used

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the ended conferences."""
        return super().get_queryset(request).filter(ended_at__isnull=False)

    def find(self, request: HttpRequest, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Find records by number or id: there may be millions, and names have no index."""
        wanted = Q(confid=term) if _is_id(term) else Q(e164=term)
        return queryset.filter(wanted)

    @admin.display(description=_("reason"))
    def reason(self, row: Conference) -> SafeString:
        """Return why the conference ended."""
        bad = row.end_reason in (EndReason.CREATE_FAILED, EndReason.MCU_LOST)
        return badge(row.end_reason, "red" if bad else "grey")

    @admin.action(description=_("Export as CSV"), permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Any]) -> StreamingHttpResponse:
        """Export the chosen records row by row, as the file may be larger than memory."""
        audit.say(CallRecord(confid=""), _("Exported as CSV"), LogEntry.Action.ACCESS)
        conferences = map(conference_in, queryset.iterator(chunk_size=500))
        return StreamingHttpResponse(
            conference_details.csv_lines(conferences),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="call-records.csv"'},
        )


@admin.register(Number)
class NumberAdmin(ReadOnlyAdmin):
    """The page shows the numbers that were ever used."""

    empty_words = _("Numbers are listed here from the first conference on that has had them.")
    scope = (SITE,)
    list_display = ["e164", "in_use", "incarnation"]
    list_filter = ["taken"]
    search_fields = ["^e164"]
    ordering = ["e164"]

    @admin.display(description=_("in use"), ordering="taken")
    def in_use(self, number: Number) -> SafeString:
        """Tell whether the number is taken or free."""
        return badge(_("taken"), "green") if number.taken else badge(_("free"), "grey")

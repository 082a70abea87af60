"""The operators' page of reservations, with an action to cancel them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from conferences.flows import reservations as flow
from conferences.models import STORED_PATHS, Occurrence, Reservation
from conferences.rules.reservation import ReservationState
from domains.models import Domain, Level
from foundation.web.admin_base import ReadOnlyAdmin, badge, table

PATHS_AT: dict[int, tuple[str, ...]] = {
    Level.USER: STORED_PATHS[:1],
    Level.PLATFORM: STORED_PATHS[1:],
}
if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MAX_SHOWN_OCCURRENCES = 100
_COLOURS = {
    ReservationState.LIVE: "green",
    ReservationState.OVER: "grey",
    ReservationState.CANCELLED: "red",
}


class LiveFilter(admin.SimpleListFilter):
    """The filter by state; without a choice, live reservations are shown."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, StrOrPromise]]:
        """Return the choices of the filter besides the live reservations."""
        return [("past", _("over or cancelled"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Reservation]
    ) -> QuerySet[Reservation]:
        """Return the live reservations, or those that are over or cancelled."""
        return queryset.filter(live_e164__isnull=self.value() == "past")


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin[Reservation]):
    """Define the admin page of reservations, which shows them with their occurrences and cancels them."""

    scope = STORED_PATHS
    scope_at = PATHS_AT
    empty_words = _("Conferences that people or programs have booked are listed here.")
    list_display = ["e164", "name", "badge", "tenant", "starts_at", "repeat", "next_date"]
    list_filter = [LiveFilter]
    search_fields = ["e164"]
    search_help_text = _("number (its beginning), or reservation id")
    ordering = ["-bookid"]
    actions = ["cancel"]
    actions_detail = ["cancel_this"]
    fields = [
        ("e164", "name"),
        ("badge", "bookid"),
        ("tenant", "creator"),
        ("starts_at", "timezone"),
        "repeat",
        ("size", "locked"),
        "occurrences",
    ]
    readonly_fields = ["badge", "tenant", "creator", "size", "locked", "occurrences"]

    def find(
        self, request: HttpRequest, queryset: QuerySet[Reservation], term: str
    ) -> QuerySet[Reservation]:
        """Return the reservations found by a search term: id, or beginning of the number; each has an index."""
        return queryset.filter(Q(bookid=term) | Q(live_e164__startswith=term))

    def enrich(self, rows: Sequence[Reservation]) -> None:
        """Add to each row the name of its user domain, and its next occurrence, in two queries."""
        moids = {row.user_domain for row in rows}
        names = dict(Domain.objects.filter(pk__in=moids).values_list("pk", "name"))
        planned = Occurrence.objects.filter(
            bookid__in=[row.bookid for row in rows], state="planned"
        ).order_by("-starts_at")
        # Of several occurrences of one reservation the last one stays in the dictionary, which is the earliest.
        following = dict(planned.values_list("bookid", "starts_at"))
        for row in rows:
            row.tenant_name = names.get(row.user_domain, row.user_domain)  # type: ignore[attr-defined]  # for the columns
            row.next_start = following.get(row.bookid)  # type: ignore[attr-defined]  # for the columns

    @admin.display(description=_("state"))
    def badge(self, row: Reservation) -> SafeString:
        """Return the state of the reservation as a coloured badge."""
        return badge(row.state, _COLOURS[ReservationState(row.state)])

    @admin.display(description=_("tenant"))
    def tenant(self, row: Reservation) -> str:
        """Return the name of the reservation's user domain."""
        if not hasattr(row, "tenant_name"):
            self.enrich([row])
        return str(row.tenant_name)  # type: ignore[attr-defined]  # added to each row by the page

    @admin.display(description=_("next date"))
    def next_date(self, row: Reservation) -> str:
        """Return the start of the next occurrence; "–" if there is none."""
        moment = getattr(row, "next_start", None)
        return date_format(moment, "DATETIME_FORMAT") if moment else "–"

    @admin.display(description=_("created by"))
    def creator(self, row: Reservation) -> str:
        """Return the name or MOID of the account that booked the reservation."""
        return str(row.detail.get("creator_name") or row.creator_moid or "–")

    @admin.display(description=_("size"))
    def size(self, row: Reservation) -> str:
        """Return how many places and minutes the reservation's conferences have, in a sentence."""
        settings = row.detail["settings"]
        words = {"places": settings["maxjoinedmt"], "minutes": settings["duration"]}
        return str(_("%(places)d places, %(minutes)d minutes") % words)

    @admin.display(description=_("password"))
    def locked(self, row: Reservation) -> str:
        """Return whether the reservation has a password; the password itself is never shown."""
        return str(_("set") if row.detail["settings"].get("confpwd") else _("none"))

    @admin.display(description=_("dates"))
    def occurrences(self, row: Reservation) -> SafeString:
        """Return a table of the reservation's latest MAX_SHOWN_OCCURRENCES occurrences, with their states."""
        occurrences = Occurrence.objects.filter(bookid=row.bookid).order_by("-starts_at")[
            :MAX_SHOWN_OCCURRENCES
        ]
        lines = [
            (
                date_format(occurrence.starts_at, "DATETIME_FORMAT"),
                date_format(occurrence.ends_at, "DATETIME_FORMAT"),
                occurrence.state,
                str(occurrence.detail.get("last_code") or ""),
            )
            for occurrence in occurrences
        ]
        return table([_("start"), _("end"), _("state"), _("error")], lines)

    # ---- actions ----------------------------------------------------------------------------

    @admin.action(description=_("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> HttpResponse | None:
        """Ask the operator to confirm, and then cancel reservations. Returns the page that asks.

        `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _(
            "None of their dates is held, and their numbers are free; those that run go on."
        )
        page = self.confirm(request, chosen, "cancel", _("Cancel these reservations?"), warning)
        if page is None:
            self.carry_out(request, chosen, _("Cancelled by an operator"), _cancel_reservation)
        return page

    @action(description=_("Cancel"), url_path="cancel", permissions=["operate"], icon="event_busy")  # type: ignore[untyped-decorator]  # Unfold's decorator has no types
    def cancel_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Cancel the reservation whose page is shown. Returns the page that asks first; `None` once it is done."""
        return self.cancel(request, self.get_queryset(request).filter(pk=object_id))


def _cancel_reservation(row: Reservation) -> bool:
    """Cancel the reservation of a row; return False if it is not live any more, or another site may write it now."""
    return flow.cancel_now(row.source_platform, row.bookid)

"""The operators' page of recordings: how far each is, what it takes, and an action that tries a failed film again."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from conferences.flows import make_films
from conferences.models import Recording, RecordingSegment
from conferences.rules.recordings import RecordingState
from domains.models import Domain, Level
from foundation.cells.directory import own_platform
from foundation.web.admin_base import ReadOnlyAdmin, badge, table

PATHS_AT: dict[int, tuple[str, ...]] = {
    Level.USER: ("user_domain",),
    Level.PLATFORM: ("source_platform",),
}
_COLOURS = {
    RecordingState.COLLECTING: "blue",
    RecordingState.QUEUED: "blue",
    RecordingState.RUNNING: "amber",
    RecordingState.DONE: "green",
    RecordingState.FAILED: "red",
    RecordingState.PURGED: "grey",
}


@admin.register(Recording)
class RecordingAdmin(ReadOnlyAdmin[Recording]):
    """Define the admin page of recordings. It shows no film: films are for the people of the conference alone."""

    scope = ("user_domain", "source_platform")
    scope_at = PATHS_AT
    empty_words = _("Recordings of conferences are listed here, once a media unit has made one.")
    list_display = ["e164", "name", "badge", "tenant", "begun_at", "size", "size_of_tenant"]
    list_filter = ["state"]
    search_fields = ["e164"]
    search_help_text = _("number (its beginning), or meeting id")
    ordering = ["-begun_at"]
    actions = ["try_again"]
    fields = [
        ("e164", "name"),
        ("badge", "progress"),
        ("tenant", "confid"),
        ("begun_at", "deleted_at"),
        ("size", "attempts"),
        "error",
        "segments",
    ]
    readonly_fields = ["badge", "tenant", "size", "segments"]

    def find(
        self, request: HttpRequest, queryset: QuerySet[Recording], term: str
    ) -> QuerySet[Recording]:
        """Return the recordings found by a search term: meeting id, or beginning of the number."""
        return queryset.filter(Q(confid=term) | Q(e164__startswith=term))

    def enrich(self, rows: Sequence[Recording]) -> None:
        """Add to each row the name of its user domain, and the bytes that all films of that domain take.

        It takes two queries, however many rows there are.
        """
        moids = {row.user_domain for row in rows}
        names = dict(Domain.objects.filter(pk__in=moids).values_list("pk", "name"))
        taken = Recording.objects.filter(user_domain__in=moids).values_list("user_domain")
        sums = dict(taken.annotate(Sum("film_bytes")).order_by())
        for row in rows:
            row.tenant_name = names.get(row.user_domain, row.user_domain)  # type: ignore[attr-defined]  # for the columns
            row.tenant_bytes = sums.get(row.user_domain, 0)  # type: ignore[attr-defined]  # for the columns

    @admin.display(description=_("state"))
    def badge(self, row: Recording) -> SafeString:
        """Return the state of the recording as a coloured badge."""
        return badge(row.state, _COLOURS[RecordingState(row.state)])

    @admin.display(description=_("tenant"))
    def tenant(self, row: Recording) -> str:
        """Return the name of the recording's user domain."""
        if not hasattr(row, "tenant_name"):
            self.enrich([row])
        return str(row.tenant_name)  # type: ignore[attr-defined]  # added to each row by the page

    @admin.display(description=_("size"))
    def size(self, row: Recording) -> str:
        """Return the size of the film as text for people."""
        return filesizeformat(row.film_bytes)

    @admin.display(description=_("all of the tenant"))
    def size_of_tenant(self, row: Recording) -> str:
        """Return the size of all films of the user domain, also of those in the wastebasket, as text for people."""
        return filesizeformat(row.tenant_bytes)  # type: ignore[attr-defined]  # added to each row by the page

    @admin.display(description=_("segments"))
    def segments(self, row: Recording) -> SafeString:
        """Return a table of a recording's segments: at which media unit each was recorded, and in which state it is."""
        rows = RecordingSegment.objects.filter(recording=row.pk).order_by("incarnation", "segment")
        lines = [
            (
                f"{segment.incarnation}-{segment.segment}",
                ":".join(filter(None, (segment.unit_ip, segment.unit_pid))),
                segment.state,
                filesizeformat(sum(file["size"] for file in segment.files)),
            )
            for segment in rows
        ]
        return table([_("segment"), _("unit"), _("state"), _("size")], lines)

    @admin.action(description=_("Try again"), permissions=["operate"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Recording]) -> None:
        """Queue those of the chosen recordings' films once more that have failed (an action of the admin page)."""
        self.carry_out(request, self.chosen(queryset), _("Film is tried again"), _try_again)


def _try_again(row: Recording) -> bool:
    """Queue the film of a recording once more; return False if it has not failed."""
    return make_films.try_again(own_platform(), row.pk)

"""The admin page of media units, recorders and mixers shows their rows, and their load from the pool in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import redis
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from conferences.data.pool import unit_here
from conferences.data.pool_view import Resource, load_resources, placed_on
from conferences.flows import units
from conferences.models import ResourceUnit
from domains.models import MachineRoom
from foundation.cells.directory import own_platform
from foundation.web.admin_base import ReadOnlyAdmin, badge, bar, table


@admin.register(ResourceUnit)
class ResourceUnitAdmin(ReadOnlyAdmin[ResourceUnit]):
    """Define the admin page of media units, recorders and mixers, with their present load."""

    empty_words = _(
        "Media units are listed here when they register: start an agent (docs/howto/attach-a-media-unit.md)."
    )
    scope = ("platform",)
    list_display = ["unit", "kind", "room_name", "state", "conferences", "ports", "hd", "heard"]
    list_filter = ["restype", "online", "draining"]
    search_fields = ["^ip", "=pid", "=room"]
    search_help_text = _("beginning of the address, instance, or MOID of the room")
    ordering = ["restype", "ip", "pid"]
    actions = ["drain", "put_back"]
    fields = [
        ("unit", "kind", "room_name"),
        ("state", "heard", "registered_at"),
        ("conferences", "ports", "hd"),
        ("free", "reported"),
        "placed",
    ]
    readonly_fields = ["unit", "kind", "room_name", "state", "heard", "conferences", "ports", "hd"]
    readonly_fields += ["free", "reported", "placed"]

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add to each row the unit's load from the pool in Redis (two round trips), and its machine room's name.

        While Redis is away the load is unknown.
        """
        try:
            resources = load_resources(own_platform())
        except redis.RedisError:
            resources = None
        names = dict(
            MachineRoom.objects.filter(pk__in={row.room for row in rows}).values_list("pk", "name")
        )
        for row in rows:
            row.pool_away = resources is None
            row.resource = (resources or {}).get((row.restype, unit_here(row.ip, row.pid)))
            row.room_label = names.get(row.room, row.room or _("default"))

    def _ensure_enriched(self, row: ResourceUnit) -> None:
        """Add load and room name to a media unit shown on its own page; in lists all rows have them already."""
        if not hasattr(row, "resource"):
            self.enrich([row])

    def _resource(self, row: Any) -> Resource | None:
        """Return the media unit of a row as the pool in Redis has it; `None` if it is not there, or without Redis."""
        self._ensure_enriched(row)
        resource: Resource | None = row.resource
        return resource

    @admin.display(description=_("unit"), ordering="ip")
    def unit(self, row: ResourceUnit) -> SafeString:
        """Return the address of the media unit; a simulated one has a badge that says so."""
        name = str(unit_here(row.ip, row.pid))
        if (row.labels or {}).get("simulated"):
            simulated = badge(_("simulated"), "violet")
            return format_html(
                '<span class="op-measure">{}{}</span>', badge(name, "plain"), simulated
            )
        return badge(name, "plain")

    @admin.display(description=_("type"), ordering="restype")
    def kind(self, row: ResourceUnit) -> str:
        """Return in words whether the row is a media unit, a recorder or a media processor."""
        names = {"mcu": _("media unit"), "vrs": _("recorder"), "mps": _("media processor")}
        return str(names.get(row.restype, row.restype))

    @admin.display(description=_("room"))
    def room_name(self, row: ResourceUnit) -> str:
        """Return the name of the machine room in which the unit stands."""
        self._ensure_enriched(row)
        return str(row.room_label)  # type: ignore[attr-defined]  # added to each row by the page

    @admin.display(description=_("state"))
    def state(self, row: ResourceUnit) -> SafeString:
        """Return a badge: the media unit is ready, draining, silent, avoided (lost within a minute) or lost."""
        resource = self._resource(row)
        if row.pool_away:  # type: ignore[attr-defined]  # added to each row by the page
            return badge(_("unknown: Redis is away"), "red")
        if resource is None or not row.online:
            return badge(_("lost"), "red")
        if row.draining or resource.draining:
            return badge(_("draining"), "amber")
        if resource.silent_seconds > 6:  # two heartbeats are missing
            return badge(_("silent"), "amber")
        return badge(_("avoided"), "amber") if resource.tired else badge(_("ready"), "green")

    @admin.display(description=_("conferences"))
    def conferences(self, row: ResourceUnit) -> SafeString:
        """Return how many conferences run on the media unit, and how many it can hold."""
        resource = self._resource(row)
        return bar(resource.confs.used, resource.confs.capacity) if resource else SafeString("–")

    @admin.display(description=_("ports"))
    def ports(self, row: ResourceUnit) -> SafeString:
        """Return how many ports of the media unit are in use, and how many it has."""
        resource = self._resource(row)
        return bar(resource.ports.used, resource.ports.capacity) if resource else SafeString("–")

    @admin.display(description=_("full HD"))
    def hd(self, row: ResourceUnit) -> SafeString:
        """Return how many full-HD conferences the media unit has, and how many it can hold."""
        resource = self._resource(row)
        return bar(resource.hd.used, resource.hd.capacity) if resource else SafeString("–")

    @admin.display(description=_("last heard"))
    def heard(self, row: ResourceUnit) -> str:
        """Return in words how long ago the media unit's last heartbeat came."""
        resource = self._resource(row)
        return str(_("%.0f s ago") % resource.silent_seconds) if resource else "–"

    @admin.display(description=_("free"))
    def free(self, row: ResourceUnit) -> str:
        """Return in words how many more conferences and ports fit on the media unit."""
        resource = self._resource(row)
        if resource is None:
            return "–"
        return str(_("%d conferences, %d ports") % (resource.confs.free, resource.ports.free))

    @admin.display(description=_("its own report"))
    def reported(self, row: ResourceUnit) -> str:
        """Return in words the load that the media unit itself reports.

        It may be more than our pool has placed there, if another scheduler uses the unit, too.
        """
        resource = self._resource(row)
        if resource is None:
            return "–"
        return str(_("%d conferences, %d ports") % (resource.confs.load, resource.ports.load))

    @admin.display(description=_("placed here"))
    def placed(self, row: ResourceUnit) -> SafeString:
        """Return a table of the conferences on the media unit, with the reasons why the pool in Redis chose it."""
        try:
            conferences_with_reasons = placed_on(
                own_platform(), row.restype, unit_here(row.ip, row.pid)
            )
        except redis.RedisError:
            return badge(_("Redis is away"), "red")
        return table([_("number"), _("why here")], conferences_with_reasons)

    # ---- actions ----------------------------------------------------------------------------

    @admin.action(description=_("Drain"), permissions=["operate"])
    def drain(self, request: HttpRequest, queryset: QuerySet[ResourceUnit]) -> HttpResponse | None:
        """Ask the operator to confirm, and then take media units out of service for new conferences.

        Returns the page that asks; `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _("They take no new conferences; those that run there go on.")
        page = self.confirm(request, chosen, "drain", _("Drain these units?"), warning)
        if page is None:
            done_text = _("Taken out of service (draining)")
            self.carry_out(request, chosen, done_text, partial(_set_draining, is_draining=True))
        return page

    @admin.action(description=_("Put back into service"), permissions=["operate"])
    def put_back(
        self, request: HttpRequest, queryset: QuerySet[ResourceUnit]
    ) -> HttpResponse | None:
        """Ask the operator to confirm, and then put media units back into service. Returns the page that asks.

        `None` once done.
        """
        chosen = self.chosen(queryset)
        warning = _("They take new conferences again.")
        title = _("Put these units back into service?")
        page = self.confirm(request, chosen, "put_back", title, warning)
        if page is None:
            done_text = _("Put back into service")
            self.carry_out(request, chosen, done_text, partial(_set_draining, is_draining=False))
        return page


def _set_draining(row: ResourceUnit, *, is_draining: bool) -> bool:
    """Take a media unit out of service for new conferences, or put it back; return whether anything changed."""
    if row.draining == is_draining:
        return False
    try:
        units.set_draining(own_platform(), row.restype, unit_here(row.ip, row.pid), is_draining)
    except redis.RedisError:
        # The row is changed already: the pool learns it with the unit's next heartbeat.
        return True
    return True

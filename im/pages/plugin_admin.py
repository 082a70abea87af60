"""Define the administrators' page of plugins: what runs, in which version, how it does; it switches them on and off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from foundation.web.admin_base import ReadOnlyAdmin, badge
from foundation.web.scoping import SITE
from im.data.plugins import health
from im.data.plugins.health import PluginState
from im.flows import admin_actions
from im.models import Plugin
from im.rules.plugins import Place

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@admin.register(Plugin)
class PluginAdmin(ReadOnlyAdmin[Plugin]):
    """Define the page of administrators that lists the plugins which a process of this site has used."""

    empty_words = _("Plugins are listed here when a process has started one that IM_PLUGINS names.")
    scope = (SITE,)
    list_display = ["name", "where", "version", "state", "waiting", "parked", "fault"]
    search_fields = ["^name"]
    ordering = ["name"]
    actions = ["switch_on", "switch_off"]
    fields = [("name", "version"), ("where", "state"), ("waiting", "parked"), "fault", "changed_at"]
    readonly_fields = ["where", "state", "waiting", "parked"]

    def enrich(self, rows: Sequence[Model]) -> None:
        """Add to each plugin on this page whether a process runs it, and how many messages wait or were set aside."""
        plugins = [row for row in rows if isinstance(row, Plugin)]
        known = health.plugin_states([row.name for row in plugins])
        for row in plugins:
            vars(row)["standing"] = known[row.name]

    def _state_of(self, row: Plugin) -> PluginState:
        """Return a plugin's state: as `enrich` has read it for a list, or read now, on a page of one plugin."""
        if "standing" not in vars(row):
            self.enrich([row])
        plugin_state: PluginState = vars(row)["standing"]
        return plugin_state

    @admin.display(description=_("place"))
    def where(self, row: Plugin) -> StrOrPromise:
        """Return whether the plugin sees messages before or after they are stored."""
        return _("after storing") if row.place == Place.PROCESS else _("before storing")

    @admin.display(description=_("state"))
    def state(self, row: Plugin) -> SafeString:
        """Return whether the plugin is switched on, and works, as a badge."""
        if row.fault:
            return badge(_("put out"), "red")
        if not row.is_on:
            return badge(_("switched off"), "grey")
        if row.place == Place.PROCESS and not self._state_of(row).runs:
            return badge(_("no process runs it"), "amber")
        return badge(_("works"), "green")

    @admin.display(description=_("waiting"))
    def waiting(self, row: Plugin) -> int:
        """Return how many messages wait for the plugin."""
        return self._state_of(row).waiting

    @admin.display(description=_("parked"))
    def parked(self, row: Plugin) -> int:
        """Return on how many messages the plugin has failed, which were set aside."""
        return self._state_of(row).parked

    @admin.action(description=_("Switch on"), permissions=["operate"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Plugin]) -> HttpResponse | None:
        """Ask the operator to confirm, and then switch plugins on; they no longer count as faulty.

        Returns the page that asks; `None` once it is done.
        """
        warning = _(
            "They handle what has waited for them, and messages on which they failed again."
        )
        title = _("Switch these plugins on?")
        return self._switch(request, queryset, True, title, warning)

    @admin.action(description=_("Switch off"), permissions=["operate"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Plugin]) -> HttpResponse | None:
        """Ask the operator to confirm, and then switch plugins off; messages for them wait in their queues.

        Returns the page that asks; `None` once it is done.
        """
        warning = _("Messages go on without them. What they would have heard of waits for them.")
        title = _("Switch these plugins off?")
        return self._switch(request, queryset, False, title, warning)

    def _switch(
        self,
        request: HttpRequest,
        queryset: QuerySet[Plugin],
        on: bool,
        title: StrOrPromise,
        warning: StrOrPromise,
    ) -> HttpResponse | None:
        """Switch the chosen plugins on or off once the administrator has confirmed it.

        Return the page that asks for the confirmation, or `None` when it is done.
        """
        chosen = self.chosen(queryset)
        page = self.confirm(request, chosen, "switch_on" if on else "switch_off", title, warning)
        if page is None:
            did = _("Switched on") if on else _("Switched off")
            self.carry_out(
                request, chosen, did, lambda row: admin_actions.switch_plugin(row.name, on=on)
            )
        return page

"""The Django app `conferences` declares its queues, timers, rights and pages here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from foundation.bus.app_config import (
    MenuEntry,
    PlatformAppConfig,
    SidebarGroup,
    Timer,
    model_entry,
    page_entry,
)
from wire.routes import Routes

if TYPE_CHECKING:
    from foundation.bus.consumer import BatchHandler


class ConferencesConfig(PlatformAppConfig):
    """The app schedules conferences from request to end, and keeps the pool of media units."""

    name = "conferences"
    roles = frozenset({"css", "rms", "cm", "npp", "nms", "upu"})
    queues = {
        "css": (
            Routes.CM_TO_CSS.value,
            Routes.CM_TO_UNIT.value,
            Routes.UNIT_TO_CSS.value,
            Routes.GATE_TO_CSS.value,
            Routes.RMS_TO_CSS.value,
        ),
        "bmc": (Routes.BMC_CALL_RECORD.value,),
        "npp": (Routes.TO_NPP.value,),
        "upu": (Routes.TO_UPU.value,),
    }
    timers = {
        "conferences.tasks.due": Timer(
            1, "a unit that does not answer is noticed after 4 s, an end after 1 s"
        ),
        "conferences.tasks.start_reservations": Timer(
            2, "a booked conference begins within 5 s after its start"
        ),
        "conferences.tasks.note_usual_load": Timer(
            600, "bookings leave free what conferences without one usually use in each hour"
        ),
        "conferences.tasks.watch_pool": Timer(1, "a unit is lost 12 s after its last heartbeat"),
        "conferences.tasks.ask_for_lists": Timer(
            60, "units' lists of their conferences are compared with our data"
        ),
        "conferences.tasks.report_state": Timer(
            60, "network management has new counters each minute"
        ),
        "conferences.tasks.mend": Timer(
            15, "projection and pool are filled again if Redis was emptied"
        ),
        "conferences.tasks.queue_films": Timer(
            15, "a recording becomes a film soon after its last segment has come"
        ),
        "conferences.tasks.forget_old": Timer(60, "requests are remembered for 24 h"),
    }
    rights = """
conference | conferences.conference | v...o | v...o | v...o | v...o | its tenant, its source, its host; operate: end
reservation | conferences.reservation | v...o | v...o | v...o | v...o | its tenant, its source; operate: cancel
call record       | conferences.callrecord  | v.... | v....   | v....    | v.... | its tenant, its source, its host
recording | conferences.recording | v...o | v...o | v...o | v...o | its tenant, its source; operate: try a film again
retention of recordings | conferences.recordingrule | vacd. | vacd. | vacd. | vacd. | its tenant, its site
media unit | conferences.resourceunit | v...o | v...o | v...o | ..... | its platform; operate: drain, put back, move off
public template   | conferences.publictemplate | vacd. | vacd. | vacd. | vacd. | its tenant
personal template | conferences.personaltemplate | v..d. | v..d. | v..d. | v..d. | its tenant
meeting room area | conferences.meetingroomarea | vacd. | vacd. | vacd. | vacd. | its tenant, the platform of this site
virtual room      | conferences.virtualroom | vacd. | vacd. | vacd. | vacd. | its tenant
registered number | conferences.registerednumber | v.... | v.... | v.... | v.... | its tenant, and where it is
number            | conferences.number      | v.... | v....   | v....    | ..... | the platform of this site
"""

    def connect(self) -> None:
        """Connect this app to transactions, metrics, health, and the hooks of domains and machine rooms."""
        from conferences.api import commands
        from conferences.data import (
            metrics,
            platform_resolver,
            queries,
            recording_health,
            recording_store,
        )
        from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
        from conferences.flows import due
        from domains.data import hooks
        from foundation.backup import parts
        from foundation.bus.partition import PLATFORMS_OF
        from foundation.bus.unit_of_work import APP_UNITS_OF_WORK
        from foundation.web import errors, findings, health

        APP_UNITS_OF_WORK["conferences"] = ConferencesDatabaseUnitOfWork
        PLATFORMS_OF.connect(platform_resolver.platforms_of_messages)
        hooks.DOMAIN_USES.connect(queries.uses_of_domain)
        hooks.ROOM_USES.connect(queries.uses_of_room)
        hooks.RUNNING_BELOW.connect(queries.count_running_below)
        hooks.RUNNING_CONFERENCES.connect(queries.running_conferences)
        hooks.END_RUNNING.connect(due.end_conferences_below)
        hooks.END_RUNNING_IN.connect(due.end_conferences_below_in)
        health.GAUGES += [metrics.gauges, recording_health.gauges]
        parts.FOLDERS.connect(recording_store.folders_of_backup)
        findings.MORE_FINDINGS.connect(recording_health.findings)
        errors.REFUSAL_WHILE_CLOSED.connect(commands.refusal_if_served_elsewhere)

    def sidebar(self) -> Sequence[SidebarGroup]:
        """Return the entries of the admin pages' sidebar: the dashboard, conferences and media units."""
        entries = (
            model_entry(_("Conferences"), "video_camera_front", "conferences", "conference"),
            model_entry(_("Reservations"), "event", "conferences", "reservation"),
            model_entry(_("Recordings"), "video_library", "conferences", "recording"),
            model_entry(_("Retention"), "auto_delete", "conferences", "recordingrule"),
            model_entry(_("Media units"), "dns", "conferences", "resourceunit"),
            model_entry(_("Call records"), "history", "conferences", "callrecord"),
            model_entry(_("Public templates"), "bookmark", "conferences", "publictemplate"),
            model_entry(
                _("Personal templates"), "bookmark_manager", "conferences", "personaltemplate"
            ),
            model_entry(_("Virtual rooms"), "meeting_room", "conferences", "virtualroom"),
            model_entry(_("Areas of meeting rooms"), "map", "conferences", "meetingroomarea"),
            model_entry(
                _("Registered numbers"), "contact_phone", "conferences", "registerednumber"
            ),
            model_entry(_("Numbers"), "dialpad", "conferences", "number"),
        )
        dashboard = (page_entry(_("Dashboard"), "dashboard", "index"),)
        return (SidebarGroup(0, "", dashboard), SidebarGroup(10, _("Conferences"), entries))

    def menu_entries(self) -> Sequence[MenuEntry]:
        """Return the entries of the page menu: for holding conferences, and for their recordings."""
        recordings = MenuEntry(15, _("Recordings"), "recordings")
        return (MenuEntry(10, _("My conferences"), "console"), recordings)

    def batch_handlers(self) -> Mapping[str, BatchHandler]:
        """Return the handlers of the resource manager (RMS) and of our conference manager (CM): queue -> handler.

        Each is there only at a site with its role.
        """
        from conferences.api import own_manager, pool_requests
        from foundation.cells.directory import own_platform

        handlers: dict[str, BatchHandler] = {}
        if "rms" in settings.ROLES:
            pool = pool_requests.batch_handler(own_platform())
            handlers |= {route.value.queue: pool for route in (Routes.TO_RMS, Routes.NODE_TO_RMS)}
        if "cm" in settings.ROLES:
            manager = partial(own_manager.handle_batch, own_platform())
            handlers |= {
                route.value.queue: manager for route in (Routes.CSS_TO_CM, Routes.STATE_TO_CM)
            }
        return handlers

    def on_connected(self) -> None:
        """Ask the media units which conferences they hold, once the connection to the broker is there.

        Only a site with the scheduler (CSS) has any.
        """
        from conferences.flows import units
        from foundation.cells.directory import own_platform

        if "css" in settings.ROLES:
            units.ask_for_lists(own_platform())

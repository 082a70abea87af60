"""Define the Django app of failover: which site serves each platform, and how another site takes over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from foundation.bus.app_config import (
    PlatformAppConfig,
    SidebarEntry,
    SidebarGroup,
    Timer,
    WorkerThread,
)
from wire.routes import Routes, pms_queue

if TYPE_CHECKING:
    from foundation.bus.consumer import BatchHandler


class FailoverConfig(PlatformAppConfig):
    """The app decides which site serves each platform, and moves a platform between its two sites."""

    name = "failover"
    roles = frozenset({"pms"})
    queues = {"css": (Routes.PLATFORM_NOTICE.value, Routes.PMS_TO_CSS.value)}
    timers = {
        "failover.tasks.watch": Timer(1, "a room is lost 15 s after its last unit"),
        "failover.tasks.publish_states": Timer(
            1, "a platform's new state is known at once; the core may be away", alone=True
        ),
        "failover.tasks.ask": Timer(10, "a lost notice does no harm"),
        "failover.tasks.ask_more": Timer(5, "while a platform is abnormal (CSS §2.2)"),
        "failover.tasks.follow_modes": Timer(2, "an operator's mode holds when the page says so"),
    }
    rights = """
site | failover.register | v...o | ..... | ..... | ..... | everybody's; operate: take over, hand back, modes, rooms
"""

    def connect(self) -> None:
        """Register what other apps use of this one: its part of transactions, who serves a platform, metrics."""
        from domains.data import hooks
        from failover.data import cell_metrics, register_view
        from failover.data.unit_of_work import FailoverUnitOfWork
        from failover.flows import status
        from foundation.bus.link import SERVING_SITE
        from foundation.bus.unit_of_work import APP_UNITS_OF_WORK
        from foundation.web import health

        APP_UNITS_OF_WORK["failover"] = FailoverUnitOfWork
        SERVING_SITE.connect(register_view.serving_site)
        hooks.REMARKS.connect(status.backup_remark)
        health.GAUGES.append(cell_metrics.gauges)

    def sidebar(self) -> Sequence[SidebarGroup]:
        """Return the entry "Sites" of the admin pages' sidebar."""
        sites = SidebarEntry(
            _("Sites"),
            "public",
            reverse_lazy("failover-sites"),
            lambda request: request.user.has_perm("failover.view_register"),
        )
        return (SidebarGroup(1, "", (sites,)),)

    def batch_handlers(self) -> Mapping[str, BatchHandler]:
        """Return the handler of the requests that the platform management (PMS) receives, by queue.

        Without the role `pms` there is none.
        """
        from failover.flows.platforms import batch_handler
        from foundation.cells.directory import own_platform

        own = own_platform()
        return {pms_queue(own): batch_handler(own)} if "pms" in settings.ROLES else {}

    def threads(self) -> Sequence[WorkerThread]:
        """Return a thread for each platform, by which this site's cell agents see that this worker is alive.

        A cell agent is the process that decides at this site which database takes a platform's writes. Returns none on
        a site without the role `css`.
        """
        from failover.data.heart import Heart
        from foundation.cells.directory import possible_platforms, store_of

        if "css" not in settings.ROLES:
            return ()
        return [Heart(store_of(platform)) for platform in possible_platforms()]

    def on_connected(self) -> None:
        """Ask the platform management (PMS) for platforms' states and the addresses of their servers (CSS §2.2)."""
        from failover.flows import platforms
        from foundation.cells.directory import own_platform

        if "css" in settings.ROLES:
            platforms.request_states(own_platform(), everything=True)

"""Define the Django app of the message bus."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from foundation.bus.app_config import PlatformAppConfig, SidebarGroup, model_entry


class BusConfig(PlatformAppConfig):
    """The app receives, handles and sends typed messages over RabbitMQ."""

    name = "foundation.bus"
    label = "bus"
    rights = """
parked message | bus.parked | v...o | v...o | v...o | ..... | the platform of this site; operate: publish again, discard
outgoing message  | bus.outbox              | v.... | v....   | v....    | ..... | the platform of this site
request taken     | bus.inbox               | v.... | v....   | v....    | ..... | the platform of this site
"""

    def connect(self) -> None:
        """Register the Django system checks of the bus."""
        from foundation.bus import checks  # noqa: F401

    def on_connected(self) -> None:
        """Log a warning for each server (database, Redis, broker) whose version was not tested."""
        from foundation.bus import server_versions

        server_versions.log_untested_servers()

    def sidebar(self) -> Sequence[SidebarGroup]:
        """Return the sidebar entries for parked messages, outbox and requests."""
        entries = (
            model_entry(_("Parked"), "report", "bus", "parked"),
            model_entry(_("Outbox"), "outbox", "bus", "outbox"),
            model_entry(_("Requests"), "inbox", "bus", "inbox"),
        )
        return (SidebarGroup(60, _("Messages"), entries),)

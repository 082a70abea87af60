"""`manage.py im_xmpp` runs the bridge to clients of XMPP."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from foundation.cells import patience
from im.api.xmpp.bridge import Bridge, BridgeSettings


class Command(BaseCommand):
    """The command runs the bridge between XMPP clients and the platform until SIGTERM.

    ejabberd ends all its sessions when the bridge ends.
    """

    help = "Let people chat with clients of XMPP, by way of ejabberd."
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: object) -> None:
        """Run the bridge between XMPP clients and the platform. Raises CommandError if it is not configured."""
        if not settings.XMPP_DOMAIN:
            raise CommandError("XMPP_DOMAIN is not set: there is nothing to bridge")
        patience.set_time_limits(patience.WORKER)
        host, _, port = settings.XMPP_COMPONENTS.rpartition(":")
        bridge_settings = BridgeSettings(
            settings.XMPP_DOMAIN,
            host,
            int(port),
            settings.XMPP_SECRET,
            Path(settings.XMPP_SOCKET),
            settings.PUBLIC_URL,
        )
        with suppress(asyncio.CancelledError):  # SIGTERM cancels the bridge: that is its usual end.
            asyncio.run(_run(bridge_settings))


async def _run(bridge_settings: BridgeSettings) -> None:
    """Run the bridge until a signal asks it to stop."""
    task = asyncio.ensure_future(Bridge(bridge_settings).run())  # its streams need the running loop
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task

"""`manage.py im_plugin` runs a plugin that hears of people's messages."""

from __future__ import annotations

import signal
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from foundation.cells import patience
from im.api.message_center import Center
from im.data import broker
from im.flows.plugins.host import PluginHost
from im.rules.plugins import NAME, PluginFault


class Command(BaseCommand):
    """The command runs a plugin until SIGTERM. Of several processes of one plugin one works, the others wait.

    To replace a plugin by a newer version, start the new process, then end the old one.
    """

    help = "Run a plugin that IM_PLUGINS names."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the plugin's name, and the option to remove its queues."""
        parser.add_argument("name", help="the name of its entry point")
        parser.add_argument("--remove", action="store_true", help="delete its queues instead")

    def handle(self, *args: object, name: str, remove: bool, **options: object) -> None:
        """Run the plugin, or delete its queues with all that waits in them.

        Raises CommandError for a bad name, or a plugin that cannot be loaded.
        """
        if not NAME.fullmatch(name):
            raise CommandError("name: a lower-case letter, then up to 19 of a-z, 0-9 and -")
        if remove:
            broker.remove_plugin(name)
            return
        patience.set_time_limits(patience.WORKER)
        try:
            center = Center(chain=PluginHost(name))
        except PluginFault as fault:
            raise CommandError(f"{name}: {fault}") from None
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, lambda *_: center.ask_to_stop())
        center.run()

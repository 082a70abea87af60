"""`manage.py im_center` runs a message center."""

from __future__ import annotations

import signal
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from foundation.cells import patience
from im.api.message_center import Center, helper_threads


class Command(BaseCommand):
    """The command that runs a message center until SIGTERM.

    Of several with the same number one works, others stand by.
    """

    help = "Store, order and pass on instant messages."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the option for the number of the message center."""
        parser.add_argument("--number", type=int, default=0, help="0 to IM_CENTERS - 1")

    def handle(self, *args: object, number: int, **options: object) -> None:
        """Run the message center with this number, and its helper threads."""
        if not 0 <= number < settings.IM_CENTERS:
            raise CommandError(f"IM_CENTERS is {settings.IM_CENTERS}: no center {number}")
        patience.use(patience.WORKER)
        center = Center(number)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, lambda *_: center.ask_to_stop())
        for helper in helper_threads(number):
            helper.start()
        center.run()

"""`manage.py im_center` runs a message center."""

from __future__ import annotations

import signal
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from foundation.cells import patience
from im.api.message_center import Center, helper_threads
from im.rules.stages import StageName


class Command(BaseCommand):
    """The command runs a message center, or with IM_STAGES=distributed one stage of it, until SIGTERM.

    Of several processes with the same number and stage one works, and the others wait to take over.
    """

    help = "Store, order and pass on instant messages."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options for the number of the message center, and for its stage."""
        parser.add_argument("--number", type=int, default=0, help="0 to IM_CENTERS - 1")
        parser.add_argument(
            "--stage", choices=[*StageName], help="with IM_STAGES=distributed: which one to run"
        )

    def handle(
        self, *args: object, number: int, stage: str | None = None, **options: object
    ) -> None:
        """Run the message center with this number, or one stage of it, and its helper threads.

        Raises CommandError if the settings know no such center.
        """
        if not 0 <= number < settings.IM_CENTERS:
            raise CommandError(f"IM_CENTERS is {settings.IM_CENTERS}: no center {number}")
        if bool(stage) != (settings.IM_STAGES == "distributed"):
            rule = "--stage belongs to IM_STAGES=distributed, and is needed there"
            raise CommandError(f"IM_STAGES is {settings.IM_STAGES}: {rule}")
        patience.set_time_limits(patience.WORKER)
        name = StageName(stage) if stage else None
        center = Center(number, name)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, lambda *_: center.ask_to_stop())
        for helper in helper_threads(number, name):
            helper.start()
        center.run()

"""`manage.py im_center`: reads what people's clients say."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from im.api.message_center import Center, helper_threads


class Command(BaseCommand):
    """Until SIGTERM. Of the same number several may run: one works, the others stand by."""

    help = "Store, order and pass on instant messages."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which of the centers."""
        parser.add_argument("--number", type=int, default=0, help="0 to IM_CENTERS - 1")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        if not 0 <= options["number"] < settings.IM_CENTERS:
            raise CommandError(
                f"IM_CENTERS is {settings.IM_CENTERS}: no center {options['number']}"
            )
        center = Center(options["number"])
        for what in (signal.SIGTERM, signal.SIGINT):
            signal.signal(what, lambda *_: center.ask_to_stop())
        for helper in helper_threads(options["number"]):
            helper.start()
        center.run()

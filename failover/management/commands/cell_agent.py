"""`manage.py cell_agent` runs this site's agents, one for each platform's database in CELLS_FILE.

An agent keeps the database running and decides, with the other site's agent, which site may write.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from threading import Event

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from failover.data.cells import config
from failover.flows import cell_agent


class Command(BaseCommand):
    """The command runs this site's agents until SIGTERM.

    The databases go on without their agents, and the next run of the command finds them.
    """

    help = "Keep this site's cells: start, protect, take over, hand back (CELLS_FILE)."
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: object) -> None:
        """Read CELLS_FILE, and run an agent for each cell (platform's database at this site) until SIGTERM.

        Raises CommandError if the file is missing or wrong.
        """
        if not settings.CELLS_FILE:
            raise CommandError("set CELLS_FILE: which cells this site holds")
        try:
            content = config.read_config(
                Path(settings.CELLS_FILE), takeovers=settings.DR_TAKEOVERS_PER_HOUR
            )
        except config.BadConfig as error:
            raise CommandError(str(error)) from None
        end = Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, lambda *_: end.set())
        cell_agent.run_agents(replace(content, authorities=settings.TLS_CA_FILE), end)

"""`manage.py push` runs the process that pushes events to client applications (decision 0037)."""

from __future__ import annotations

import gc
import resource
from argparse import ArgumentParser

import uvloop
from django.core.management.base import BaseCommand

from conferences.api.push.server import PushServer
from foundation.cells import patience

_GARBAGE_THRESHOLDS = 50_000, 50, 50
"""Numbers of new objects, runs, and runs over older objects, after which the garbage collector goes a step further.

An event that reaches 1,000 clients makes and frees about as many objects as the first. With Python's own thresholds
(700, 10, 10) the collector walked over the state of all clients several times for each event, and found nothing.
"""


class Command(BaseCommand):
    """The command runs the push process until SIGTERM. A site may have several; a client stays with the same one."""

    help = (
        "Push events to programs: Bayeux at /api/v1/publish, server-sent events at /api/v1/events."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options for the address to listen at."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
        parser.add_argument("--port", type=int, default=8040, help="port to listen at")

    def handle(self, *args: object, host: str, port: int, **options: object) -> None:
        """Serve client applications at this address until the process is stopped.

        Each client needs an open file, so the limit of open files is set to its maximum.
        """
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        patience.set_time_limits(patience.WEB)
        gc.set_threshold(*_GARBAGE_THRESHOLDS)
        uvloop.run(PushServer().serve(host, port))

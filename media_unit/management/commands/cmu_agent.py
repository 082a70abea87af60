"""`manage.py cmu_agent` is the older name of `python -m media_unit`, for unit files that operators have written."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from media_unit.__main__ import main


class Command(BaseCommand):
    """The command runs one media unit as `python -m media_unit` does, but loads all of Django first."""

    help = "A media unit: takes conferences over RabbitMQ and runs them on the Janus beside it."
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: object) -> None:
        """Run the media unit until SIGTERM, and end the process with its exit code."""
        sys.exit(main())

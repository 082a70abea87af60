"""`manage.py tell_all`: at the core, tell platforms everything anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from domains.data import change_log
from foundation.cells.directory import own_platform, store_of


class Command(BaseCommand):
    """What a platform has that is not told then goes; harmless, only long."""

    help = (
        "Tell these platforms, or all that follow this core, the whole tree and its accounts anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom."""
        parser.add_argument("platforms", nargs="*", help="MOIDs of platform domains; none: all")

    def handle(self, *args: Any, **options: Any) -> None:
        """Mark them; the links begin at once."""
        told = change_log.request_full_snapshots(
            store_of(own_platform()).database, options["platforms"]
        )
        self.stdout.write(f"{told} platforms are told everything anew")

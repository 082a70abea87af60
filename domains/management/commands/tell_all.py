"""`manage.py tell_all` lets a core send full snapshots to its platforms."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from domains.data import change_log
from foundation.cells.directory import own_platform, store_of


class Command(BaseCommand):
    """The command requests full snapshots for platforms.

    A platform then deletes what the snapshot does not name. That is harmless, but takes long.
    """

    help = "Send the whole tree and its accounts again to these platforms, or to all that follow this core."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the platforms."""
        parser.add_argument(
            "platforms", nargs="*", help="MOIDs of platform domains (default: all that follow)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Mark the platforms, so that the links begin to send at once."""
        count = change_log.request_full_snapshots(
            store_of(own_platform()).database, options["platforms"]
        )
        self.stdout.write(f"{count} platforms are told everything anew")

"""`manage.py tell_all` sends full snapshots of the domain tree to the platforms that copy it."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from domains.data import change_log
from foundation.cells.directory import own_platform, store_of


class Command(BaseCommand):
    """The command runs at the core, the deployment that owns the domain tree, and requests full snapshots.

    A platform then deletes domains and accounts that the snapshot does not name. That is harmless, but takes long.
    """

    help = "Send the whole tree and its accounts again to these platforms, or to all that follow this core."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the argument that names the platforms to send to; without any, all that copy the tree."""
        parser.add_argument(
            "platforms", nargs="*", help="MOIDs of platform domains (default: all that follow)"
        )

    def handle(self, *args: object, platforms: list[str], **options: object) -> None:
        """Request a full snapshot of the tree for these platforms, or for all that copy it; print how many.

        The threads that send changes to a platform then begin with the snapshot.
        """
        count = change_log.request_full_snapshots(store_of(own_platform()).database, platforms)
        self.stdout.write(f"{count} platforms are told everything anew")

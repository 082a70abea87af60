"""`manage.py cell_register`: at the core, enter a platform into the register of owners."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from failover.models import Register


class Command(BaseCommand):
    """Idempotent: a platform that is there stays as it is."""

    help = "Enter a platform into the register of owners: its home owns it, alone at first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which platform, and its two sites."""
        parser.add_argument("--platform", required=True)
        parser.add_argument("--home", required=True)
        parser.add_argument("--backup", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the row, unless it is there."""
        home, backup = options["home"], options["backup"]
        if home == backup:
            raise CommandError("a site can not be its own backup")
        row, _ = Register.objects.get_or_create(
            platform=options["platform"], defaults={"home": home, "backup": backup, "owner": home}
        )
        self.stdout.write(str(row))

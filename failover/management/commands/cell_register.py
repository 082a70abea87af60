"""`manage.py cell_register` adds a platform to the register: which site serves which platform.

It runs at the core, the deployment whose database holds the register.
"""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from failover.models import FailoverEvent, Register
from foundation.cells.directory import own_platform


class Command(BaseCommand):
    """The command adds a platform to the register; it can be repeated.

    A registered platform stays as it is, unless `--move-copy` asks for another backup site.
    """

    help = "Enter a platform into the register of owners: its home owns it, alone at first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options for the platform and its two sites."""
        parser.add_argument("--platform", required=True)
        parser.add_argument("--home", required=True)
        parser.add_argument("--backup", required=True)
        parser.add_argument("--move-copy", action="store_true", help="to another backup")

    def handle(
        self,
        *args: object,
        platform: str,
        home: str,
        backup: str,
        move_copy: bool,
        **options: object,
    ) -> None:
        """Add the platform to the register (which site serves which platform), unless it is there already.

        With `--move-copy` a registered platform gets another backup site. Raises CommandError if a site backs itself
        up, or the copy may not move.
        """
        if home == backup:
            raise CommandError("a site can not be its own backup")
        row, _ = Register.objects.get_or_create(
            platform=platform, defaults={"home": home, "backup": backup, "owner": home}
        )
        if row.backup != backup:
            row = self._move_copy(row, backup, sure=move_copy)
        self.stdout.write(str(row))

    def _move_copy(self, row: Register, backup: str, *, sure: bool) -> Register:
        """Let the site `backup` hold the copy of a platform's data from now on, and return the new register row.

        Raises CommandError unless the operator gave `--move-copy` (`sure`) and the platform's own site serves it. The
        row is changed by compare-and-set. Until the new copy is complete, the own site serves alone (`solo`).
        """
        if not sure:
            raise CommandError(
                f"its copy lies at {row.backup}; --move-copy once that one is stopped"
            )
        served_at_home = Register.objects.filter(
            pk=row.pk, owner=row.home, epoch=row.epoch, wish=""
        )
        with transaction.atomic():
            if not served_at_home.update(
                backup=backup, epoch=F("epoch") + 1, solo=True, forced=False
            ):
                raise CommandError(
                    "its home does not serve it, or something is asked for: first that"
                )
            FailoverEvent.objects.create(
                platform=row.pk,
                at=timezone.now(),
                site=own_platform(),
                kind="copy moved",
                epoch=row.epoch + 1,
                owner=row.owner,
                solo=True,
                because=f"its copy moves from {row.backup} to {backup}",
            )
        row.refresh_from_db()
        return row

"""`manage.py provision` prepares this platform's database for its first request."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand

from conferences.models import NumberCursor
from foundation.cells.directory import own_platform, store_of
from foundation.cells.models import Cell
from licensing.flows.evaluate import give_evaluation_licence


class Command(BaseCommand):
    """The command creates the rows that a platform needs: its cell (the owner of its data), number cursor and licence.

    The licence is the built-in one for evaluation. The command may be run again at any time. Domains may come later.
    """

    help = "Make this platform's database ready: cell, numbers, evaluation licence."

    def handle(self, *args: object, **options: object) -> None:
        """Create those rows of the platform's database that are missing; the licence only with the role `css`."""
        platform = own_platform()
        database = store_of(platform).database
        Cell.objects.using(database).get_or_create(platform=platform, defaults={"owner": platform})
        NumberCursor.objects.using(database).get_or_create(platform=platform)
        if "css" in settings.ROLES:
            give_evaluation_licence(database, platform)
        self.stdout.write(f"{settings.SITE_NAME} ({platform}) is provisioned")

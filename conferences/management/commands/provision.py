"""`manage.py provision`: make this platform's database ready to take requests."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from conferences.models import NumberCursor
from confplatform.stores.directory import own_platform, store_of
from confplatform.stores.models import Cell
from domains.models import PlatformDomain
from licensing.flows.evaluate import give_evaluation_licence


class Command(BaseCommand):
    """Idempotent: cell, number prefix, and a licence to begin with."""

    help = "Make this platform's database ready: cell, number prefix, evaluation licence."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write what is missing."""
        platform = own_platform()
        database = store_of(platform).database
        domain = PlatformDomain.objects.using(database).filter(moid=platform).first()
        if domain is None:
            raise CommandError(
                f"no platform domain {platform}: create it in the admin, or run load_demo"
            )
        Cell.objects.using(database).get_or_create(platform=platform, defaults={"owner": platform})
        NumberCursor.objects.using(database).update_or_create(
            platform=platform, defaults={"prefix": domain.e164_prefix}
        )
        give_evaluation_licence(database, platform)
        self.stdout.write(f"{settings.SITE_NAME} ({platform}) is ready to take requests")

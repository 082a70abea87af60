"""`manage.py declare_topology`: declare every exchange and queue of the wire on this site's broker."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand

from foundation.bus.declare import declare_all


class Command(BaseCommand):
    """Declare exchanges, queues and bindings; harmless when they are there."""

    help = "Declare every exchange and queue of the wire on this site's broker."

    def handle(self, *args: object, **options: object) -> None:
        """Declare all."""
        count = declare_all(settings.AMQP_URL, settings.PLATFORM_MOID)
        self.stdout.write(f"{count} exchanges and queues are there")

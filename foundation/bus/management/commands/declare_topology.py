"""`manage.py declare_topology` declares every exchange and queue of the protocol on this site's message broker."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand

from foundation.bus.declare import declare_all


class Command(BaseCommand):
    """The command declares exchanges, queues and bindings. Existing ones are left as they are."""

    help = "Declare every exchange and queue of the wire on this site's broker."

    def handle(self, *args: object, **options: object) -> None:
        """Declare all exchanges, queues and bindings, and print how many there are."""
        count = declare_all(settings.AMQP_URL, settings.PLATFORM_MOID)
        self.stdout.write(f"{count} exchanges and queues are there")

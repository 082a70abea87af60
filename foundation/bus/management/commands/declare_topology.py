"""`manage.py declare_topology` declares the protocol's exchanges and queues on this site's broker, and limits them."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from foundation.bus import protocol
from foundation.bus.declare import declare_all
from foundation.bus.limits import set_limits
from foundation.bus.management_api import BrokerUnavailable


class Command(BaseCommand):
    """The command declares exchanges, queues and bindings. Existing ones are left as they are."""

    help = "Declare every exchange and queue of the wire on this site's broker."

    def handle(self, *args: object, **options: object) -> None:
        """Declare all exchanges, queues and bindings on the site's broker, print how many, and limit the queues.

        Raises CommandError if the limits cannot be set.
        """
        count = declare_all(settings.AMQP_URL, settings.PLATFORM_MOID)
        self.stdout.write(f"{count} exchanges and queues are there")
        if not settings.RABBITMQ_MANAGEMENT_URL:
            self.stderr.write(
                "RABBITMQ_MANAGEMENT_URL is not set: limit the queues as docs/operations.md says"
            )
            return
        try:
            limits = protocol.current().limits
            set_limits(settings.RABBITMQ_MANAGEMENT_URL, settings.AMQP_URL, limits)
        except BrokerUnavailable as error:
            raise CommandError(f"the limits of queues are not set: {error}") from error

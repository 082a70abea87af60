"""`manage.py cmu_agent` runs a media unit beside this machine's Janus, set by environment variables."""

from __future__ import annotations

import asyncio
import logging
import os

from django.core.management.base import BaseCommand, CommandError

from foundation.secret_files import read_secrets
from media_unit.agent import Agent
from media_unit.config import BadConfig, from_environment


class Command(BaseCommand):
    """The command runs one media unit; docs/configuration.md lists its environment variables."""

    help = "A media unit: takes conferences over RabbitMQ and runs them on the Janus beside it."
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: object) -> None:
        """Run the media unit until SIGTERM. Raises CommandError if an environment variable is missing or wrong."""
        # The agent itself logs once, in one line, that the broker is away.
        logging.getLogger("aiormq").setLevel("CRITICAL")
        logging.getLogger("aio_pika").setLevel("CRITICAL")
        try:
            config = from_environment({**os.environ, **read_secrets(os.environ)})
        except BadConfig as error:
            raise CommandError(str(error)) from None
        asyncio.run(Agent(config).run())

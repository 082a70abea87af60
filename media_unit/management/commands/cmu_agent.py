"""Run the media unit beside this machine's Janus; its settings are in the environment."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from media_unit.agent import Agent
from media_unit.config import BadConfig, from_environment


class Command(BaseCommand):
    """`manage.py cmu_agent`: AMQP_URL, CMU_IP, CMU_PID, CMU_DIR, CMU_PORT_BASE, ..."""

    help = "A media unit: takes conferences over RabbitMQ and runs them on the Janus beside it."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Until SIGTERM."""
        # A broker that is away is told of by us, once and in one line.
        logging.getLogger("aiormq").setLevel("CRITICAL")
        logging.getLogger("aio_pika").setLevel("CRITICAL")
        try:
            config = from_environment(os.environ)
        except BadConfig as wrong:
            raise CommandError(str(wrong)) from None
        asyncio.run(Agent(config).run())

"""`manage.py sip_gate` runs a gate of telephones, set by environment variables."""

from __future__ import annotations

import asyncio
import logging
import os

from django.core.management.base import BaseCommand, CommandError

from media_unit.config import BadConfig
from media_unit.sip_gate.config import from_environment
from media_unit.sip_gate.gate import TelephoneGate


class Command(BaseCommand):
    """The command runs one gate of telephones; docs/configuration.md lists its environment variables."""

    help = "A gate of telephones: answers SIP calls, and brings callers into conferences."
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: object) -> None:
        """Run the gate until SIGTERM. Raises CommandError if an environment variable is missing or wrong."""
        for name in ("aiormq", "aio_pika", "aiosipua"):
            logging.getLogger(name).setLevel("CRITICAL")
        try:
            config = from_environment(os.environ)
        except BadConfig as error:
            raise CommandError(str(error)) from None
        asyncio.run(TelephoneGate(config).run())

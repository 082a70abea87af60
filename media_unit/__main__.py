"""`python -m media_unit` runs one media unit beside this machine's Janus; docs/configuration.md lists its variables.

Django is not loaded: a media unit has no database, and of the platform's secrets it needs the broker's URL alone.
So it starts in a third of the time, with half of the memory.
"""

from __future__ import annotations

import asyncio
import logging.config
import os
import sys

from django.core.exceptions import ImproperlyConfigured

from foundation.logs import logging_config
from foundation.secret_files import read_secrets
from media_unit.agent import Agent
from media_unit.config import BadConfig, from_environment


def main() -> int:
    """Run the media unit until SIGTERM, and return the exit code: 1 if an environment variable is missing or wrong."""
    log_format, level = os.environ.get("LOG_FORMAT", "json"), os.environ.get("LOG_LEVEL", "INFO")
    logging.config.dictConfig(logging_config(log_format, level, ["conferences"]))
    # The agent itself logs once, in one line, that the broker is away.
    logging.getLogger("aiormq").setLevel("CRITICAL")
    logging.getLogger("aio_pika").setLevel("CRITICAL")
    try:
        config = from_environment({**os.environ, **read_secrets(os.environ)})
    except (BadConfig, ImproperlyConfigured) as error:
        print(f"media unit: {error}", file=sys.stderr)
        return 1
    asyncio.run(Agent(config).run())
    return 0


if __name__ == "__main__":
    sys.exit(main())

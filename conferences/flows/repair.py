"""What lies in Redis is derived: found empty, it is built again from the database; licences begin and end."""

from __future__ import annotations

import logging

import redis

from conferences.data.pool import Pool
from domains.data import redis_projection as domain_projection
from foundation.cells.directory import own_platform
from licensing.flows import publish as licences

log = logging.getLogger("conferences.mend")


def mend(platform: str) -> None:
    """Ask the pool anything: an emptied Redis is filled before it answers. Then domains and licences."""
    try:
        if platform == own_platform():
            Pool(platform).one("used", "mcu", "nobody", "0")
    except redis.RedisError as wrong:
        log.warning("Redis is away: %s", wrong)
    domain_projection.repair(platform)
    licences.mend(platform)

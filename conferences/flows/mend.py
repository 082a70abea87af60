"""What lies in Redis is derived: found empty, it is built again from the database; licences begin and end."""

from __future__ import annotations

import logging

import redis

from conferences.pool.store import Pool
from confplatform.stores.directory import own_platform
from domains import projection as domain_projection
from licensing.flows import tell as licences

log = logging.getLogger("conferences.mend")


def mend(platform: str) -> None:
    """Ask the pool anything: an emptied Redis is filled before it answers. Then domains and licences."""
    try:
        if platform == own_platform():
            Pool(platform).one("used", "mcu", "nobody", "0")
    except redis.RedisError as wrong:
        log.warning("Redis is away: %s", wrong)
    domain_projection.mend(platform)
    licences.mend(platform)

"""A timer fills an emptied Redis again from the database, because all data in Redis is derived from it.

It also publishes licences that have come into force or expired.
"""

from __future__ import annotations

import logging

import redis

from conferences.data.pool import Pool
from domains.data import redis_projection as domain_projection
from foundation.cells.directory import own_platform
from licensing.flows import publish as licences

log = logging.getLogger("conferences.mend")


def repair_redis(platform: str) -> None:
    """Fill the pool (table of media units) in Redis again if it is empty; correct the domains and licences in Redis.

    A call of the pool's script fills an empty pool before it answers. Does nothing while Redis is away; a timer calls
    it again.
    """
    try:
        if platform == own_platform():
            Pool(platform).run_one("used", "mcu", "nobody", "0")
    except redis.RedisError as error:
        log.warning("Redis is away: %s", error)
    domain_projection.repair(platform)
    licences.repair(platform)

"""Repair fills an emptied Redis again from the database, because all in Redis is derived.

It also lets licences come into force and expire.
"""

from __future__ import annotations

import logging

import redis

from conferences.data.pool import Pool
from domains.data import redis_projection as domain_projection
from foundation.cells.directory import own_platform
from licensing.flows import publish as licences

log = logging.getLogger("conferences.mend")


def repair(platform: str) -> None:
    """Fill the pool of this site, and bring the domains and licences in Redis up to date.

    Any order to the pool will do: an emptied Redis is filled before it answers.
    """
    try:
        if platform == own_platform():
            Pool(platform).run_one("used", "mcu", "nobody", "0")
    except redis.RedisError as error:
        log.warning("Redis is away: %s", error)
    domain_projection.repair(platform)
    licences.repair(platform)

"""The projections in Redis and the pool are built again from the database (`manage.py doctor --mend`)."""

from __future__ import annotations

from typing import Any

from conferences.data import recount, redis_projection
from conferences.data.pool import Pool
from domains.data import redis_projection as domain_projection
from foundation.cells.directory import redis_of
from licensing.data import redis_projection as licence_projection


def rebuild(platform: str) -> str:
    """Build projections and pool again from the database; return in words what was done."""
    client: Any = redis_of(platform)
    projected = list(client.scan_iter("confex/*", 1000))
    live = {redis_projection.key(c.e164) for c in redis_projection.live(platform)}
    stale = [key for key in projected if key not in live and client.hget(key, "state") != "ended"]
    prefixes_to_keep = ("rms:why:", "rms:tired:")
    pool_keys = [
        key for key in client.scan_iter("rms:*", 1000) if not key.startswith(prefixes_to_keep)
    ]
    for key in (*stale, *pool_keys):
        client.delete(key)
    Pool(platform).rebuild()
    licence_projection.rebuild(platform)
    domain_projection.rebuild(platform)
    corrected = recount.correct_counts(platform)
    return (
        f"{len(live)} conferences projected, {len(stale)} stale ones removed, the pool built again,"
        f" {corrected} counts put right"
    )

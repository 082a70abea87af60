"""`manage.py doctor --mend` rebuilds from the database what Redis holds, and corrects licence counts."""

from __future__ import annotations

from conferences.data import recount, redis_projection
from conferences.data.pool import Pool
from domains.data import redis_projection as domain_projection
from foundation.cells.directory import redis_of
from licensing.data import redis_projection as licence_projection


def rebuild_redis_and_counts(platform: str) -> str:
    """Rebuild the projections and the pool of media units in Redis, and correct counts; return a sentence about it."""
    client = redis_of(platform)
    projected_keys = list(client.scan_iter("confex/*", 1000))
    live_keys = {
        redis_projection.conference_key(conference.e164)
        for conference in redis_projection.live_conferences(platform)
    }
    stale_keys = [
        key
        for key in projected_keys
        if key not in live_keys and client.hget(key, "state") != "ended"
    ]
    # The database does not know why the pool chose units, nor which units failed lately.
    prefixes_to_keep = ("rms:why:", "rms:tired:")
    pool_keys = [
        key for key in client.scan_iter("rms:*", 1000) if not key.startswith(prefixes_to_keep)
    ]
    for key in (*stale_keys, *pool_keys):
        client.delete(key)
    Pool(platform).rebuild()
    licence_projection.rebuild(platform)
    domain_projection.rebuild(platform)
    corrected = recount.correct_counts(platform)
    return (
        f"{len(live_keys)} conferences projected, {len(stale_keys)} stale ones removed, the pool built again,"
        f" {corrected} counts put right"
    )

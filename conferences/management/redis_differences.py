"""The functions here find differences between the live conferences in the database and in Redis. Read-only."""

from __future__ import annotations

from conferences.data import redis_projection
from conferences.data.pool import name_of
from conferences.data.pool_view import load_resources
from conferences.rules.states import Conference, ConferenceState
from foundation.cells.directory import redis_of


def differing_conferences(platform: str) -> set[str]:
    """Return the numbers of conferences that differ between Redis and database, or are in Redis without being live."""
    client = redis_of(platform)
    live = {
        conference.e164: conference for conference in redis_projection.live_conferences(platform)
    }
    with client.pipeline(transaction=False) as pipe:
        for e164 in live:
            pipe.hmget(redis_projection.conference_key(e164), "confid", "state")
        answers = pipe.execute()
    differing = {
        e164
        for (e164, conference), answer in zip(live.items(), answers, strict=True)
        if answer != [conference.confid, conference.state.value]
    }
    for key in client.scan_iter("confex/*", 1000):
        e164 = key.partition("/")[2]
        if e164 not in live and client.hget(key, "state") != "ended":
            differing.add(e164)
    return differing


def differing_placements(platform: str) -> set[str]:
    """Return `<number> on <unit>` for each conference that only Redis, or only the database, has on that media unit.

    Places that are only reserved, for some seconds (`rms:held`), are no difference.
    """
    client = redis_of(platform)
    in_database = {
        f"{conference.e164} on {conference.unit}"
        for conference in redis_projection.live_conferences(platform)
        if _is_running_on_unit(conference)
    }
    resources = load_resources(platform)
    reserved = {entry.rpartition("|")[2] for entry in map(str, client.zrange("rms:held", 0, -1))}
    in_pool: set[str] = set()
    for kind, unit in resources:
        if kind == "mcu":
            numbers = map(str, client.hkeys(f"rms:alloc:mcu:{name_of(unit)}"))
            in_pool |= {f"{e164} on {unit}" for e164 in numbers if e164 not in reserved}
    return in_database ^ in_pool


def _is_running_on_unit(conference: Conference) -> bool:
    """Return whether a conference runs, and its media unit is known."""
    return conference.state is ConferenceState.RUNNING and conference.unit is not None

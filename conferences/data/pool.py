"""The pool of media units, recorders and mixers is kept in Redis; one Lua script makes all its decisions.

If Redis is emptied, the pool is rebuilt from the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, cast

import orjson
import redis

from conferences.data import redis_projection
from conferences.data.pool_scripts import POOL
from conferences.rules.states import Unit
from foundation.cells import sql
from foundation.cells.directory import own_platform, possible_platforms, redis_of, store_of
from wire.fields import ResourceType

SILENT_MILLIS = 12_000
"""A resource without a heartbeat for so many milliseconds is lost."""

_SHA = hashlib.sha1(POOL.encode(), usedforsecurity=False).hexdigest()

PoolCall = tuple[str, ...]
"""The arguments of one call of the pool's script: the operation, then its values."""


class Pool:
    """The pool: media units, recorders and mixers of one platform, and what runs on them, as Redis holds them.

    All methods raise redis.RedisError while Redis cannot be reached.
    """

    def __init__(self, platform: str) -> None:
        """Remember the platform and its Redis; nothing is read yet."""
        self._platform = platform
        self._redis = redis_of(platform)

    def run(self, calls: Sequence[PoolCall]) -> list[Any]:
        """Make these calls of the pool's Lua script in one round trip, and return the answers.

        The pool is the table of media units and their free places in Redis; if it was emptied, it is rebuilt first.
        """
        answers = self._run_calls(calls)
        if "EMPTY" in answers:
            self.rebuild()
            answers = self._run_calls(calls)
        return answers

    def run_one(self, *call: str) -> Any:
        """Call the pool's Lua script in Redis once with these arguments (see `PoolCall`), and return its answer."""
        return self.run([call])[0]

    def _run_calls(self, calls: Sequence[PoolCall]) -> list[Any]:
        """Make these calls of the pool's Lua script, and return their results.

        Load the script into Redis first if need be.
        """
        try:
            return self._run_by_hash(calls)
        except redis.exceptions.NoScriptError:
            self._redis.script_load(POOL)
            return self._run_by_hash(calls)

    def _run_by_hash(self, calls: Sequence[PoolCall]) -> list[Any]:
        """Make these calls of the pool's Lua script by its hash, and return their results.

        Raises NoScriptError if Redis does not have the script.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            for call in calls:
                pipe.evalsha(_SHA, 0, *call)
            return list(pipe.execute())

    def silent_resources(self) -> list[tuple[ResourceType, Unit]]:
        """Return the media units, recorders and mixers that sent no heartbeat for 12 s while messages came here.

        A Celery task, which comes through the broker, calls this every second. After a gap in these calls units have 12
        s to send a heartbeat, so that conferences stay where they are when the broker could not be reached.
        """
        members = self.run_one("silent", str(SILENT_MILLIS))
        parts = (member.partition("|") for member in members)
        return [(cast(ResourceType, kind), unit_of(name)) for kind, _, name in parts]

    def rebuild(self) -> None:
        """Fill an empty Redis from the database: media units, what is placed on them, and the hashes of conferences.

        Each unit has 12 s for its next heartbeat.
        """
        database = store_of(self._platform).database
        rows = sql.select(
            database,
            "SELECT restype, ip, pid, room, platform, capacity, draining"
            " FROM conferences_resourceunit WHERE online=1",
        )
        calls: list[PoolCall] = []
        for kind, ip, pid, room, platform, capacity, draining in rows:
            node = node_json(room, platform, orjson.loads(capacity), None, bool(draining))
            calls.append(("adopt", kind, name_of(unit_here(ip, pid)), node))
        live = list(redis_projection.live_conferences(self._platform))
        others = [other for other in possible_platforms() if other != self._platform]
        of_others = (
            conference
            for other in others
            for conference in redis_projection.live_conferences(other)
        )
        for conference in (*live, *of_others):
            if conference.hosting_platform != self._platform:
                continue  # A media unit of another site runs it.
            is_hd = "1" if conference.resolution == "1080p" else "0"
            # Until the media unit has answered that it runs the conference, its places are only reserved ("held").
            state = "held" if conference.answer_by else "used"
            amounts = (
                ("mcu", conference.unit, str(conference.places), is_hd),
                ("vrs", conference.vrs, "0", "0"),
                ("mps", conference.mps, "0", "0"),
            )
            for kind, unit, ports, hd_ports in amounts:
                if unit and conference.state.value != "pending":
                    calls.append(
                        ("placed", kind, name_of(unit), conference.e164, ports, hd_ports, state)
                    )
        self._run_calls([*calls, ("rebuilt",)])
        redis_projection.write_conferences(self._platform, live)


def name_of(unit: Unit) -> str:
    """Return a media unit's name in the pool (Redis): `ip#pid`, which, unlike `ip:pid`, can be split for IPv6."""
    return f"{unit.ip}#{unit.pid}"


def unit_of(name: str) -> Unit:
    """Return the media unit that has this name (`ip#pid`) in the pool, the table of media units in Redis."""
    return unit_here(*name.split("#", 1))


def unit_here(ip: str, pid: str) -> Unit:
    """Return the media unit of this site with this address and instance name; the pool in Redis has no others."""
    return Unit(ip, pid, own_platform())


def node_json(
    room: str,
    platform: str,
    capacity: dict[str, int],
    load: dict[str, int] | None,
    draining: bool,
    clockskew: int | None = None,
) -> str:
    """Return a media unit, recorder or mixer as JSON for the pool, the table of units in Redis.

    `load`: the amounts that it reports as used; `None` if it reports none. `clockskew`: by how many milliseconds the
    clock of its host is ahead of the platform's time; `None` if that is unknown.
    """
    return orjson.dumps(
        {
            "room": room or "default",
            "platform": platform,
            "capacity": _all_amounts(capacity),
            "load": _all_amounts(load or {}),
            "draining": int(draining),
            "clockskew": clockskew or 0,
        }
    ).decode()


def _all_amounts(amounts: dict[str, int]) -> dict[str, int]:
    """Return how many conferences, ports and full-HD conferences `amounts` names; missing ones are 0."""
    return {name: int(amounts.get(name, 0)) for name in ("confs", "ports", "hd")}

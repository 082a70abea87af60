"""The pool in Redis is read here for admin pages: media units, recorders and mixers (resources)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from conferences.data.pool import name_of, unit_here
from conferences.rules.states import Unit
from foundation.cells.directory import redis_of


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure is the capacity of a resource for conferences, ports or full-HD conferences, and how much is in use.

    `placed`: the amount that our pool has placed there, reserved or in use. `load`: the amount in use by the resource's
    own report. `foreign`: the part of that report which exceeds `placed`, as another scheduler uses the resource, too.
    """

    capacity: int = 0
    placed: int = 0
    load: int = 0
    foreign: int = 0

    @property
    def used(self) -> int:
        """Return the amount in use, of conferences or ports: placed there by our pool, plus what others use."""
        return self.placed + self.foreign

    @property
    def free(self) -> int:
        """Return how much of the resource's capacity is free."""
        return max(0, self.capacity - self.used)


@dataclass(frozen=True, slots=True)
class Resource:
    """Represent a media unit, recorder or mixer (`kind`) as the pool knows it now.

    `clockskew`: by how many milliseconds its host's clock is ahead of the platform's time, by its own account.
    `draining`: it takes no new conferences. `tired`: it was lost less than a minute ago, and is avoided.
    """

    kind: str
    unit: Unit
    room: str
    draining: bool
    tired: bool
    silent_seconds: float
    clockskew: int
    confs: Measure
    ports: Measure
    hd: Measure


def load_resources(platform: str) -> dict[tuple[str, Unit], Resource]:
    """Return all media units, recorders and mixers of the pool in Redis: (kind, unit) -> resource.

    `rms:seen` has the times of their last heartbeats in ms. A unit that was lost lately has a key `rms:tired:…` for a
    while, and is avoided. Raises redis.RedisError while Redis cannot be reached.
    """
    client = redis_of(platform)
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange("rms:seen", 0, -1, withscores=True)
        (seconds, micros), heartbeats = pipe.execute()
    now = seconds * 1000 + micros // 1000
    entries = [
        (kind, name, seen_at)
        for entry, seen_at in heartbeats
        for kind, _, name in [entry.partition("|")]
    ]
    with client.pipeline(transaction=False) as pipe:
        for kind, name, _seen_at in entries:
            pipe.hgetall(f"rms:node:{kind}:{name}")
            pipe.exists(f"rms:tired:{name}")
        answers = pipe.execute()
    resources = {}
    for (kind, name, seen_at), node, tired in zip(
        entries, answers[::2], answers[1::2], strict=True
    ):
        ip, _, pid = name.partition("#")
        resource = _resource(
            kind, unit_here(ip, pid), node, bool(tired), max(0.0, (now - seen_at) / 1000)
        )
        resources[(kind, resource.unit)] = resource
    return resources


def _resource(
    kind: str, unit: Unit, node: dict[str, str], tired: bool, silent_seconds: float
) -> Resource:
    """Return the media unit, recorder or mixer that a hash in Redis (`node`) describes."""
    measures = {
        name: Measure(
            capacity=int(node.get(f"cap_{name}", 0)),
            placed=int(node.get(f"all_{name}", 0)),
            load=int(node.get(f"load_{name}", 0)),
            foreign=int(node.get(f"foreign_{name}", 0)),
        )
        for name in ("confs", "ports", "hd")
    }
    return Resource(
        kind=kind,
        unit=unit,
        room=node.get("room", ""),
        draining=node.get("draining") == "1",
        tired=tired,
        silent_seconds=silent_seconds,
        clockskew=int(node.get("clockskew", 0)),
        **measures,
    )


def placed_on(platform: str, kind: str, unit: Unit) -> list[tuple[str, str]]:
    """Return at most 500 conferences that Redis has on a media unit or recorder: `(number, why it was chosen)`."""
    client = redis_of(platform)
    numbers = sorted(map(str, client.hkeys(f"rms:alloc:{kind}:{name_of(unit)}")))[:500]
    return list(zip(numbers, placement_reasons(platform, numbers), strict=True))


def placement_reasons(platform: str, numbers: Collection[str]) -> list[str]:
    """Return for each conference number why the pool in Redis chose its media unit; "" if that is forgotten."""
    if not numbers:
        return []
    client = redis_of(platform)
    return [
        str(reason or "") for reason in client.mget([f"rms:why:{number}" for number in numbers])
    ]

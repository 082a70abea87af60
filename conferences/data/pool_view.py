"""The pool as operators see it: what each resource can hold, holds, and when it was last heard of. Read-only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from conferences.data.pool import name_of, unit_here
from conferences.rules.states import Unit
from foundation.cells.directory import redis_of


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that a unit has so and so much of: conferences, ports, or full-HD ports.

    `placed` is what we have put there, held or in use; `load` what the unit itself reports.
    """

    capacity: int = 0
    placed: int = 0
    load: int = 0
    foreign: int = 0

    @property
    def used(self) -> int:
        """Taken, by us or by others."""
        return self.placed + self.foreign

    @property
    def free(self) -> int:
        """What is left."""
        return max(0, self.capacity - self.used)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as the pool knows it now."""

    kind: str
    unit: Unit
    room: str
    draining: bool
    tired: bool
    silent_seconds: float
    confs: Measure
    ports: Measure
    hd: Measure


def look(platform: str) -> dict[tuple[str, Unit], Resource]:
    """All resources that the pool knows. Raises redis.RedisError where Redis is away."""
    client: Any = redis_of(platform)
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange("rms:seen", 0, -1, withscores=True)
        (seconds, micros), seen = pipe.execute()
    now = seconds * 1000 + micros // 1000
    names = [(kind, name, at) for one, at in seen for kind, _, name in [one.partition("|")]]
    with client.pipeline(transaction=False) as pipe:
        for kind, name, _at in names:
            pipe.hgetall(f"rms:node:{kind}:{name}")
            pipe.exists(f"rms:tired:{name}")
        answers = pipe.execute()
    found = {}
    for (kind, name, at), node, tired in zip(names, answers[::2], answers[1::2], strict=True):
        ip, _, pid = name.partition("#")
        one = _resource(kind, unit_here(ip, pid), node, bool(tired), max(0.0, (now - at) / 1000))
        found[(kind, one.unit)] = one
    return found


def _resource(kind: str, unit: Unit, node: dict[str, str], tired: bool, silent: float) -> Resource:
    measures = {
        what: Measure(
            capacity=int(node.get(f"cap_{what}", 0)),
            placed=int(node.get(f"all_{what}", 0)),
            load=int(node.get(f"load_{what}", 0)),
            foreign=int(node.get(f"foreign_{what}", 0)),
        )
        for what in ("confs", "ports", "hd")
    }
    return Resource(
        kind=kind,
        unit=unit,
        room=node.get("room", ""),
        draining=node.get("draining") == "1",
        tired=tired,
        silent_seconds=silent,
        **measures,
    )


def placed_on(platform: str, kind: str, unit: Unit) -> list[tuple[str, str]]:
    """`(number, why there)` of all that is placed on a resource."""
    client: Any = redis_of(platform)
    numbers = sorted(client.hkeys(f"rms:alloc:{kind}:{name_of(unit)}"))[:500]
    return list(zip(numbers, reasons(platform, numbers), strict=True))


def reasons(platform: str, numbers: Collection[str]) -> list[str]:
    """Why the pool chose the unit of each of these numbers; "" where it does not know any more."""
    if not numbers:
        return []
    client: Any = redis_of(platform)
    return [why or "" for why in client.mget([f"rms:why:{one}" for one in numbers])]

"""The last restores lie in Redis as a time line for operators; it is derived from rows, and nothing waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.cells.directory import redis_of
from wire.number_registry import UsedUnit

_KEY = "conferences:restores"
_MOST = 200


@dataclass(frozen=True, slots=True)
class Restore:
    """A conference that lost its unit, and runs again since `restored_at`."""

    e164: str
    confid: str
    came_from: str
    went_to: str
    lost_at: datetime
    restored_at: datetime

    @property
    def seconds(self) -> float:
        """The seconds for which no unit ran it."""
        return max(0.0, (self.restored_at - self.lost_at).total_seconds())


def stage(pipe: Any, c: Conference) -> None:
    """Stage the entry of a conference that was restored; the same restore gives the same entry."""
    if not c.restores or c.state is not ConferenceState.RUNNING or len(c.units) < 2:
        return
    before, now = c.units[-2], c.units[-1]
    if not before.until or not now.since:
        return
    entry = [c.e164, c.confid, _name(before), _name(now), before.until, now.since]
    restored_at = datetime.fromisoformat(now.since).timestamp()
    pipe.zadd(_KEY, {orjson.dumps(entry): restored_at})
    pipe.zremrangebyrank(_KEY, 0, -_MOST - 1)


def latest(platform: str, most: int = 12) -> list[Restore]:
    """Return the last restores, the newest first. Raises redis.RedisError while Redis is away."""
    client: Any = redis_of(platform)
    entries = client.zrevrange(_KEY, 0, most - 1)
    return [_restore(orjson.loads(entry)) for entry in entries]


def _restore(entry: list[str]) -> Restore:
    e164, confid, came_from, went_to, lost_at, restored_at = entry
    return Restore(e164, confid, came_from, went_to, _moment(lost_at), _moment(restored_at))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _name(used: UsedUnit) -> str:
    """Return the name of a used unit."""
    return str(Unit.of(used) or "?")

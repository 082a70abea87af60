"""The last restores, as a time line for operators: in Redis, from the rows, never waited for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.cells.directory import redis_of

_KEY = "conferences:restores"
_MOST = 200


@dataclass(frozen=True, slots=True)
class Restore:
    """One conference that lost its unit, and runs again."""

    e164: str
    confid: str
    came_from: str
    went_to: str
    lost_at: datetime
    at: datetime

    @property
    def seconds(self) -> float:
        """How long nobody was in charge of it."""
        return max(0.0, (self.at - self.lost_at).total_seconds())


def note(pipe: Any, c: Conference) -> None:
    """Stage the entry of a conference that was restored; the same restore gives the same entry."""
    if not c.restores or c.state is not ConferenceState.RUNNING or len(c.units) < 2:
        return
    before, now = c.units[-2], c.units[-1]
    if "until" not in before:
        return
    entry = [c.e164, c.confid, _name(before), _name(now), before["until"], now["from"]]
    at = datetime.fromisoformat(now["from"]).timestamp()
    pipe.zadd(_KEY, {orjson.dumps(entry): at})
    pipe.zremrangebyrank(_KEY, 0, -_MOST - 1)


def last(platform: str, most: int = 12) -> list[Restore]:
    """The newest first. Raises redis.RedisError where Redis is away."""
    client: Any = redis_of(platform)
    found = client.zrevrange(_KEY, 0, most - 1)
    return [_restore(orjson.loads(one)) for one in found]


def _restore(entry: list[str]) -> Restore:
    e164, confid, came_from, went_to, lost_at, at = entry
    return Restore(e164, confid, came_from, went_to, _moment(lost_at), _moment(at))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _name(used: dict[str, Any]) -> str:
    return str(Unit.of(used) or "?")

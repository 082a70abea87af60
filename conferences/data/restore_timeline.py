"""The latest restores of conferences are kept in Redis, for the dashboard of the operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import redis

from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.cells.directory import redis_of
from wire.number_registry import UsedUnit

_KEY = "conferences:restores"
_MAX_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class Restore:
    """The restore of a conference that lost its media unit at `lost_at`, and runs again since `restored_at`.

    `hosting_platform`: whose media unit runs it since then; "" in entries of earlier releases.
    """

    e164: str
    confid: str
    came_from: str
    went_to: str
    lost_at: datetime
    restored_at: datetime
    hosting_platform: str

    @property
    def seconds(self) -> float:
        """Return the seconds during which no media unit ran the conference."""
        return max(0.0, (self.restored_at - self.lost_at).total_seconds())


def stage_restore(pipe: redis.Redis, conference: Conference) -> None:
    """Add the last restore of a conference (its move to a new media unit), if it had one, to the Redis pipeline.

    The list keeps the latest _MAX_ENTRIES. The same restore gives the same entry, so that adding it twice changes
    nothing.
    """
    if (
        not conference.restores
        or conference.state is not ConferenceState.RUNNING
        or len(conference.units) < 2
    ):
        return
    old_unit, new_unit = conference.units[-2], conference.units[-1]
    if not old_unit.until or not new_unit.since:
        return
    entry = [
        conference.e164,
        conference.confid,
        _unit_name(old_unit),
        _unit_name(new_unit),
        old_unit.until,
        new_unit.since,
        conference.hosting_platform,
    ]
    restored_at = datetime.fromisoformat(new_unit.since).timestamp()
    pipe.zadd(_KEY, {orjson.dumps(entry): restored_at})
    pipe.zremrangebyrank(_KEY, 0, -_MAX_ENTRIES - 1)


def latest_restores(platform: str, limit: int = 12) -> list[Restore]:
    """Return the last restores of a platform's conferences, the newest first. Raises redis.RedisError without Redis."""
    client = redis_of(platform)
    entries = client.zrevrange(_KEY, 0, limit - 1)
    return [_restore(orjson.loads(str(entry))) for entry in entries]


def _restore(entry: list[str]) -> Restore:
    """Return the restore that an entry in Redis describes; `stage_restore` has written the entry."""
    e164, confid, came_from, went_to, lost_at, restored_at, *host = entry
    moments = _moment(lost_at), _moment(restored_at)
    return Restore(e164, confid, came_from, went_to, *moments, host[0] if host else "")


def _moment(text: str) -> datetime:
    """Return the time, in UTC, that an ISO 8601 text names."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _unit_name(used: UsedUnit) -> str:
    """Return address and instance of a media unit on which a conference ran; "?" if unknown."""
    return str(Unit.of(used) or "?")

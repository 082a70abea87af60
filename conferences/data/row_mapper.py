"""The functions here turn a conference into a row of its table, and back."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from conferences.rules.states import Conference, Unit, next_due
from foundation.bus.outbox import to_db_datetime
from foundation.bus.typed_json import encode, read_own

COLUMNS = (
    "confid",
    "e164",
    "live_e164",
    "shortnum",
    "live_shortnum",
    "name",
    "state",
    "incarnation",
    "revision",
    "source_platform",
    "hosting_platform",
    "user_domain",
    "creator_moid",
    "places",
    "unit_ip",
    "unit_pid",
    "live_unit",
    "created_at",
    "ends_at",
    "ended_at",
    "end_reason",
    "due_at",
    "detail",
)
CHANGING_COLUMNS = COLUMNS[2:]
"""The columns of a conference that may change; its id and number never do."""

DETAIL_COLUMN = "detail"
"""The column that has the whole conference as JSON; the other columns repeat the fields for queries."""

_decode = msgspec.json.Decoder(Conference).decode


def to_row(conference: Conference) -> tuple[object, ...]:
    """Return the database row of a conference: the values of COLUMNS, in their order.

    A column is NULL for an ended conference if a unique index is on it: number, short number and unit are free again.
    """
    unit = conference.unit or Unit("")
    due = next_due(conference)
    return (
        conference.confid,
        conference.e164,
        conference.e164 if conference.live else None,
        conference.shortnum,
        conference.shortnum if conference.live and conference.shortnum else None,
        conference.name,
        conference.state.value,
        conference.incarnation,
        conference.revision,
        conference.source_platform,
        conference.hosting_platform,
        conference.user_domain,
        conference.creator_moid,
        conference.places,
        unit.ip,
        unit.pid,
        str(unit) if conference.live and conference.unit else None,
        to_db_datetime(conference.created_at),
        to_db_datetime(conference.ends_at) if conference.ends_at else None,
        to_db_datetime(conference.ended_at) if conference.ended_at else None,
        conference.end_reason,
        to_db_datetime(due) if due else None,
        encode(conference),
    )


def from_row(row: tuple[Any, ...]) -> Conference:
    """Return the conference of a database row whose first value is DETAIL_COLUMN, the conference as JSON.

    JSON that an earlier release wrote is converted.
    """
    try:
        conference = _decode(row[0])
    except msgspec.ValidationError:
        return _from_older_release(row[0])
    units = (conference.unit, conference.vrs, conference.mps, *conference.tried)
    # Earlier releases stored units without their site.
    if all(unit.site for unit in units if unit):
        return conference
    return _from_older_release(row[0])


def _from_older_release(detail: bytes) -> Conference:
    """Return the conference from a `detail` that an earlier release has written, or that has unknown fields."""
    members: dict[str, Any] = orjson.loads(detail)
    site = members.get("hosting_platform", "")
    for name in ("unit", "vrs", "mps"):
        if unit := members.get(name):
            members[name] = _with_site(unit, site)
    if "tried" in members:
        members["tried"] = [_with_site(unit, site) for unit in members["tried"]]
    return read_own(Conference, members)


def _with_site(unit: list[str], site: str) -> list[str]:
    """Return a stored unit `[ip, pid, site]`; earlier releases wrote it without the site.

    Such a unit stands at the site where the conference runs.
    """
    return unit if len(unit) > 2 else [*unit, site]


def redis_fields(conference: Conference) -> dict[str, str]:
    """Return the fields of the hash `confex/<number>` in Redis, which other modules of the platform read."""
    return {
        "moid": conference.user_domain,
        "platformmoid": conference.hosting_platform or conference.source_platform,
        "confname": conference.name,
        "state": conference.state.value,
        "endtime": conference.ends_at.isoformat(timespec="seconds") if conference.ends_at else "",
        "mcu": str(conference.unit) if conference.unit else "",
        "shortnum": conference.shortnum,
    }

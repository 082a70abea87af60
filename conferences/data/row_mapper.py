"""A conference is turned into a row of its table, and back, here."""

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
READ = "detail"
"""All of a conference is in `detail`; the columns repeat what is searched for."""

_decode = msgspec.json.Decoder(Conference).decode


def to_row(c: Conference) -> tuple[Any, ...]:
    """Return the values of COLUMNS."""
    unit = c.unit or Unit("")
    due = next_due(c)
    return (
        c.confid,
        c.e164,
        c.e164 if c.live else None,
        c.shortnum,
        c.shortnum if c.live and c.shortnum else None,
        c.name,
        c.state.value,
        c.incarnation,
        c.revision,
        c.source_platform,
        c.hosting_platform,
        c.user_domain,
        c.creator_moid,
        c.places,
        unit.ip,
        unit.pid,
        str(unit) if c.live and c.unit else None,
        to_db_datetime(c.created_at),
        to_db_datetime(c.ends_at) if c.ends_at else None,
        to_db_datetime(c.ended_at) if c.ended_at else None,
        c.end_reason,
        to_db_datetime(due) if due else None,
        encode(c),
    )


def from_row(row: tuple[Any, ...]) -> Conference:
    """Return the conference of a row that begins as READ says, each field of its declared type."""
    try:
        conference = _decode(row[0])
    except msgspec.ValidationError:
        return _from_older_spelling(row[0])
    units = (conference.unit, conference.vrs, conference.mps, *conference.tried)
    if all(unit.at for unit in units if unit):
        return conference
    return _from_older_spelling(row[0])


def _from_older_spelling(detail: bytes) -> Conference:
    """Return the conference of a row that an earlier release wrote, or that holds undeclared members."""
    members: dict[str, Any] = orjson.loads(detail)
    site = members.get("hosting_platform", "")
    for name in ("unit", "vrs", "mps"):
        if unit := members.get(name):
            members[name] = _with_site(unit, site)
    if "tried" in members:
        members["tried"] = [_with_site(unit, site) for unit in members["tried"]]
    return read_own(Conference, members)


def _with_site(unit: list[str], site: str) -> list[str]:
    """Return a unit with its site.

    A unit that was written before units knew their site stands where the conference runs.
    """
    return unit if len(unit) > 2 else [*unit, site]


def projection(c: Conference) -> dict[str, str]:
    """Return the fields of `confex/<number>` in Redis, for the platform's other modules."""
    return {
        "moid": c.user_domain,
        "platformmoid": c.hosting_platform or c.source_platform,
        "confname": c.name,
        "state": c.state.value,
        "endtime": c.ends_at.isoformat(timespec="seconds") if c.ends_at else "",
        "mcu": str(c.unit) if c.unit else "",
        "shortnum": c.shortnum,
    }

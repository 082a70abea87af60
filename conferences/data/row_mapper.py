"""Row <-> value: how a conference lies in its table."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import orjson

from conferences.rules.states import Conference, Unit, next_due
from foundation.bus.outbox import to_db_datetime
from foundation.bus.typed_json import TypedObject, read_own, to_json, to_json_list

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
READ = "detail, revision"
"""All of a conference is in `detail`; the columns repeat what is searched for."""

_NAMES = tuple(f.name for f in fields(Conference))
_DEFAULTS = {f.name: f.default for f in fields(Conference)}


def to_row(c: Conference) -> tuple[Any, ...]:
    """The values of COLUMNS."""
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
        to_detail(c),
    )


def to_detail(c: Conference) -> bytes:
    """What differs from a conference's defaults, as JSON."""
    kept = {n: v for n in _NAMES if (v := getattr(c, n)) != _DEFAULTS[n]}
    for name in ("mts", "units", "members"):
        if name in kept:
            kept[name] = to_json_list(kept[name])
    return orjson.dumps(kept, default=_plain)


def _plain(value: object) -> object:
    """A typed object as a JSON object, a named tuple as a list: what orjson does not know."""
    if isinstance(value, TypedObject):
        return to_json(value)
    if isinstance(value, tuple):
        return tuple(value)
    raise TypeError(f"{type(value).__name__} is not kept")


def from_row(row: tuple[Any, ...]) -> Conference:
    """The conference of a row that was read as READ says; each field is of the type that it declares."""
    kept: dict[str, Any] = orjson.loads(row[0])
    here = kept.get("hosting_platform", "")
    for name in ("unit", "vrs", "mps"):
        if unit := kept.get(name):
            kept[name] = _with_site(unit, here)
    if "tried" in kept:
        kept["tried"] = [_with_site(unit, here) for unit in kept["tried"]]
    kept["revision"] = int(row[1])  # A UNION with a NULL in its first part gives text.
    return read_own(Conference, kept)


def _with_site(unit: list[str], here: str) -> list[str]:
    """A unit that was written before units knew their site stands where the conference runs."""
    return unit if len(unit) > 2 else [*unit, here]


def projection(c: Conference) -> dict[str, str]:
    """`confex/<number>` in Redis, for the platform's other modules."""
    return {
        "moid": c.user_domain,
        "platformmoid": c.hosting_platform or c.source_platform,
        "confname": c.name,
        "state": c.state.value,
        "endtime": c.ends_at.isoformat(timespec="seconds") if c.ends_at else "",
        "mcu": str(c.unit) if c.unit else "",
        "shortnum": c.shortnum,
    }

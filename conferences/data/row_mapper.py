"""Row <-> value: how a conference lies in its table."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import orjson

from conferences.rules.states import Conference, ConferenceState, Rename, Unit, next_due
from foundation.bus.outbox import naive

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

_UNITS = frozenset({"unit", "vrs", "mps"})
_TUPLES = frozenset({"mts", "units", "members"})
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
        naive(c.created_at),
        naive(c.ends_at) if c.ends_at else None,
        naive(c.ended_at) if c.ended_at else None,
        c.end_reason,
        naive(due) if due else None,
        to_detail(c),
    )


def to_detail(c: Conference) -> bytes:
    """What differs from a conference's defaults, as JSON."""
    kept = {n: v for n in _NAMES if (v := getattr(c, n)) != _DEFAULTS[n]}
    if c.rename:
        r = c.rename
        kept["rename"] = [r.ask, r.name, r.request, r.reqid, r.answer_by]
    return orjson.dumps(kept, default=tuple)


def from_row(row: tuple[Any, ...]) -> Conference:
    """The conference of a row that was read as READ says."""
    kept: dict[str, Any] = orjson.loads(row[0])
    at = kept.get("hosting_platform", "")
    for name, value in kept.items():
        if value is None:
            continue
        if name.endswith(("_at", "_by", "_since")):
            kept[name] = _moment(value)
        elif name in _UNITS:
            kept[name] = _unit(value, at)
        elif name in _TUPLES:
            kept[name] = tuple(value)
    kept["state"] = ConferenceState(kept.get("state", ConferenceState.CREATING))
    kept["revision"] = row[1]
    if "tried" in kept:
        kept["tried"] = tuple(_unit(one, at) for one in kept["tried"])
    if kept.get("rename"):
        ask, name, request, reqid, answer_by = kept["rename"]
        kept["rename"] = Rename(ask, name, request, reqid, _moment(answer_by))
    return Conference(**kept)


def _unit(value: list[str], at: str) -> Unit:
    """A unit; one that was written before units knew their site stands where the conference runs."""
    return Unit(*value) if len(value) > 2 else Unit(value[0], value[1], at)


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)


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

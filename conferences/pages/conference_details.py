"""The functions here put a conference into words, for its page and for call records as CSV.

They never show secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from conferences.rules.outgoing import wire_time
from conferences.rules.states import Conference, Unit
from foundation.bus.typed_json import to_json
from foundation.web import table_export
from wire.fields import Join
from wire.number_registry import Stay, UsedUnit

SECRET = frozenset({"pin", "token", "password", "secret"})
COLUMNS = (
    "confid",
    "number",
    "name",
    "tenant",
    "source platform",
    "hosting platform",
    "creator",
    "start",
    "end",
    "reason",
    "restores",
    "places",
    "recorded",
    "units",
    "members",
)


def size(c: Conference) -> str:
    """Return the places, the resolution, and whether the conference is recorded."""
    kind = "large" if c.large else "small"
    more = ", recorded" if c.record else ""
    return f"{c.places} places ({kind}), {c.resolution}{more}"


def join_without_secrets(join: Join | None) -> str:
    """Return the ways to join, without pin and token."""
    ways = []
    for way, info in (to_json(join) if join else {}).items():
        if way in SECRET:
            continue
        text = info
        if isinstance(info, dict):
            text = " ".join(
                f"{name}={value}"
                for name, value in info.items()
                if name not in SECRET and isinstance(value, str | int)
            )
        ways.append(f"{way}: {text}")
    return "; ".join(ways)


def members(c: Conference) -> list[tuple[str, str, str]]:
    """Return the members, each with the times of joining and leaving."""
    return [(_name(m), _moment(m.since), _moment(m.until)) for m in c.members]


def units(c: Conference) -> list[tuple[str, str, str]]:
    """Return the units on which the conference ran, each with its times."""
    return [(_unit(u), _moment(u.since), _moment(u.until)) for u in c.units]


def csv_lines(conferences: Iterable[Conference]) -> Iterator[str]:
    """Yield the call records as lines of CSV."""
    return table_export.csv_lines(COLUMNS, map(_record, conferences))


def _record(c: Conference) -> tuple[Any, ...]:
    return (
        c.confid,
        c.e164,
        c.name,
        c.user_domain,
        c.source_platform,
        c.hosting_platform,
        c.creator_name or c.creator_moid,
        wire_time(c.started_at),
        wire_time(c.ended_at),
        c.end_reason,
        c.restores,
        c.places,
        int(c.record),
        "; ".join(" ".join(unit) for unit in units(c)),
        "; ".join(" ".join(member) for member in members(c)),
    )


def _name(member: Stay) -> str:
    return member.name or member.account or member.mtid or ""


def _unit(used: UsedUnit) -> str:
    return str(Unit.of(used) or "?")


def _moment(value: str | None) -> str:
    return (value or "").replace("T", " ").removesuffix("+00:00")

"""A conference in words, for people: its page, and call records as CSV. Secrets never come this far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from conferences.rules.outgoing import wire_time
from conferences.rules.states import Conference, Unit
from foundation.web import table_export

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
    """Places, picture, recording."""
    kind = "large" if c.large else "small"
    more = ", recorded" if c.record else ""
    return f"{c.places} places ({kind}), {c.resolution}{more}"


def join_without_secrets(join: dict[str, Any] | None) -> str:
    """The ways in, without pin and token."""
    ways = []
    for way, info in (join or {}).items():
        if way in SECRET:
            continue
        shown = info
        if isinstance(info, dict):
            shown = " ".join(
                f"{name}={value}"
                for name, value in info.items()
                if name not in SECRET and isinstance(value, str | int)
            )
        ways.append(f"{way}: {shown}")
    return "; ".join(ways)


def members(c: Conference) -> list[tuple[str, str, str]]:
    """Who was there."""
    return [(_name(m), _moment(m.get("from")), _moment(m.get("until"))) for m in c.members]


def units(c: Conference) -> list[tuple[str, str, str]]:
    """Where it ran."""
    return [(_unit(u), _moment(u.get("from")), _moment(u.get("until"))) for u in c.units]


def csv_lines(conferences: Iterable[Conference]) -> Iterator[str]:
    """Call records, line by line."""
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
        "; ".join(" ".join(one) for one in units(c)),
        "; ".join(" ".join(one) for one in members(c)),
    )


def _name(member: dict[str, Any]) -> str:
    return _text(member.get("name") or member.get("account") or member.get("mtid"))


def _unit(used: dict[str, Any]) -> str:
    return str(Unit.of(used) or "?")


def _moment(value: Any) -> str:
    return _text(value).replace("T", " ").removesuffix("+00:00")


def _text(value: Any) -> str:
    return "" if value is None else str(value)

"""The functions here describe a conference in texts without secrets, for its admin page and for CSV call records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from conferences.rules.outgoing import wire_time
from conferences.rules.states import Conference, Unit
from foundation.bus.typed_json import to_json
from foundation.web import table_export
from wire.fields import Join
from wire.monitors import AUDIO
from wire.number_registry import Stay, UsedUnit

SECRET_FIELDS = frozenset({"pin", "token", "password", "secret"})
CSV_COLUMNS = (
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


def describe_size(conference: Conference) -> str:
    """Return a text with a conference's number of places, its resolution, and whether it is recorded."""
    kind = "large" if conference.large else "small"
    recorded = ", recorded" if conference.record else ""
    return f"{conference.places} places ({kind}), {conference.resolution}{recorded}"


def join_without_secrets(join: Join | None) -> str:
    """Return a text that says how to enter a conference on its media unit, without pin and token."""
    descriptions = []
    for kind, info in (to_json(join) if join else {}).items():
        if kind in SECRET_FIELDS:
            continue
        text = info
        if isinstance(info, dict):
            text = " ".join(
                f"{name}={value}"
                for name, value in info.items()
                if name not in SECRET_FIELDS and isinstance(value, str | int)
            )
        descriptions.append(f"{kind}: {text}")
    return "; ".join(descriptions)


def member_rows(conference: Conference) -> list[tuple[str, str, str]]:
    """Return for each stay of a member in a conference `(name, time of joining, time of leaving)`."""
    return [
        (_member_name(stay), _time_text(stay.since), _time_text(stay.until))
        for stay in conference.members
    ]


def monitor_rows(conference: Conference) -> list[tuple[str, str, str, str]]:
    """Return the monitors of a conference: `(member, sound or picture, address it is sent to, kept alive until)`."""
    names = {terminal.mtid: terminal.name or terminal.account for terminal in conference.mts}
    return [
        (
            names.get(monitor.mtid) or monitor.mtid or _("all members"),
            _("sound") if monitor.mode == AUDIO else _("picture"),
            f"{monitor.ip} {monitor.port}",
            _time_text(wire_time(monitor.due_at)),
        )
        for monitor in conference.monitors
    ]


def unit_rows(conference: Conference) -> list[tuple[str, str, str]]:
    """Return for each media unit on which the conference ran `(unit, from, until)`."""
    return [
        (_unit_name(used), _time_text(used.since), _time_text(used.until))
        for used in conference.units
    ]


def csv_lines(conferences: Iterable[Conference]) -> Iterator[str]:
    """Yield the call records of ended conferences as lines of CSV, with a header."""
    return table_export.csv_lines(CSV_COLUMNS, map(_csv_row, conferences))


def _csv_row(conference: Conference) -> tuple[object, ...]:
    """Return the values of CSV_COLUMNS for one ended conference."""
    return (
        conference.confid,
        conference.e164,
        conference.name,
        conference.user_domain,
        conference.source_platform,
        conference.hosting_platform,
        conference.creator_name or conference.creator_moid,
        wire_time(conference.started_at),
        wire_time(conference.ended_at),
        conference.end_reason,
        conference.restores,
        conference.places,
        int(conference.record),
        "; ".join(" ".join(unit) for unit in unit_rows(conference)),
        "; ".join(" ".join(member) for member in member_rows(conference)),
    )


def _member_name(stay: Stay) -> str:
    """Return the name of a member of a conference; without one the account, or the id."""
    return stay.name or stay.account or stay.mtid or ""


def _unit_name(used: UsedUnit) -> str:
    """Return the address of a media unit on which a conference ran; "?" if it is unknown."""
    return str(Unit.of(used) or "?")


def _time_text(value: str | None) -> str:
    """Return a stored time (ISO 8601 in UTC) in a form for people; "" if there is none."""
    return (value or "").replace("T", " ").removesuffix("+00:00")

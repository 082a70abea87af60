"""A call record that arrives at the core is an ended conference of another site; each field is checked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from conferences.rules.states import SMALL_PLACES, Conference, ConferenceState
from foundation.bus.message import NotTaken, obj, text, whole
from wire.fields import MOID, NUMBER, SIZES
from wire.number_registry import CallRecorded

MOST_ENTRIES = 5000
"""The most units, and the most stays of members, that are read of one record; a message holds no more."""


def decide_kept(notice: CallRecorded, now: datetime) -> Conference:
    """Return the ended conference that a record describes. Raises NotTaken, naming the field."""
    record = notice.record
    creator = _read(record, "creator", obj, {})
    ended = _moment(record, "endtime", now)
    started = _moment(record, "starttime", ended)
    places = _read(record, "maxjoinedmt", whole(0), SMALL_PLACES)
    return Conference(
        confid=_read({"confid": notice.confid}, "confid", text(40, 1)),
        e164=_read(record, "confE164", NUMBER),
        name=_read(record, "confname", text(64), ""),
        user_domain=_read(record, "moid", MOID),
        source_platform=_read(record, "sourceplatform", MOID),
        hosting_platform=_read(record, "hostingplatform", text(40), ""),
        creator_moid=str(creator.get("moid") or "")[:40],
        creator_name=str(creator.get("name") or "")[:64],
        state=ConferenceState.ENDED,
        created_at=started,
        started_at=started,
        ended_at=ended,
        end_reason=_read(record, "reason", text(16), ""),
        places=places if places in SIZES else SMALL_PLACES,
        units=_read(record, "units", _entries, ()),
        members=_read(record, "members", _entries, ()),
        restores=_read(record, "restores", whole(0), 0),
        record=bool(record.get("record")),
    )


def _read(record: dict[str, Any], field: str, check: Callable[[Any], Any], *default: Any) -> Any:
    """Return a checked field of the record, or the default where it is absent. Raises NotTaken."""
    value = record.get(field)
    if value is None and default:
        return default[0]
    try:
        return check(value)
    except ValueError as error:
        raise NotTaken(str(error), field) from None


def _moment(record: dict[str, Any], field: str, default: datetime) -> datetime:
    """Return a time of the record in UTC; a time without a zone is taken as UTC."""

    def read(value: Any) -> datetime:
        if not isinstance(value, str):
            raise ValueError("must be a time")
        when = datetime.fromisoformat(value)
        return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)

    moment: datetime = _read(record, field, read, default)
    return moment


def _entries(value: Any) -> tuple[dict[str, Any], ...]:
    """Return a list of objects as a tuple of at most MOST_ENTRIES. Raises ValueError."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError("must be a list of objects")
    return tuple(value[:MOST_ENTRIES])

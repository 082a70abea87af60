"""A call record as it arrives at the core: an ended conference of another site, read with care."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from conferences.rules.states import SMALL_PLACES, Conference, ConferenceState
from foundation.bus.message import NotTaken, obj, text, whole
from wire.fields import MOID, NUMBER, SIZES
from wire.number_registry import CallRecorded

MOST_ENTRIES = 5000
"""Units and comings and goings that are read of one record; a message holds no more."""


def decide_kept(notice: CallRecorded, now: datetime) -> Conference:
    """The conference of a record. Raises NotTaken, naming the field."""
    said = notice.record
    creator = _read(said, "creator", obj, {})
    ended = _moment(said, "endtime", now)
    started = _moment(said, "starttime", ended)
    places = _read(said, "maxjoinedmt", whole(0), SMALL_PLACES)
    return Conference(
        confid=_read({"confid": notice.confid}, "confid", text(40, 1)),
        e164=_read(said, "confE164", NUMBER),
        name=_read(said, "confname", text(64), ""),
        user_domain=_read(said, "moid", MOID),
        source_platform=_read(said, "sourceplatform", MOID),
        hosting_platform=_read(said, "hostingplatform", text(40), ""),
        creator_moid=str(creator.get("moid") or "")[:40],
        creator_name=str(creator.get("name") or "")[:64],
        state=ConferenceState.ENDED,
        created_at=started,
        started_at=started,
        ended_at=ended,
        end_reason=_read(said, "reason", text(16), ""),
        places=places if places in SIZES else SMALL_PLACES,
        units=_read(said, "units", _entries, ()),
        members=_read(said, "members", _entries, ()),
        restores=_read(said, "restores", whole(0), 0),
        record=bool(said.get("record")),
    )


def _read(said: dict[str, Any], field: str, check: Callable[[Any], Any], *default: Any) -> Any:
    value = said.get(field)
    if value is None and default:
        return default[0]
    try:
        return check(value)
    except ValueError as wrong:
        raise NotTaken(str(wrong), field) from None


def _moment(said: dict[str, Any], field: str, default: datetime) -> datetime:
    def read(value: Any) -> datetime:
        if not isinstance(value, str):
            raise ValueError("must be a time")
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)

    moment: datetime = _read(said, field, read, default)
    return moment


def _entries(value: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("must be a list of objects")
    return tuple(value[:MOST_ENTRIES])

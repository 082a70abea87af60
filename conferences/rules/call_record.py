"""A call record that arrives at the core is an ended conference of another site; each field is checked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from conferences.rules.states import SMALL_PLACES, Conference, ConferenceState
from foundation.bus.message import NotTaken
from wire.fields import SIZES
from wire.number_registry import CallRecorded, RecordedCreator

MOST_ENTRIES = 5000
"""The most units, and the most stays of members, that are read of one record; a message holds no more."""

T = TypeVar("T")


def decide_kept(notice: CallRecorded, now: datetime) -> Conference:
    """Return the ended conference that a record describes. Raises NotTaken, naming the field."""
    record = notice.record
    creator = record.creator or RecordedCreator()
    ended = _moment(record.ended, "endtime", now)
    started = _moment(record.started, "starttime", ended)
    return Conference(
        confid=notice.confid,
        e164=_needed(record.e164, "confE164"),
        name=record.name or "",
        user_domain=_needed(record.user_domain, "moid"),
        source_platform=_needed(record.source_platform, "sourceplatform"),
        hosting_platform=record.hosting_platform or "",
        creator_moid=(creator.moid or "")[:40],
        creator_name=(creator.name or "")[:64],
        state=ConferenceState.ENDED,
        created_at=started,
        started_at=started,
        ended_at=ended,
        end_reason=record.reason or "",
        places=record.places if record.places in SIZES else SMALL_PLACES,
        units=(record.units or ())[:MOST_ENTRIES],
        members=(record.members or ())[:MOST_ENTRIES],
        restores=record.restores or 0,
        record=bool(record.record),
    )


def _needed(value: T | None, field: str) -> T:
    """Return a field that the record must have. Raises NotTaken."""
    if value is None:
        raise NotTaken("is missing", field)
    return value


def _moment(value: str | None, field: str, default: datetime) -> datetime:
    """Return a time of the record in UTC; a time without a zone is taken as UTC."""
    if value is None:
        return default
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise NotTaken("must be a time", field) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)

"""A call record of another site becomes an ended conference in the database of the central site (the core)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from conferences.rules.states import SMALL_PLACES, Conference, ConferenceState
from foundation.bus.message import NotTaken
from wire.fields import SIZES
from wire.number_registry import CallRecorded, RecordedCreator

MAX_ENTRIES = 5000
"""At most so many used units, and stays of members, are read from one record; a message has no space for more."""

T = TypeVar("T")


def conference_of_record(notice: CallRecorded, now: datetime) -> Conference:
    """Return the ended conference that a call record describes. Raises NotTaken, which names the bad field."""
    record = notice.record
    creator = record.creator or RecordedCreator()
    ended = _parse_moment(record.ended, "endtime", now)
    started = _parse_moment(record.started, "starttime", ended)
    return Conference(
        confid=notice.confid,
        e164=_require(record.e164, "confE164"),
        name=record.name or "",
        user_domain=_require(record.user_domain, "moid"),
        source_platform=_require(record.source_platform, "sourceplatform"),
        hosting_platform=record.hosting_platform or "",
        creator_moid=(creator.moid or "")[:40],
        creator_name=(creator.name or "")[:64],
        state=ConferenceState.ENDED,
        created_at=started,
        started_at=started,
        ended_at=ended,
        end_reason=record.reason or "",
        places=record.places if record.places in SIZES else SMALL_PLACES,
        units=(record.units or ())[:MAX_ENTRIES],
        members=(record.members or ())[:MAX_ENTRIES],
        restores=record.restores or 0,
        record=bool(record.record),
    )


def _require(value: T | None, field: str) -> T:
    """Return the value of a field that the record must have. Raises NotTaken if it is `None`."""
    if value is None:
        raise NotTaken("is missing", field)
    return value


def _parse_moment(value: str | None, field: str, default: datetime) -> datetime:
    """Return a time of the record in UTC, or the default if it is missing. Raises NotTaken.

    A time without a zone is taken as UTC.
    """
    if value is None:
        return default
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotTaken("must be a time", field) from None

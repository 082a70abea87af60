"""A reservation is one frozen value, and each of its dates (occurrences) another. Pure. Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice

import msgspec

from conferences.rules.recurrence import Recurrence, dates, recurrence, zone_of
from conferences.rules.registry_entries import ConfType, RegistryEntry
from foundation.bus.outgoing import Outgoing
from wire.conference_manager import Creator
from wire.conference_settings import ConferenceSettings

HORIZON = timedelta(days=400)
"""Dates are planned so far ahead; at least one always is, as long as the rule has further ones."""
MAX_PLANNED = 400
"""So many dates of one reservation are planned at most; the others follow as these pass."""
FARTHEST_START = timedelta(days=3 * 366)
STARTED_FOR = timedelta(minutes=10)
"""A conference that cannot be started is tried again until so long after its start."""
OPENED_AT_MOST = timedelta(hours=24)
"""A booked conference may be opened so long before its start."""
LONG = timedelta(hours=4)
"""Dates that last longer are indexed apart, see the table `Occurrence`."""


class ReservationState(StrEnum):
    """A reservation is live until its last date is over, or until it is cancelled."""

    LIVE = "live"
    OVER = "over"
    CANCELLED = "cancelled"


class OccurrenceState(StrEnum):
    """A date is in one of these states."""

    PLANNED = "planned"
    """It waits for its start."""
    STARTING = "starting"
    """Its conference is being created, or is to be tried again."""
    BEGUN = "begun"
    """Its conference runs, or has run."""
    OVER = "over"
    FAILED = "failed"
    """Its conference could not be started in time."""
    CANCELLED = "cancelled"


OPEN_STATES = (OccurrenceState.PLANNED, OccurrenceState.STARTING, OccurrenceState.BEGUN)
"""A reservation with a date in one of these states is live."""


class Reservation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reservation: who booked what, when it is for the first time, and how it repeats.

    `starts_at` is the first start; the zone's name is kept, so that the local time stays the same all year.
    """

    bookid: str
    e164: str
    source_platform: str
    user_domain: str
    settings: ConferenceSettings
    starts_at: datetime
    created_at: datetime
    timezone: str = "UTC"
    repeat: str = ""
    creator_moid: str = ""
    creator_name: str = ""
    state: ReservationState = ReservationState.LIVE
    revision: int = 0

    @property
    def live(self) -> bool:
        """Tell whether it may have further dates, and keeps its number."""
        return self.state is ReservationState.LIVE

    @property
    def holder(self) -> str:
        """The name under which its number is kept."""
        return f"book:{self.bookid}"

    @property
    def creator(self) -> Creator:
        """The account that booked it, as messages name it."""
        return Creator(moid=self.creator_moid or None, name=self.creator_name or None)

    def recurrence(self) -> Recurrence:
        """Return how it repeats."""
        zone = zone_of(self.timezone) or zone_of("UTC")
        assert zone is not None
        return recurrence(self.starts_at, zone, self.repeat)

    @property
    def registry_entry(self) -> RegistryEntry:
        """Its entry in the registry of numbers."""
        kind, name = int(ConfType.RESERVE), self.settings.name
        return RegistryEntry(
            self.e164, kind, name, self.user_domain, self.source_platform, "booked"
        )

    def end(self, state: ReservationState) -> Reservation:
        """Return it over or cancelled."""
        return msgspec.structs.replace(self, state=state, revision=self.revision + 1)


class Occurrence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One date of a reservation. `original` is the start by the rule; `starts_at` differs where this date was moved.

    `settings`: its own, where this date was changed; `None` means those of the reservation. `due_at`: when the timer
    has to look at it. `last_code` and `last_detail` say why the last try failed.
    """

    bookid: str
    original: datetime
    starts_at: datetime
    ends_at: datetime
    places: int
    state: OccurrenceState = OccurrenceState.PLANNED
    is_exception: bool = False
    settings: ConferenceSettings | None = None
    due_at: datetime | None = None
    attempts: int = 0
    confid: str = ""
    last_code: str = ""
    last_detail: str = ""

    @property
    def id(self) -> str:
        """The key of its row, and of the requests that create its conference."""
        return occurrence_id(self.bookid, self.original)

    @property
    def gives_up_at(self) -> datetime:
        """When its conference is not tried any more."""
        return min(self.starts_at + STARTED_FOR, self.ends_at)

    def change(self, **changes: object) -> Occurrence:
        """Return the date with these fields changed."""
        return msgspec.structs.replace(self, **changes)

    def with_settings(self, settings: ConferenceSettings) -> Occurrence:
        """Return the date with the length and the places that settings give it."""
        ends_at = self.starts_at + timedelta(minutes=settings.duration)
        return self.change(ends_at=ends_at, places=settings.places)

    def close(self, state: OccurrenceState) -> Occurrence:
        """Return the date in a final state, in which no timer looks at it."""
        return self.change(state=state, due_at=None)


def occurrence_id(bookid: str, original: datetime) -> str:
    """Return the key of the date of a reservation that begins by its rule at this moment."""
    return f"{bookid}:{original.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def planned_occurrence(reservation: Reservation, start: datetime) -> Occurrence:
    """Return the date of a reservation that begins at this moment, as its rule says."""
    return Occurrence(
        bookid=reservation.bookid,
        original=start,
        starts_at=start,
        ends_at=start + timedelta(minutes=reservation.settings.duration),
        places=reservation.settings.places,
        due_at=start,
    )


def dates_to_plan(
    reservation: Reservation, after: datetime, now: datetime, planned: int = 0
) -> list[datetime]:
    """Return the dates after a moment that are to be planned now; `planned`: how many are already.

    They are those within HORIZON, together with the planned ones at most MAX_PLANNED, and at least one in all.
    """
    coming = islice(dates(reservation.recurrence(), after), MAX_PLANNED - planned)
    chosen: list[datetime] = []
    for start in coming:
        if start > now + HORIZON and (planned or chosen):
            break
        chosen.append(start)
    return chosen


@dataclass(frozen=True, slots=True)
class BookingStep:
    """A booking step holds the result of one decision about a reservation: rows to write, and messages to send.

    `reservation` is `None` if it does not change. `removed` are ids of dates that are planned no more.
    """

    reason: str
    reservation: Reservation | None = None
    occurrences: Sequence[Occurrence] = ()
    removed: Sequence[str] = ()
    send: Sequence[Outgoing] = ()

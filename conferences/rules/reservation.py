"""The values of a reservation and of its occurrences (single meetings of a series). Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from conferences.rules.recurrence import (
    Recurrence,
    checked_recurrence,
    starts_of,
    unchecked_recurrence,
    zone_of,
)
from conferences.rules.registry_entries import ConfType, RegistryEntry
from foundation.bus.outgoing import Outgoing
from wire.conference_manager import Creator
from wire.conference_settings import ConferenceSettings

HORIZON = timedelta(days=400)
"""Occurrences are planned so far ahead. The next occurrence is always planned, even if it lies further ahead."""
MAX_PLANNED = 400
"""At most so many occurrences of one reservation are planned at once; further ones follow as these pass."""
FARTHEST_START = timedelta(days=3 * 366)
MAX_START_DELAY = timedelta(minutes=10)
"""A booked conference that cannot be started is tried again until so long after its start."""
MAX_EARLY_OPENING = timedelta(hours=24)
"""A booked conference may be opened at most so long before its start."""
LONG_OCCURRENCE = timedelta(hours=4)
"""Occurrences that last longer are marked in the table `Occurrence`, so that queries for a moment read few rows."""


class ReservationState(StrEnum):
    """A reservation is live until its last occurrence is over, or until it is cancelled."""

    LIVE = "live"
    OVER = "over"
    CANCELLED = "cancelled"


class OccurrenceState(StrEnum):
    """The state of an occurrence of a reservation, a single meeting of the series."""

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
"""A reservation with an occurrence in one of these states is live."""


class Invitee(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Represent a person who is invited to a booked conference, or who has booked it.

    `email`: "" means that the person gets no mail. `account`: the MOID, "" for a person without an account in the
    user domain. `language`: "" means that it is not known. `is_guest`: named by the address, not as a member (`mts`).
    """

    email: str = ""
    name: str = ""
    account: str = ""
    language: str = ""
    is_guest: bool = False

    @property
    def key(self) -> str:
        """Return the value by which two invitees are the same person: the e-mail address, or else the account."""
        return self.email.lower() or self.account


class Reservation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reservation is a conference that somebody has booked, for one start or for repeated ones.

    `starts_at`: the first start. `timezone`, `repeat`: the IANA name of the zone, and the RRULE, by which further
    occurrences are computed; "" means that it does not repeat. `settings`: those of its conferences. `booker`: who has
    booked it, as invitations name that person. `invited`: all others whom it concerns. `revision`: it grows with each
    change of the reservation, or of one of its occurrences.
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
    booker: Invitee = Invitee()
    invited: tuple[Invitee, ...] = ()

    @property
    def live(self) -> bool:
        """Return whether the reservation may have further meetings.

        Its conference number stays reserved while it may.
        """
        return self.state is ReservationState.LIVE

    @property
    def holder(self) -> str:
        """Return the name under which the conference number of this reservation is reserved."""
        return f"book:{self.bookid}"

    @property
    def creator(self) -> Creator:
        """Return the account that made the reservation, as a field of messages."""
        return Creator(moid=self.creator_moid or None, name=self.creator_name or None)

    def recurrence(self) -> Recurrence:
        """Return the rule, first start and zone from which the meetings are computed.

        The rule was checked at the booking.
        """
        return unchecked_recurrence(self.starts_at, self.zone, self.repeat)

    def check_rule(self) -> None:
        """Raise InvalidRule unless the rule of repetition of the reservation can be used."""
        checked_recurrence(self.starts_at, self.zone, self.repeat)

    @property
    def zone(self) -> ZoneInfo:
        """Return the reservation's time zone; UTC if the database of zones does not know its name any more."""
        zone = zone_of(self.timezone) or zone_of("UTC")
        assert zone is not None
        return zone

    @property
    def registry_entry(self) -> RegistryEntry:
        """Return the reservation's entry for the number registries (UPU), which know who has each number."""
        kind, name = int(ConfType.RESERVE), self.settings.name
        return RegistryEntry(
            self.e164, kind, name, self.user_domain, self.source_platform, "booked"
        )

    def end(self, state: ReservationState) -> Reservation:
        """Return the reservation in a final state: over, or cancelled."""
        return msgspec.structs.replace(self.next_revision(), state=state)

    def with_number(self, e164: str) -> Reservation:
        """Return the reservation with this conference number, which is reserved for it."""
        return msgspec.structs.replace(self, e164=e164)

    def next_revision(self) -> Reservation:
        """Return the reservation with its revision raised by 1.

        Calendars know by it the newer one of two invitations.
        """
        return msgspec.structs.replace(self, revision=self.revision + 1)


class Occurrence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An occurrence is one meeting of a reservation: a series has many, a reservation that does not repeat has one.

    `original`: the start by the rule; `starts_at` differs if this occurrence was moved. `settings`: its own settings,
    if this occurrence was changed; `None` means those of the reservation. `is_exception`: this occurrence was moved,
    changed or cancelled by itself. `due_at`: when the timer has to handle it. `last_code`, `last_detail`: why the last
    attempt failed.
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
        """Return the key of the occurrence's row, and of the requests that create its conference."""
        return occurrence_id(self.bookid, self.original)

    @property
    def gives_up_at(self) -> datetime:
        """Return the time after which the occurrence's conference is not started any more."""
        return min(self.starts_at + MAX_START_DELAY, self.ends_at)

    def change(self, **changes: object) -> Occurrence:
        """Return the occurrence with these fields changed."""
        return msgspec.structs.replace(self, **changes)

    def with_settings(self, settings: ConferenceSettings) -> Occurrence:
        """Return the occurrence with the duration and the places of these settings."""
        ends_at = self.starts_at + timedelta(minutes=settings.duration)
        return self.change(ends_at=ends_at, places=settings.places)

    def close(self, state: OccurrenceState) -> Occurrence:
        """Return the occurrence in a final state, in which no timer handles it."""
        return self.change(state=state, due_at=None)


def occurrence_id(bookid: str, original: datetime) -> str:
    """Return the key of the occurrence of a reservation whose start by the rule is `original`."""
    return f"{bookid}:{original.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def bookid_of(occurrence: str) -> str:
    """Return the id of the reservation to which the meeting (occurrence) with this id belongs; "" for ""."""
    return occurrence.rpartition(":")[0]


def planned_occurrence(reservation: Reservation, start: datetime) -> Occurrence:
    """Return a new occurrence (single meeting) of a reservation that begins at `start`, a start by its rule.

    Its end, its places and the time at which the timer handles it follow from the reservation's settings and `start`.
    """
    return Occurrence(
        bookid=reservation.bookid,
        original=start,
        starts_at=start,
        ends_at=start + timedelta(minutes=reservation.settings.duration),
        places=reservation.settings.places,
        due_at=start,
    )


def starts_to_plan(
    reservation: Reservation, after: datetime, now: datetime, planned_count: int = 0
) -> list[datetime]:
    """Return the starts, after a time, of the occurrences to plan now: those within HORIZON, but at least one.

    `planned_count`: how many occurrences are planned already; with them there are at most MAX_PLANNED.
    """
    coming = islice(starts_of(reservation.recurrence(), after), MAX_PLANNED - planned_count)
    starts: list[datetime] = []
    for start in coming:
        if start > now + HORIZON and (planned_count or starts):
            break
        starts.append(start)
    return starts


class Happened(StrEnum):
    """A value names what has happened to a reservation, or to one of its occurrences."""

    CREATED = "created"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    STARTING = "starting"
    FAILED = "failed"
    """An occurrence could not be held; `last_code` says why."""
    OVER = "over"
    """The last occurrence is over."""


class BookingNews(NamedTuple):
    """A notice says what happened to a reservation; `occurrence`: to this occurrence alone, `None`: to all of it."""

    happened: Happened
    reservation: Reservation
    occurrence: Occurrence | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """What invited people (`to`) are told of a reservation by e-mail, with a calendar.

    `happened`: CREATED, CHANGED or CANCELLED. `occurrences`: the meetings that were moved, changed or cancelled by
    themselves. `occurrence`: the one that the mail is about; `None` means the whole reservation.
    """

    happened: Happened
    reservation: Reservation
    to: Sequence[Invitee]
    occurrences: Sequence[Occurrence] = ()
    occurrence: Occurrence | None = None


@dataclass(frozen=True, slots=True)
class BookingDecision:
    """Represent a decision about a reservation: the rows to write and the messages to send.

    `reservation`: its next value; `None` if it does not change. `occurrences`: new and changed meetings. `removed`:
    the ids of meetings to delete. `news`: what client applications and the creator are told. `invitations`: the mails
    to invited people.
    """

    reason: str
    reservation: Reservation | None = None
    occurrences: Sequence[Occurrence] = ()
    removed: Sequence[str] = ()
    send: Sequence[Outgoing] = ()
    news: Sequence[BookingNews] = ()
    invitations: Sequence[Invitation] = ()

"""Reservations in memory, as `conferences.data.reservations` keeps them in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from conferences.rules.capacity import Capacity, Span
from conferences.rules.occurrence import after_outcome
from conferences.rules.reservation import (
    OPEN_STATES,
    BookingDecision,
    Invitation,
    Invitee,
    Occurrence,
    OccurrenceState,
    Reservation,
)
from conferences.rules.states import Conference
from domains.rules.personal_notices import PersonalNotice


@dataclass(slots=True)
class MemoryMails:
    """The accounts that may be invited, a limit of mails, and the mails to invited people."""

    accounts: dict[str, Invitee] = field(default_factory=dict)
    limit: int | None = None
    invitations: list[Invitation] = field(default_factory=list)

    def accounts_of(self, user_domain: str, names: Sequence[str]) -> dict[str, Invitee]:
        """Return those of the accounts that have one of these names."""
        return {name: self.accounts[name] for name in names if name in self.accounts}

    def left(self, reservation: Reservation) -> int | None:
        """Return the limit."""
        return self.limit

    def add(self, invitation: Invitation) -> None:
        """Keep mails to invited people."""
        self.invitations.append(invitation)


@dataclass(slots=True)
class MemoryReservations:
    """The reservations of one platform."""

    books: dict[str, Reservation] = field(default_factory=dict)
    dates: dict[str, Occurrence] = field(default_factory=dict)
    usual: dict[int, float] = field(default_factory=dict)
    places: Capacity | None = None
    others: dict[str, Span] = field(default_factory=dict)
    notices: list[PersonalNotice] = field(default_factory=list)
    mails: MemoryMails = field(default_factory=MemoryMails)

    def load(self, bookid: str) -> Reservation | None:
        """Return the reservation with this id."""
        return self.books.get(bookid)

    def load_by_number(self, e164: str) -> Reservation | None:
        """Return the live reservation with this number."""
        return next((b for b in self.books.values() if b.live and b.e164 == e164), None)

    def occurrences_of(self, bookid: str) -> list[Occurrence]:
        """Return the dates of a reservation, by their start."""
        dates = (date for date in self.dates.values() if date.bookid == bookid)
        return sorted(dates, key=lambda date: date.starts_at)

    def due(self, now: datetime) -> list[tuple[Reservation, Occurrence]]:
        """Return the dates that the timer has to look at."""
        due = [date for date in self.dates.values() if date.due_at and date.due_at <= now]
        return [(self.books[date.bookid], date) for date in due]

    def count_of_domain(self, user_domain: str, limit: int) -> int:
        """Return how many live reservations a user domain has."""
        return sum(1 for b in self.books.values() if b.live and b.user_domain == user_domain)

    def count_occurrences_of(self, creator: str, except_bookid: str, limit: int) -> int:
        """Return how many dates an account has planned, without those of one reservation."""
        bookids = {b.bookid for b in self.books.values() if b.creator_moid == creator} - {
            except_bookid
        }
        planned = (d for d in self.dates.values() if d.state is OccurrenceState.PLANNED)
        return sum(1 for date in planned if date.bookid in bookids)

    def booked(
        self,
        windows: Sequence[Span],
        except_of: str = "",
        states: Sequence[OccurrenceState] = OPEN_STATES,
    ) -> list[Span]:
        """Return the places that dates need which overlap with one of the windows."""
        return [
            Span(date.starts_at, date.ends_at, date.places)
            for date in self.dates.values()
            if date.state in states
            and date.bookid != except_of
            and any(w.starts_at < date.ends_at and date.starts_at < w.ends_at for w in windows)
        ]

    def running_after(self, moment: datetime, except_confid: str) -> list[Span]:
        """Return the spans of all live conferences but one, which the test has put into `others`."""
        return [span for confid, span in self.others.items() if confid != except_confid]

    def usual_load(self) -> dict[int, float]:
        """Return by hour of the week the places that are usually needed."""
        return self.usual

    def capacity(self) -> Capacity | None:
        """Return the places that may be booked."""
        return self.places

    def save(self, step: BookingDecision) -> None:
        """Keep what a decision changes."""
        if step.reservation is not None:
            self.books[step.reservation.bookid] = step.reservation
        self.dates |= {date.id: date for date in step.occurrences}
        for key in step.removed:
            del self.dates[key]

    def notify(self, notice: PersonalNotice) -> None:
        """Stage a notice to a person."""
        self.notices.append(notice)

    def stage_outcome(self, c: Conference, now: datetime) -> None:
        """Keep what follows for its date from a conference that runs, or could not be created."""
        if date := self.dates.get(c.occurrence):
            self.dates[date.id] = after_outcome(date, c, now)

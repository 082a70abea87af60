"""What is promised of reservations: each date is held once, in time, and given up no sooner than promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from conferences.rules.reservation import OccurrenceState
from conferences.rules.states import ConferenceState
from tests.memory import MemoryUnitOfWork
from tests.simulation.broken import Broken

_S = OccurrenceState
LATE = timedelta(seconds=5)


@dataclass(slots=True)
class DateChecks:
    """The checks of dates remember which conference each date of a platform's reservations had."""

    uow: MemoryUnitOfWork
    begun: dict[str, str] = field(default_factory=dict)

    def after(self) -> None:
        """Check one committed transaction: a date has one conference that ran."""
        for before, c in self.uow.changes:
            begins = before is not None and before.state is ConferenceState.CREATING
            if not c.occurrence or not begins or c.state is not ConferenceState.RUNNING:
                continue
            if self.begun.setdefault(c.occurrence, c.confid) != c.confid:
                raise Broken("dates", f"{c.occurrence} is held twice")

    def after_timer(self) -> None:
        """Check what the timer has left: nothing that is due, and nothing given up too soon."""
        for date in self.uow.reservations.dates.values():
            if date.due_at and date.due_at <= self.uow.now:
                raise Broken("dates", f"{date.id} is due at {date.due_at}, and nothing is done")
            if date.state is _S.FAILED and self.uow.now < date.gives_up_at:
                raise Broken("dates", f"{date.id} is given up before {date.gives_up_at}")

    def in_time(self, now: datetime) -> None:
        """Check, where nothing is held up, that no date waits beyond its start."""
        for date in self.uow.reservations.dates.values():
            if date.state is _S.PLANNED and now - date.starts_at > LATE:
                raise Broken("dates", f"{date.id} should have begun at {date.starts_at}")

    def at_rest(self) -> None:
        """Check that none is lost, and that numbers are kept for what is there, and for nothing else."""
        books = self.uow.reservations.books.values()
        kept = {book.e164: book.holder for book in books if book.live}
        kept |= {s.e164: s.holder for s in self.uow.stored.kept.values() if s.e164}
        if kept != self.uow.reserved:
            raise Broken("kept", f"numbers of {self.uow.reserved}, there is {kept}")
        for date in self.uow.reservations.dates.values():
            ran = date.state in (_S.BEGUN, _S.OVER)
            if ran != (date.id in self.begun):
                raise Broken("dates", f"{date.id} is {date.state}, held: {date.id in self.begun}")

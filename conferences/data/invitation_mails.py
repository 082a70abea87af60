"""The people who are invited to booked conferences, and the mails to them, as one transaction reads and writes them.

The mails are written here, in the transaction of the change, and stored by whoever is connected to the hooks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from email.utils import parseaddr

from django.conf import settings
from django.utils import translation

from conferences.data import hooks, invitation_texts
from conferences.data.hooks import CalendarMail
from conferences.rules.calendar import Surroundings, calendar_of_invitation, method_of
from conferences.rules.reservation import Invitation, Invitee, Reservation
from domains.data.lookups import contacts_by_name
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql

INVITED, FEEDS = "conferences_invitedaccount", "conferences_calendarfeed"
HOUR = timedelta(hours=1)


class InvitationMails:
    """The invited people of one platform's reservations, and the mails to them, within one transaction."""

    def __init__(self, database: str, now: datetime) -> None:
        """Keep database and time of the transaction; no row is read yet."""
        self._database, self._now = database, now
        self._invitations: list[Invitation] = []

    def accounts_of(self, user_domain: str, names: Collection[str]) -> dict[str, Invitee]:
        """Return the accounts of a user domain by these names: sign-in names (also e-mail addresses), or MOIDs."""
        contacts = contacts_by_name(self._database, user_domain, names)
        return {
            name: Invitee(email=contact.email, name=contact.name, account=contact.moid)
            for name, contact in contacts.items()
        }

    def left(self, reservation: Reservation) -> int | None:
        """Return how many mails the booker of a reservation may still cause in this hour; `None` means any number.

        There is no limit where no mails are sent, or for a reservation without a booker.
        """
        if not settings.INVITATION_MAILS or not reservation.creator_moid:
            return None
        since = self._now - HOUR
        caused = hooks.MAILS_CAUSED.call(self._database, reservation.creator_moid, since) or 0
        limit: int = settings.INVITATION_MAILS_AN_HOUR
        return limit - caused - sum(len(invitation.to) for invitation in self._invitations)

    def add(self, invitation: Invitation) -> None:
        """Stage mails to invited people, which are sent once the transaction has committed."""
        self._invitations.append(invitation)

    def flush(self, changed: Collection[Reservation]) -> None:
        """Store the staged mails and, for the changed reservations, which accounts are invited.

        No mail is stored if they are off.
        """
        if self._invitations and settings.INVITATION_MAILS:
            mails = [mail for staged in self._invitations for mail in _mails(staged, self._now)]
            hooks.STORE_MAILS.call(self._database, mails)
        self._invitations = []
        if changed:
            self._store_invited(changed)

    def _store_invited(self, changed: Collection[Reservation]) -> None:
        """Store which accounts are invited to these reservations, in place of those stored before.

        The calendar feeds of all invited people (before and now) and of the bookers are marked as changed.
        """
        bookids = sorted(reservation.bookid for reservation in changed)
        rows = {
            (person.account, reservation.bookid)
            for reservation in changed
            for person in reservation.invited
            if person.account
        }
        people = sorted({row[0] for row in rows} | {book.creator_moid for book in changed})
        invited_before = f"SELECT account FROM {INVITED} WHERE bookid IN ({sql.marks(bookids)})"
        query = (
            f"UPDATE {FEEDS} SET changed_at=%s WHERE account IN ({sql.marks(people)})"
            f" OR account IN ({invited_before})"
        )
        sql.execute(self._database, query, [to_db_datetime(self._now), *people, *bookids])
        query = f"DELETE FROM {INVITED} WHERE bookid IN ({sql.marks(bookids)})"
        sql.execute(self._database, query, bookids)
        sql.insert(self._database, INVITED, ("account", "bookid"), sorted(rows))


def surroundings(now: datetime) -> Surroundings:
    """Return what a calendar needs beside a reservation: time, sender, and functions that write link and description.

    The texts are in the language that is active when they are called.
    """
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return Surroundings(now, sender, invitation_texts.link_of, invitation_texts.describe)


def _mails(invitation: Invitation, now: datetime) -> Iterator[CalendarMail]:
    """Yield one mail with a calendar for each recipient of an invitation, in the recipient's language."""
    reservation = invitation.reservation
    by_language: dict[str, list[Invitee]] = defaultdict(list)
    for person in invitation.to:
        by_language[_language_of(person, reservation.booker)].append(person)
    for language, people in by_language.items():
        with translation.override(language):
            subject, text = invitation_texts.mail_text(invitation)
            calendar = calendar_of_invitation(invitation, surroundings(now))
        for person in people:
            yield CalendarMail(
                to=person.email,
                subject=subject,
                text=text,
                calendar=calendar,
                method=method_of(invitation),
                reply_to=reservation.booker.email,
                thread=reservation.bookid,
                causer=reservation.creator_moid,
            )


def _language_of(person: Invitee, booker: Invitee) -> str:
    """Return the language of a mail to a person: the person's, else the booker's, else that of the settings."""
    for language in filter(None, (person.language, booker.language)):
        try:
            return translation.get_supported_language_variant(language)
        except LookupError:
            continue
    return str(settings.LANGUAGE_CODE)

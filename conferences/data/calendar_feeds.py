"""A person's calendar feed has a secret address, by which calendar programs read all meetings of that person.

The address is signed, and names the platform, the account, and the generation of the address. So no secret is stored,
and a new generation makes the old address void.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.utils import translation
from django.utils.translation import gettext as _

from conferences.data.invitation_mails import INVITED, surroundings
from conferences.data.reservations import BOOKS, OCCURRENCES, decode_occurrence, decode_reservation
from conferences.models import CalendarFeed
from conferences.rules.calendar import calendar_of_feed
from conferences.rules.reservation import Occurrence
from domains.models import Account
from foundation import clock
from foundation.cells import sql
from foundation.cells.directory import possible_platforms, store_of
from foundation.signing import shared_key

MAX_RESERVATIONS = 500
"""A feed has at most so many reservations, those that were booked last."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The calendar feed of a person, which is switched on. `changed_at`: when one of its conferences changed last."""

    platform: str
    account: str
    generation: int
    language: str
    changed_at: datetime

    @property
    def version(self) -> str:
        """Return a text that differs from all earlier ones once the feed may have changed (an ETag, for instance)."""
        return f"{self.generation}-{self.changed_at.timestamp():.6f}"

    @property
    def url(self) -> str:
        """Return the secret address at which calendar programs read the feed."""
        token = _signer().sign_object([self.platform, self.account, self.generation])
        return f"{settings.PUBLIC_URL}/calendar/meetings.ics?t={token}"


def _signer() -> Signer:
    """Return the signer of the tokens in addresses of feeds; it compares in constant time. All sites share its key."""
    return Signer(key=shared_key(), salt="calendar-feed")


def feed_of_token(token: str) -> Feed | None:
    """Return the calendar feed whose address has this token.

    Returns `None` if the token is forged, the address was replaced or switched off, the account is disabled, or its
    data is not at this site.
    """
    try:
        platform, account, generation = _signer().unsign_object(token)
    except (BadSignature, ValueError):
        return None
    feed = find_feed(platform, account) if platform in possible_platforms() else None
    if feed is None or feed.generation != generation:
        return None
    people = Account.objects.using(store_of(platform).database)
    return feed if people.filter(moid=account, is_active=True).exists() else None


def find_feed(platform: str, account: str) -> Feed | None:
    """Return the calendar feed of an account (MOID); `None` means that the person has it switched off."""
    rows = CalendarFeed.objects.using(store_of(platform).database)
    row = rows.filter(account=account, is_on=True).first()
    return _feed_of(platform, row) if row else None


def _feed_of(platform: str, row: CalendarFeed) -> Feed:
    """Return the calendar feed that a row of the table describes."""
    return Feed(platform, row.account, row.generation, row.language, row.changed_at)


def renew(database: str, account: str, language: str, *, is_on: bool) -> None:
    """Give the calendar feed of an account a new address, or switch it off; in both cases the old address is void."""
    rows = CalendarFeed.objects.using(database).select_for_update()
    row, _is_new = rows.get_or_create(account=account)
    row.generation, row.is_on, row.language = row.generation + 1, is_on, language
    row.changed_at = clock.now()
    row.save(using=database)


def calendar_text(feed: Feed) -> str:
    """Return the iCalendar text of a feed: at most MAX_RESERVATIONS that the person has booked or is invited to.

    Single meetings that were moved or changed are listed as exceptions of their series.
    """
    database = store_of(feed.platform).database
    query = (
        f"SELECT bookid, detail FROM {BOOKS} WHERE creator_moid=%s AND state<>'cancelled'"
        f" UNION SELECT r.bookid, r.detail FROM {INVITED} i JOIN {BOOKS} r ON r.bookid = i.bookid"
        " WHERE i.account=%s AND r.state<>'cancelled' ORDER BY 1 DESC LIMIT %s"
    )
    rows = sql.select(database, query, [feed.account, feed.account, MAX_RESERVATIONS])
    exceptions: dict[str, list[Occurrence]] = {bookid: [] for bookid, _detail in rows}
    if rows:
        query = (
            f"SELECT detail FROM {OCCURRENCES} WHERE bookid IN ({sql.marks([*exceptions])})"
            " AND JSON_VALUE(detail, '$.is_exception') IN ('1', 'true') ORDER BY starts_at"
        )
        # Of the single meetings only those that differ from their series are needed.
        for (detail,) in sql.select(database, query, [*exceptions]):
            occurrence = decode_occurrence(detail)
            exceptions[occurrence.bookid].append(occurrence)
    booked = [(decode_reservation(detail), exceptions[bookid]) for bookid, detail in rows]
    with translation.override(feed.language or settings.LANGUAGE_CODE):
        return calendar_of_feed(booked, _("My conferences"), surroundings(feed.changed_at))

"""The functions store e-mails with a calendar as rows, and count them; a timer sends the rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from conferences.data.hooks import CalendarMail
from foundation import clock
from social.models import OutgoingText


def store_mails(database: str, mails: Sequence[CalendarMail]) -> None:
    """Store e-mails with a calendar in the caller's transaction; a timer sends them soon."""
    now = clock.now()
    rows = [OutgoingText(**mail._asdict(), created_at=now, due_at=now) for mail in mails]
    OutgoingText.objects.using(database).bulk_create(rows)


def count_caused(database: str, account: str, since: datetime) -> int:
    """Return how many e-mails with a calendar an account (MOID) has caused since a time."""
    rows = OutgoingText.objects.using(database)
    return rows.filter(causer=account, created_at__gt=since).count()

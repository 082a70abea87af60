"""A timer sends the text messages and e-mails that are due, one after the other.

A row is claimed in one transaction, sent outside of it, and marked in another. If the process dies
in between, the text is sent once more, a few minutes later.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from foundation import clock
from foundation.cells.directory import store_of
from im.data import journal
from social.data import senders
from social.models import OutgoingText

log = logging.getLogger("social.texts")

AT_ONCE, SECONDS = 50, 30.0
"""One run sends at most so many texts, and begins none after so many seconds."""
TRIES = 8
PAUSE = timedelta(minutes=2)
"""After a failure the next try waits this long, twice as long after each further one."""
KEPT_FOR = timedelta(days=7)


def send_due_texts(platform: str) -> int:
    """Send e-mails and text messages that wait in a platform's data and are due now; return how many were sent.

    It takes at most AT_ONCE of them, and takes no further one after SECONDS: the next run of the timer goes on.
    """
    begun, sent = clock.steady(), 0
    for _ in range(AT_ONCE):
        row = _claim_text(platform, clock.now()) if clock.steady() - begun < SECONDS else None
        if row is None:
            break
        sent += _deliver_text(platform, row)
    return sent


def _rows(platform: str) -> QuerySet[OutgoingText]:
    """Return the outgoing e-mails and text messages in the data of a platform."""
    return OutgoingText.objects.using(store_of(platform).database)


def _claim_text(platform: str, now: datetime) -> OutgoingText | None:
    """Return the e-mail or text message that is due first, and set the time of its next try.

    So no other process sends it now. `None` means that none is due.
    """
    with transaction.atomic(using=store_of(platform).database):
        journal.require_serving(store_of(platform))
        waiting = _rows(platform).filter(due_at__lte=now).order_by("due_at")
        row = waiting.select_for_update(skip_locked=True).first()
        if row is not None:
            row.tries += 1
            row.due_at = now + PAUSE * 2 ** (row.tries - 1) if row.tries < TRIES else None
            row.save(using=row._state.db, update_fields=["tries", "due_at"])
    return row


def _deliver_text(platform: str, row: OutgoingText) -> bool:
    """Send an e-mail or text message, and save the result in its row; return whether it was sent."""
    try:
        senders.deliver(row.to, row.subject, row.text)
    except Exception as error:  # a sender is a plugin; whatever it raises, other texts must go out
        log.warning("a text was not sent: %s: %s", type(error).__name__, error)
        text = f"{type(error).__name__}: {error}"[:200]
        _rows(platform).filter(pk=row.pk).update(error=text)
        return False
    _rows(platform).filter(pk=row.pk).update(sent_at=clock.now(), due_at=None, text="", error="")
    return True


def delete_old(platform: str, now: datetime) -> None:
    """Delete the rows of e-mails and text messages that are older than KEPT_FOR, whether they were sent or not."""
    with transaction.atomic(using=store_of(platform).database):
        journal.require_serving(store_of(platform))
        _rows(platform).filter(created_at__lt=now - KEPT_FOR).delete()

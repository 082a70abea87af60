"""Define the flow that sends text messages and e-mails that are due, one after the other, by a timer.

A row is claimed in one transaction, sent outside of it, and marked in another. If the process dies in between, the
text is sent once more, a few minutes later. One process of the site at a time sends mails, and one sends text
messages: a server that is slow holds up one thread of one worker. After the mail server did not answer, no process
sends mails for a while.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused

import redis
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from foundation import clock
from foundation.cells.directory import own_platform, redis_of, store_of
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
SENDING_SECONDS = 120
"""After so many seconds a process that was sending, and has not said that it is done, counts as dead."""
REST_SECONDS = 30
"""No mail is tried for so long after the mail server did not answer."""
ABOUT_ONE_MAIL = (SMTPRecipientsRefused, SMTPDataError)
"""Errors by which a mail server refuses one mail; others may go out. The sender is the same for all mails."""
PERMANENT = 500
"""From this code on, a mail server refuses for good (RFC 5321, section 4.2.1)."""
IS_TEXT_MESSAGE = Q(to__startswith="+")
CHANNELS = {"texts": IS_TEXT_MESSAGE, "mails": ~IS_TEXT_MESSAGE}
"""The ways on which texts go out, with the rows of each."""
EMPTIED = {"text": "", "calendar": ""}
"""The columns with codes and passwords, which are not kept once a text was sent or given up."""


class MailServerAway(Exception):
    """The exception that says that the mail server did not answer, or takes no mail of this site."""


def send_due_texts(platform: str) -> int:
    """Send e-mails and text messages that wait in a platform's data and are due now; return how many were sent.

    It takes at most AT_ONCE of each, and takes no further one after SECONDS: the next run of the timer goes on.
    """
    return sum(_send_by_channel(platform, name, rows) for name, rows in CHANNELS.items())


def _send_by_channel(platform: str, channel: str, rows: Q) -> int:
    """Send the texts of one channel (mails, or text messages) that are due; return how many.

    0 also if another process sends them, or the mail server did not answer lately. `rows`: the condition for the
    channel's rows.
    """
    key = f"social:sending:{channel}"
    if not _begin_sending(key):
        return 0
    rest = 0
    try:
        return _send_due(platform, rows)
    except MailServerAway:
        rest = REST_SECONDS
        return 0
    finally:
        _end_sending(key, rest)


def _begin_sending(key: str) -> bool:
    """Return whether this process may send by a channel now: no other one does, and its server did answer last time.

    True without Redis. `key`: the channel's key in Redis.
    """
    try:
        return bool(redis_of(own_platform()).set(key, 1, nx=True, ex=SENDING_SECONDS))
    except redis.RedisError:
        return True


def _end_sending(key: str, rest: int) -> None:
    """Let processes send by a channel again, at once or after `rest` seconds."""
    with suppress(redis.RedisError):
        if rest:
            redis_of(own_platform()).expire(key, rest)
        else:
            redis_of(own_platform()).delete(key)


def _send_due(platform: str, channel: Q) -> int:
    """Send texts of one channel (mails, or text messages) that are due; return how many. Raises MailServerAway."""
    begun, sent = clock.steady(), 0
    for _ in range(AT_ONCE):
        row = (
            _claim_text(platform, channel, clock.now())
            if clock.steady() - begun < SECONDS
            else None
        )
        if row is None:
            break
        sent += _deliver_text(platform, row)
    return sent


def _rows(platform: str) -> QuerySet[OutgoingText]:
    """Return the outgoing e-mails and text messages in the data of a platform."""
    return OutgoingText.objects.using(store_of(platform).database)


def _claim_text(platform: str, channel: Q, now: datetime) -> OutgoingText | None:
    """Return the text of a channel (mails, or text messages) that is due first, and set the time of its next try.

    So no other process sends it now. One that follows another one of its thread waits until that was sent or given up.
    `None` means that none is due. Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    with transaction.atomic(using=store_of(platform).database):
        journal.require_serving(store_of(platform))
        earlier = _rows(platform).filter(
            thread=OuterRef("thread"),
            to=OuterRef("to"),
            pk__lt=OuterRef("pk"),
            due_at__isnull=False,
        )
        waiting = _rows(platform).filter(channel, due_at__lte=now).order_by("due_at", "pk")
        in_order = waiting.filter(Q(thread="") | ~Exists(earlier))
        row = in_order.select_for_update(skip_locked=True).first()
        if row is not None:
            row.tries += 1
            row.due_at = now + PAUSE * 2 ** (row.tries - 1) if row.tries < TRIES else None
            row.save(using=row._state.db, update_fields=["tries", "due_at"])
    return row


def _deliver_text(platform: str, row: OutgoingText) -> bool:
    """Send an e-mail or text message, and save the result in its row; return whether it was sent.

    After a refusal for good, or the last try, the text is given up and emptied. Raises MailServerAway if the fault
    concerns all e-mails.
    """
    try:
        senders.deliver(row)
    except Exception as error:  # a sender is a plugin; whatever it raises, other texts must go out
        log.warning("a text was not sent: %s: %s", type(error).__name__, error)
        text = f"{type(error).__name__}: {error}"[:200]
        if row.due_at is None or _is_refused_for_good(error):
            _rows(platform).filter(pk=row.pk).update(error=text, due_at=None, **EMPTIED)
        else:
            _rows(platform).filter(pk=row.pk).update(error=text)
        is_about_all = isinstance(error, OSError) and not isinstance(error, ABOUT_ONE_MAIL)
        if is_about_all and not row.to.startswith("+"):
            raise MailServerAway from error
        return False
    result = {"sent_at": clock.now(), "due_at": None, "error": "", **EMPTIED}
    _rows(platform).filter(pk=row.pk).update(**result)
    return True


def _is_refused_for_good(error: Exception) -> bool:
    """Return whether a mail server has refused a mail so that another try would be refused as well."""
    match error:
        case SMTPRecipientsRefused():
            return all(code >= PERMANENT for code, _ in error.recipients.values())
        case SMTPDataError():
            return error.smtp_code >= PERMANENT
        case _:
            return False


def delete_old(platform: str, now: datetime) -> None:
    """Delete the rows of e-mails and text messages that are older than KEPT_FOR, whether they were sent or not.

    Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    with transaction.atomic(using=store_of(platform).database):
        journal.require_serving(store_of(platform))
        _rows(platform).filter(created_at__lt=now - KEPT_FOR).delete()

"""Uploads that no message carries are deleted after a day, in small steps (IM §9.5)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from foundation.cells.directory import store_of
from im.data import journal
from im.data.files import queries, spool, storage
from im.models import File

KEPT_FOR = timedelta(days=1)
AT_ONCE = 50
MAX_BATCHES = 20


def forget_files(platform: str, now: datetime) -> int:
    """Delete up to a thousand of a platform's uploaded files that are a day old and were never sent in a message.

    Return how many were deleted.
    """
    forgotten = 0
    for _ in range(MAX_BATCHES):
        count = _delete_batch(platform, now - KEPT_FOR)
        forgotten += count
        if count < AT_ONCE:
            break
    return forgotten


def _delete_batch(platform: str, before: datetime) -> int:
    """Delete at most AT_ONCE files whose upload began before `before` and that no message carries; return how many.

    While a row is locked no message can begin to carry the file. A file that is already gone does no harm. Raises
    ReadOnly while another site serves the platform.
    """
    store = store_of(platform)
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        numbers = queries.lock_unused(store.database, before, AT_ONCE)
        for number in numbers:
            spool.delete(str(number))
            storage.delete(str(number))
        File.objects.using(store.database).filter(pk__in=numbers).delete()
    return len(numbers)


def forget_spooled() -> int:
    """Delete old files of unfinished uploads from the local disk that have no row in the database; return how many.

    They are kept a day longer than those that have a row.
    """
    return spool.delete_old(2 * KEPT_FOR.total_seconds(), AT_ONCE * MAX_BATCHES)

"""Uploads that no message carries are forgotten after a day, in small steps (IM §9.5)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from foundation.cells.directory import store_of
from im.data import journal
from im.data.files import queries, spool, storage
from im.models import File

KEPT_FOR = timedelta(days=1)
AT_ONCE = 50
STEPS = 20


def forget_files(platform: str, now: datetime) -> int:
    """A thousand at most; how many."""
    forgotten = 0
    for _ in range(STEPS):
        some = _step(platform, now - KEPT_FOR)
        forgotten += some
        if some < AT_ONCE:
            break
    return forgotten


def _step(platform: str, before: datetime) -> int:
    """While a row is locked no message can take the file up; what is gone already does not matter."""
    store = store_of(platform)
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        numbers = queries.unused(store.database, before, AT_ONCE)
        for number in numbers:
            spool.delete(str(number))
            storage.delete(str(number))
        File.objects.using(store.database).filter(pk__in=numbers).delete()
    return len(numbers)


def forget_spooled() -> int:
    """What lies in the spool without a row; a day later than all else."""
    return spool.delete_old(2 * KEPT_FOR.total_seconds(), AT_ONCE * STEPS)

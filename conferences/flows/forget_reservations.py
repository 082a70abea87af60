"""A timer deletes occurrences that have been over for RESERVATIONS_KEPT_DAYS, and reservations without occurrences."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from conferences.data import old_reservations
from foundation.bus.unit_of_work import begin

MAX_ROUNDS = 20


def delete_old_reservations(platform: str) -> int:
    """Delete old occurrences (some thousands at most) and reservations; return the number of deleted occurrences.

    Returns 0 while another site serves the platform.
    """
    kept_for = timedelta(days=settings.RESERVATIONS_KEPT_DAYS)
    deleted = 0
    for _ in range(MAX_ROUNDS):
        with begin(platform) as uow:
            before = uow.now - kept_for
            count = old_reservations.delete_batch(uow.database, before) if uow.is_open else 0
        deleted += count
        if count < old_reservations.DELETED_AT_ONCE:
            break
    return deleted

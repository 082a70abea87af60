"""A counter shows that the software which serves a platform is alive; the other site of its cell watches it."""

from __future__ import annotations

from django.db import transaction

from foundation.cells import sql
from foundation.cells.directory import store_of
from foundation.cells.serving import is_served_here


def count_up(platform: str) -> bool:
    """Count up if this site serves the platform, and return whether it does. To be called every 2 s."""
    database = store_of(platform).database
    with transaction.atomic(using=database):
        if not is_served_here(platform, lock=True):
            return False
        sql.execute(
            database,
            "INSERT INTO failover_pulse (platform, beats) VALUES (%s, 1)"
            " ON DUPLICATE KEY UPDATE beats = beats + 1",
            [platform],
        )
    return True

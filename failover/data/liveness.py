"""The sign of life of the software that serves a platform; its cell's other site watches it."""

from __future__ import annotations

from django.db import transaction

from foundation.cells import sql
from foundation.cells.directory import store_of
from foundation.cells.serving import is_served_here


def beat(platform: str) -> bool:
    """Count up, if this site serves the platform; False: it does not. To be called every 2 s."""
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

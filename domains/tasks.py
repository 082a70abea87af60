"""The timers of this app. Each calls one flow."""

from __future__ import annotations

from celery import shared_task

from domains.flows import sync
from foundation.cells.directory import own_platform
from foundation.cells.serving import for_each_served


@shared_task
def ask_again() -> None:
    """Ask the core again for what has not come, for each platform that is served here."""
    for_each_served(sync.request_changes_again)


@shared_task
def trim() -> None:
    """Delete changes that are old."""
    sync.delete_old_changes(own_platform())

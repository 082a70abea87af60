"""Celery runs these tasks of the domains app as timers. Each calls one flow."""

from __future__ import annotations

from celery import shared_task

from domains.flows import sync
from foundation.cells.directory import own_platform
from foundation.cells.serving import for_each_served


@shared_task
def ask_again() -> None:
    """Request missing changes of the domain tree from the core, for each platform that this site serves.

    The core is the deployment that owns the domain tree.
    """
    for_each_served(sync.request_changes_again)


@shared_task
def trim() -> None:
    """Delete old changes from the change log of the core, the deployment that owns the domain tree."""
    sync.delete_old_changes(own_platform())

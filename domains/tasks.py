"""Timers, three lines each: who asks, and the one flow that is asked."""

from __future__ import annotations

from celery import shared_task

from domains.flows import sync
from foundation.cells.directory import each, own_platform


@shared_task
def ask_again() -> None:
    """Ask the core for what has not come, for all that is served here."""
    each(sync.ask_again)


@shared_task
def trim() -> None:
    """Forget changes that are old."""
    sync.trim(own_platform())

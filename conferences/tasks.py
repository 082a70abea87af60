"""The timers of the conferences: each task calls one flow."""

from __future__ import annotations

from celery import shared_task
from django.contrib.sessions.backends.cached_db import SessionStore

from conferences.flows import due as flow
from conferences.flows import repair, takeover, units
from domains.api import sessions
from foundation import clock
from foundation.bus import inbox
from foundation.cells.directory import own_platform
from foundation.cells.serving import for_each_served


@shared_task
def due() -> None:
    """Do what is due on all platforms that this site serves, and watch what only runs here."""
    takeover.follow_serving_sites()
    for_each_served(flow.due)
    flow.watch_hosted()


@shared_task
def watch_pool() -> None:
    """Find resources that have fallen silent."""
    units.watch(own_platform())


@shared_task
def ask_for_lists() -> None:
    """Ask every unit for its list."""
    units.ask_for_lists(own_platform())


@shared_task
def mend() -> None:
    """Fill pool and projections again, if Redis was emptied."""
    for_each_served(repair.repair)


@shared_task
def forget_old() -> None:
    """Delete requests and sessions that need not be remembered any more."""
    for_each_served(inbox.forget_old)
    sessions.delete_idle(clock.now())
    SessionStore.clear_expired()

"""The timers of the conferences: each task calls one flow."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.backends.cached_db import SessionStore

from conferences.data import registry_rows
from conferences.flows import due as flow
from conferences.flows import (
    number_reports,
    occurrences,
    repair,
    state_report,
    takeover,
    units,
    usual_load,
)
from domains.api import sessions
from foundation import clock
from foundation.bus import events, inbox
from foundation.cells.directory import own_platform
from foundation.cells.serving import for_each_served, is_served_here


@shared_task
def due() -> None:
    """Start, warn or end conferences whose time has come, and follow which platforms this site serves.

    - The number registry is told of the numbers of platforms that this site has begun or ceased to serve.
    - Where this site has begun to serve another site's platform, conferences of that lost site are moved here.
    - Conferences that this site serves are ended, warned of their end, or placed on a media unit again.
    - Of conferences that run here but are served by another site, only the end is watched.
    """
    takeover.follow_serving_sites()
    number_reports.follow()
    for_each_served(flow.due)
    flow.watch_hosted()


@shared_task
def start_reservations() -> None:
    """Start the conferences of reservations whose time has come, and close the dates that are over."""
    for_each_served(occurrences.start_due)


@shared_task
def note_usual_load() -> None:
    """Note how many places are in use that nobody booked, for the bookings of the coming weeks."""
    for_each_served(usual_load.note)


@shared_task
def watch_pool() -> None:
    """Find media units, recorders and mixers whose heartbeat has stopped."""
    units.watch(own_platform())


@shared_task
def ask_for_lists() -> None:
    """Ask every media unit for the list of its conferences."""
    units.ask_for_lists(own_platform())


@shared_task
def report_state() -> None:
    """Report the counters of this site to network management, where that is a role."""
    if "nms" in settings.ROLES:
        state_report.report_state()


@shared_task
def mend() -> None:
    """Fill an emptied Redis again from the database: pool of media units, conferences, domains, licences."""
    for_each_served(repair.repair)


@shared_task
def forget_old() -> None:
    """Delete old requests, events and sessions that have expired, and numbers that are long no more."""
    for_each_served(inbox.delete_old)
    for_each_served(events.delete_old)
    if is_served_here(own_platform()):
        registry_rows.forget_gone()
    sessions.delete_idle(clock.now())
    SessionStore.clear_expired()

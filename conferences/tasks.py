"""Define the Celery tasks of conferences, which timers start: each calls one flow."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.backends.cached_db import SessionStore

from conferences.data import registry_rows
from conferences.flows import (
    change_recordings,
    forget_reservations,
    keep_recordings,
    make_films,
    number_reports,
    occurrences,
    repair,
    state_report,
    takeover,
    units,
    usual_load,
)
from conferences.flows import due as flow
from domains.api import sessions
from foundation import clock
from foundation.bus import events, inbox
from foundation.cells.directory import own_platform
from foundation.cells.serving import for_each_served, is_served_here


@shared_task
def due() -> None:
    """Handle conferences whose time has come, and changes of the platforms that this site serves.

    - The numbers of platforms that this site has begun or ceased to serve are reported to the number registry.
    - If this site has begun to serve another site's platform, the conferences of that lost site are moved here.
    - Conferences that this site serves are ended, warned of their end, or placed on a media unit again.
    - Of conferences that run here but are served by another site, only the end is watched.
    """
    takeover.follow_serving_sites()
    number_reports.follow_served_platforms()
    for_each_served(flow.handle_due_conferences)
    flow.watch_ends_for_other_sites()


@shared_task
def start_reservations() -> None:
    """Start the conferences of reservations whose time has come, and close the occurrences that are over."""
    for_each_served(occurrences.start_due)


@shared_task
def note_usual_load() -> None:
    """Record how many places conferences without a reservation use, which later bookings leave free."""
    for_each_served(usual_load.record_load)


@shared_task
def watch_pool() -> None:
    """Report media units, recorders and mixers as lost whose heartbeat has stopped."""
    units.report_silent_resources(own_platform())


@shared_task
def ask_for_lists() -> None:
    """Ask every media unit for the list of its conferences."""
    units.ask_for_lists(own_platform())


@shared_task
def report_state() -> None:
    """Report to network management (NMS) how many conferences run here, where this site has the role `nms`."""
    if "nms" in settings.ROLES:
        state_report.report_state()


@shared_task
def mend() -> None:
    """Fill an emptied Redis again from the database: table of media units, conferences, domains, licences."""
    for_each_served(repair.repair_redis)


@shared_task
def forget_old() -> None:
    """Delete expired requests, events, reservations and sessions, and registry rows of numbers deleted long ago."""
    for_each_served(inbox.delete_old_requests)
    for_each_served(events.delete_old_events)
    for_each_served(forget_reservations.delete_old_reservations)
    for_each_served(keep_recordings.delete_old)
    for_each_served(change_recordings.empty_wastebasket)
    if is_served_here(own_platform()):
        registry_rows.delete_gone_rows()
    sessions.delete_expired_tokens(clock.now())
    SessionStore.clear_expired()


@shared_task
def queue_films() -> None:
    """Send a task to the workers of the queue `media` for each recording whose film is due (see `make_films`)."""

    def send(platform: str) -> None:
        """Send the tasks for one platform."""
        for recording in make_films.take_due(platform):
            make_film.delay(platform, recording)

    for_each_served(send)


@shared_task(acks_late=False)
def make_film(platform: str, recording: str) -> None:
    """Make the film (one video file) of a recording.

    The broker forgets the task at once, since the work may take hours; the recording's row tells whether it is done.
    """
    make_films.make(platform, recording)

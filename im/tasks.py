"""Timers, a few lines each: who asks, and the one flow that is asked."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from foundation import clock
from foundation.cells.serving import for_each_served
from im.flows import conferences, forbidden_queues, forget_files, revoke
from im.flows import index as search_index


@shared_task
def revoked() -> None:
    """What was revoked is out, everywhere."""
    if "im" in settings.ROLES:
        revoke.revoke_pending()


@shared_task
def tidy() -> None:
    """What clients left behind, and what has expired."""
    if "im" in settings.ROLES:
        revoke.delete_expired()
        forbidden_queues.remove()


@shared_task
def index() -> None:
    """What was said is found."""
    if "im" in settings.ROLES:
        for_each_served(search_index.index_new_entries)


@shared_task
def gather() -> None:
    """Each conference that runs has its conversation."""
    if "im" in settings.ROLES:
        for_each_served(conferences.follow_conferences)


@shared_task
def drop_files() -> None:
    """Uploads that no message carries are not kept."""
    if "im" in settings.ROLES:
        for_each_served(lambda platform: forget_files.forget_files(platform, clock.now()))
        forget_files.forget_spooled()

"""The timers of instant messaging; each calls one flow."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from foundation import clock
from foundation.cells.serving import for_each_served
from im.flows import conferences, forbidden_queues, forget_files, revoke, site_news
from im.flows import index as search_index


@shared_task
def revoked() -> None:
    """Share revoked tokens everywhere, and close their connections."""
    if "im" in settings.ROLES:
        revoke.revoke_pending()


@shared_task
def tidy() -> None:
    """Delete expired revocations and clients' forbidden queues, and tell what has happened at this site."""
    if "im" in settings.ROLES:
        revoke.delete_expired()
        forbidden_queues.remove()
        for_each_served(site_news.tell_news)


@shared_task
def index() -> None:
    """Add new messages to the search index."""
    if "im" in settings.ROLES:
        for_each_served(search_index.index_new_entries)


@shared_task
def gather() -> None:
    """Keep the conversations of running conferences up to date."""
    if "im" in settings.ROLES:
        for_each_served(conferences.follow_conferences)


@shared_task
def drop_files() -> None:
    """Delete uploads that no message carries."""
    if "im" in settings.ROLES:
        for_each_served(lambda platform: forget_files.forget_files(platform, clock.now()))
        forget_files.forget_spooled()

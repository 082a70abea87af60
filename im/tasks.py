"""Define the periodic tasks of instant messaging; each calls functions of `flows`."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from foundation import clock
from foundation.cells.serving import for_each_served
from im.flows import conferences, forbidden_queues, forget_files, revoke, site_news
from im.flows import index as search_index


@shared_task
def revoked() -> None:
    """Copy new revocations of tokens to Redis, where all processes read them, and close their owners' connections."""
    if "im" in settings.ROLES:
        revoke.revoke_pending()


@shared_task
def tidy() -> None:
    """Delete expired revocations and clients' forbidden queues, and publish what has changed in this site's state."""
    if "im" in settings.ROLES:
        revoke.delete_expired()
        forbidden_queues.delete_forbidden()
        for_each_served(site_news.publish_site_news)


@shared_task
def index() -> None:
    """Add new chat messages to the search index of each platform whose requests this site takes."""
    if "im" in settings.ROLES:
        for_each_served(search_index.index_new_entries)


@shared_task
def gather() -> None:
    """Create, fill and close the chat conversations of running conferences.

    Does nothing at a site without the role `im`.
    """
    if "im" in settings.ROLES:
        for_each_served(conferences.follow_conferences)


@shared_task
def drop_files() -> None:
    """Delete uploaded files that no message has carried within a day, whether the upload was finished or not.

    Does nothing at a site without the role `im`.
    """
    if "im" in settings.ROLES:
        for_each_served(lambda platform: forget_files.forget_files(platform, clock.now()))
        forget_files.forget_spooled()

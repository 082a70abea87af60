"""Define the periodic tasks of calls and people; each calls functions of `flows`."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from foundation import clock
from foundation.cells.serving import for_each_served
from social.flows import call_timer, invitations, texts

SENDING_ROLES = {"im", "css"}
"""Sites with one of these roles send mails: those of people, and invitations to booked conferences."""


@shared_task
def due_calls() -> None:
    """End calls that nobody has answered in time, and check whether active calls may go on.

    Does nothing at a site without the role `im`.
    """
    if "im" in settings.ROLES:
        for_each_served(call_timer.handle_due)


@shared_task
def tidy_people() -> None:
    """Delete old invitations, sent e-mails and text messages. Each is stored only at sites with certain roles."""
    if "im" in settings.ROLES:
        for_each_served(lambda platform: invitations.delete_expired(platform, clock.now()))
    if SENDING_ROLES & set(settings.ROLES):
        for_each_served(lambda platform: texts.delete_old(platform, clock.now()))


@shared_task
def send_texts() -> None:
    """Send text messages and e-mails whose time has come, and those that could not be sent before.

    Only sites with a role in SENDING_ROLES store any.
    """
    if SENDING_ROLES & set(settings.ROLES):
        for_each_served(texts.send_due_texts)

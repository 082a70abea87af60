"""The periodic tasks of calls and people; each calls functions of `flows`."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from foundation.cells.serving import for_each_served
from social.flows import call_timer


@shared_task
def due_calls() -> None:
    """End calls that nobody answers, and look after those that go on."""
    if "im" in settings.ROLES:
        for_each_served(call_timer.due)

"""The module reports mails and text messages that cannot be sent, in `manage.py doctor` and `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import QuerySet
from prometheus_client.core import GaugeMetricFamily

from foundation import clock
from foundation.cells.directory import own_platform, store_of
from foundation.web.findings import Finding
from social.models import OutgoingText

LATE = timedelta(minutes=10)
"""A mail that waits for longer is late: its first tries have failed, or no worker sends mails."""
LOOKED_BACK = timedelta(days=1)


def _rows() -> QuerySet[OutgoingText]:
    """Return the mails and text messages of this site's own platform that were not sent."""
    rows = OutgoingText.objects.using(store_of(own_platform()).database)
    return rows.filter(sent_at=None, created_at__gt=clock.now() - LOOKED_BACK)


def _late() -> QuerySet[OutgoingText]:
    """Return the mails and text messages that have waited for longer than LATE, and are tried again."""
    return _rows().filter(due_at__isnull=False, created_at__lt=clock.now() - LATE)


def _counts() -> tuple[int, int]:
    """Return how many mails and text messages are late, and how many were given up."""
    return _late().count(), _rows().filter(due_at=None).count()


def findings() -> list[Finding]:
    """Return what `manage.py doctor` says of mails: one finding, a fault if some are late or were given up."""
    late, lost = _counts()
    if not late and not lost:
        return [Finding("mail")]
    last = _rows().exclude(error="").order_by("-id").first()
    why = f" ({last.error})" if last else ""
    trouble = f"{late} mails wait for over {LATE.seconds // 60} minutes, {lost} were given up{why}"
    todo = "check EMAIL_URL, SMS_SENDER and the worker; who was to get them: /admin/social/outgoingtext/"
    return [Finding("mail", trouble, todo)]


def gauges() -> Iterable[GaugeMetricFamily]:
    """Yield, for Prometheus, how many mails and text messages of the last day are late, or were given up."""
    late, lost = _counts()
    yield GaugeMetricFamily("mails_late", "Mails that wait for over 10 minutes", late)
    yield GaugeMetricFamily("mails_given_up", "Mails of the last day that were given up", lost)

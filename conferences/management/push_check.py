"""The check of `manage.py doctor` that a push process runs."""

from __future__ import annotations

from foundation.bus.events import channel_of
from foundation.cells.directory import redis_of
from foundation.web.findings import Finding


def check_push_process(platform: str) -> Finding:
    """Check that a push process listens for events at the platform's Redis. Returns the finding."""
    counts = redis_of(platform).pubsub_numsub(channel_of(platform))
    if any(count for _, count in counts):
        return Finding("pushes")
    return Finding("pushes", "nobody pushes events to programs", "start manage.py push; its log")

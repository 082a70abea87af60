"""The findings of `manage.py doctor`, to which each app may add its own."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.bus import limits, management_api
from foundation.bus.management_api import BrokerUnavailable
from foundation.hooks import Hook


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding is the result of one check: what is wrong (`""` means nothing) and what to do."""

    check: str
    wrong: str = ""
    todo: str = ""

    @property
    def is_ok(self) -> bool:
        """Return whether the check found nothing wrong."""
        return not self.wrong


MORE_FINDINGS: Hook[[], list[Finding]] = Hook()
"""Each receiver examines what its app has besides the servers, and returns its findings."""


def find_missing_limits(
    check: str, management_url: str, amqp_url: str, wanted: tuple[limits.QueueLimit, ...]
) -> Finding:
    """Return the finding on whether the broker has the `wanted` limits of queues, so that no unread queue fills it.

    `check` is the name of this check in the result.
    """
    try:
        missing = limits.missing_limits(management_url, amqp_url, wanted)
    except BrokerUnavailable as error:
        todo = "name its management API (RABBITMQ_MANAGEMENT_URL, IM_MANAGEMENT_URL) and start it"
        return Finding(check, f"cannot be examined: {error}", todo)
    if not missing:
        return Finding(check)
    trouble = f"the operator policies {', '.join(missing)} are missing or differ"
    return Finding(check, trouble, "run manage.py declare_topology")


def find_alarms(check: str, management_url: str) -> Finding:
    """Return the finding on whether the broker has an alarm of memory or disk, during which it takes no messages.

    `check` is the name of this check in the result.
    """
    try:
        nodes = management_api.list_rows(management_url, "/nodes")
    except BrokerUnavailable:
        return Finding(check)  # The check of the queues' limits says so.
    alarms = {"disk_free_alarm": "disk is full", "mem_alarm": "memory is full"}
    wrong = [words for node in nodes for name, words in alarms.items() if node.get(name)]
    if not wrong:
        return Finding(check)
    trouble = f"its {', its '.join(wrong)}: it takes no messages; what is to be sent waits"
    return Finding(check, trouble, "free space or memory on its host; nothing else is needed")

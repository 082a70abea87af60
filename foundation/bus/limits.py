"""The limits of queues on a broker, as operator policies: nobody who declares a queue can widen them.

A queue that nobody reads would grow until the broker's memory or disk alarm stops all who publish there.
Policies limit queues that exist already, whatever their arguments, so nothing has to be declared anew.
A queue has at most one operator policy: patterns must not overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from foundation.bus.management_api import call_api, list_rows, vhost_in_path

MIB = 1024 * 1024
HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """A limit holds for all queues whose name matches the pattern; `definition` is RabbitMQ's."""

    name: str
    pattern: str
    definition: dict[str, int] = field(hash=False)


def set_limits(management_url: str, amqp_url: str, limits: Iterable[QueueLimit]) -> None:
    """Set limits in the virtual host of the AMQP URL. Raises BrokerUnavailable."""
    for limit in limits:
        path = f"/operator-policies/{vhost_in_path(amqp_url)}/{limit.name}"
        policy = {"pattern": limit.pattern, "apply-to": "queues", "priority": 0}
        call_api(management_url, "PUT", path, {**policy, "definition": limit.definition})


def missing_limits(management_url: str, amqp_url: str, limits: Iterable[QueueLimit]) -> list[str]:
    """Return the names of limits that are not set, or set otherwise. Raises BrokerUnavailable."""
    policies = list_rows(management_url, f"/operator-policies/{vhost_in_path(amqp_url)}")
    current = {policy["name"]: (policy["pattern"], policy["definition"]) for policy in policies}
    return [
        limit.name
        for limit in limits
        if current.get(limit.name) != (limit.pattern, limit.definition)
    ]

"""The guard that deletes clients' queues with forbidden properties.

The auth backend sees only a queue's name, so a client may declare a queue of another, more
expensive type, with dead letters that go back to the ingress, or with a limit that makes the broker
reject the center's publications. Such queues are deleted, and the connections of their owner are
closed. A person also may not have more queues than devices.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from prometheus_client import Counter

from foundation.bus.management_api import BrokerUnavailable
from im.data import broker
from im.data.presence_store import MOST_DEVICES

log = logging.getLogger("im.queues")

DELETED = Counter("im_odd_queues", "Clients' queues that were deleted")
_OWNER = re.compile(r"queue_[um]_([A-Za-z0-9-]{1,40})_|mqtt-subscription-u([A-Za-z0-9-]{1,40})-")
_HARMLESS = {"x-expires", "x-message-ttl", "x-max-length", "x-max-length-bytes", "x-queue-mode"}
"""Queue arguments that clients may set."""


def delete_forbidden() -> None:
    """Delete queues that clients have declared but may not have, and close the connections of their owners.

    If the broker is unavailable, the next run of the timer does it.
    """
    try:
        forbidden = forbidden_of(broker.device_queues())
        broker.delete_queues(name for names in forbidden.values() for name in names)
        for user in forbidden:
            broker.close_connections(user)
    except BrokerUnavailable as error:
        log.warning("clients' queues were not looked at: %s", error)
        return
    for user, names in forbidden.items():
        DELETED.inc(len(names))
        log.warning("%d queues of %s were not as they may be: deleted", len(names), user)


def forbidden_of(queues: Iterable[Mapping[str, object]]) -> dict[str, list[str]]:
    """Return the queues that clients may not have: id of the owner -> names of queues.

    They have a forbidden type or argument, or their owner has too many. `queues` is the broker's list of
    queues, as its management API returns it.
    """
    forbidden: dict[str, list[str]] = defaultdict(list)
    by_owner: dict[str, list[str]] = defaultdict(list)
    for queue in queues:
        name = str(queue["name"])
        if owner := _owner(name):
            by_owner[owner].append(name)
            if not _is_allowed(queue):
                forbidden[owner].append(name)
    for owner, names in by_owner.items():
        if len(names) > 2 * MOST_DEVICES:
            forbidden[owner] = sorted(names)
    return dict(forbidden)


def _owner(name: str) -> str:
    """Return the person to whom a queue belongs by its name; "" if it belongs to nobody."""
    match = _OWNER.match(name)
    return (match[1] or match[2]) if match else ""


def _is_allowed(queue: Mapping[str, object]) -> bool:
    """Return whether a client may have a queue of this type with these arguments."""
    arguments = queue.get("arguments") or {}
    return (
        isinstance(arguments, dict)
        and queue.get("type", "classic") == "classic"
        and all(
            name in _HARMLESS or (name, value) == ("x-queue-type", "classic")
            for name, value in arguments.items()
        )
    )

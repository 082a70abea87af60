"""Clients' queues that are not as they may be: the door is shown a queue's name, never its arguments.

A client may ask for a queue of another type (dearer), for dead letters to be sent to the ingress (echoes), or
for refusals where the head should go (then the center's publishing is refused). Such a queue goes, and so do
the connections of its owner. Nor may one person have more queues than devices.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Counter

from im.data import broker
from im.data.presence_store import MOST_DEVICES

log = logging.getLogger("im.queues")

ODD = Counter("im_odd_queues", "Clients' queues that were deleted")
_OWNER = re.compile(r"queue_[um]_([A-Za-z0-9-]{1,40})_|mqtt-subscription-u([A-Za-z0-9-]{1,40})-")
_HARMLESS = {"x-expires", "x-message-ttl", "x-max-length", "x-max-length-bytes", "x-queue-mode"}


def remove() -> None:
    """Delete what is odd. A broker that is away has it all the same the next time."""
    try:
        odd = odd_of(broker.device_queues())
        broker.delete_queues(name for names in odd.values() for name in names)
        for user in odd:
            broker.close_connections(user)
    except broker.BrokerUnavailable as wrong:
        log.warning("clients' queues were not looked at: %s", wrong)
        return
    for user, names in odd.items():
        ODD.inc(len(names))
        log.warning("%d queues of %s were not as they may be: deleted", len(names), user)


def odd_of(queues: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Names by their owner, of queues as the management API shows them."""
    found: dict[str, list[str]] = defaultdict(list)
    by_owner: dict[str, list[str]] = defaultdict(list)
    for queue in queues:
        if owner := _owner(queue["name"]):
            by_owner[owner].append(queue["name"])
            if not _is_fine(queue):
                found[owner].append(queue["name"])
    for owner, names in by_owner.items():
        if len(names) > 2 * MOST_DEVICES:
            found[owner] = sorted(names)
    return dict(found)


def _owner(name: str) -> str:
    found = _OWNER.match(name)
    return (found[1] or found[2]) if found else ""


def _is_fine(queue: Mapping[str, Any]) -> bool:
    arguments = queue.get("arguments") or {}
    return queue.get("type", "classic") == "classic" and all(
        name in _HARMLESS or (name, value) == ("x-queue-type", "classic")
        for name, value in arguments.items()
    )

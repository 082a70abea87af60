"""List: an answer holds as many conferences as fit into one message; the asker continues after the last one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from foundation.bus.message import MAX_BYTES, dumps

ITEMS_BYTES = MAX_BYTES - 4096
"""The bytes for the items of one answer; the rest is for the fields around them."""


def as_many_as_fit(items: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return the first items, up to the size of a message; at least one item."""
    fitting: list[dict[str, Any]] = []
    size = 0
    for item in items:
        size += len(dumps(item)) + 1
        if fitting and size > ITEMS_BYTES:
            break
        fitting.append(item)
    return tuple(fitting)

"""List: no more conferences than one message takes; the asker goes on after the last one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from foundation.bus.message import MAX_BYTES, dumps

ROOM = MAX_BYTES - 4096
"""Bytes for the items of one answer; the rest is for what stands around them."""


def as_many_as_fit(items: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The first items, up to the size of a message; at least one."""
    kept: list[dict[str, Any]] = []
    size = 0
    for item in items:
        size += len(dumps(item)) + 1
        if kept and size > ROOM:
            break
        kept.append(item)
    return tuple(kept)

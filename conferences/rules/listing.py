"""A list answer holds as many conferences as fit into one message; the next page starts after the last one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from foundation.bus.message import MAX_BYTES, dumps
from foundation.bus.typed_json import to_json
from wire.conference_manager import ListedConference

ITEMS_BYTES = MAX_BYTES - 4096
"""The bytes for the items of one answer; the rest is for the fields around them."""


class ListPage(NamedTuple):
    """One page of a list of conferences, and the length of the whole list."""

    total: int
    conferences: list[ListedConference]


def as_many_as_fit(items: Iterable[ListedConference]) -> tuple[ListedConference, ...]:
    """Return as many of the first items as fit together into one message; at least one."""
    fitting: list[ListedConference] = []
    size = 0
    for item in items:
        size += len(dumps(to_json(item))) + 1
        if fitting and size > ITEMS_BYTES:
            break
        fitting.append(item)
    return tuple(fitting)

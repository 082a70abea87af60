"""The plan of people, pairs and groups is the same for every server."""

from __future__ import annotations

import os

PAIRS = 200
"""Person 2n and 2n+1; both talk, so that nobody says more than 20 a second."""
GROUPS = {10: 20, 100: 4}
"""So many groups in which one speaks and so many others hear it; of the same people as the pairs."""
CROWD = 1000
"""So many others in the largest group, whose people nobody has seen before."""
NEWCOMERS = range(420, 620)
"""Who sign in 20 at a time."""
FIRST_OF_CROWD = 1000
PEOPLE = FIRST_OF_CROWD + CROWD + 1
MISSED = 3000
PAGE = 100
SECONDS = float(os.environ.get("SECONDS", "12"))


def name(number: int) -> str:
    """Return the name of a person."""
    return f"b{number}"


def members(size: int, group: int) -> range:
    """Return the people of a group in which one speaks and `size` others hear it."""
    first = FIRST_OF_CROWD if size == CROWD else group * (size + 1)
    return range(first, first + size + 1)


def groups() -> list[tuple[int, int]]:
    """Yield all groups: how many hear a message, and the number of the group."""
    return [(size, n) for size, count in GROUPS.items() for n in range(count)] + [(CROWD, 0)]

"""Who else uses a domain or a room: apps above this one say so when they are loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Ask = Callable[[str, str], Mapping[str, int]]
"""From a database and a MOID: how many things of a kind use it."""

DOMAINS: list[Ask] = []
ROOMS: list[Ask] = []


def gathered(asks: list[Ask], database: str, moid: str) -> dict[str, int]:
    """All uses that others know of, by kind."""
    return {kind: count for ask in asks for kind, count in ask(database, moid).items()}

"""Who else uses a domain or a room: apps above this one say so when they are loaded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Ask = Callable[[str, str], Mapping[str, int]]
"""From a database and a MOID: how many things of a kind use it."""

DOMAINS: list[Ask] = []
ROOMS: list[Ask] = []


def gathered(asks: list[Ask], database: str, moid: str) -> dict[str, int]:
    """All uses that others know of, by kind."""
    return {kind: count for ask in asks for kind, count in ask(database, moid).items()}


# ---- what operators see of a domain that others know --------------------------------------------


class Measure(NamedTuple):
    """How much of a limit is used; no limit: None."""

    name: StrOrPromise
    used: int
    limit: int | None


MEASURES: list[Callable[[str, Collection[str]], Mapping[str, Sequence[Measure]]]] = []
"""From a database and MOIDs: what each domain uses of its limits."""

RUNNING: list[Ask] = []
"""What runs in a domain and all below it, by kind."""

ENDING: list[Callable[[str], int]] = []
"""End what runs in a domain and all below it, because it is disabled; how much that was."""


def measures(database: str, moids: Collection[str]) -> dict[str, list[Measure]]:
    """What these domains use of their limits, as far as anybody counts it."""
    found: dict[str, list[Measure]] = {moid: [] for moid in moids}
    for ask in MEASURES:
        for moid, some in ask(database, moids).items():
            found[moid] += some
    return found


def end_running(moid: str) -> int:
    """End what runs in a disabled domain and below it."""
    return sum(end(moid) for end in ENDING)


REMARKS: list[Callable[[str], str]] = []
"""From a platform's MOID: what an operator has to do besides changing the tree; "": nothing."""


def remarks(platform: str) -> list[str]:
    """All that is to be done besides."""
    return [said for ask in REMARKS if (said := ask(platform))]


# ---- who may not go on --------------------------------------------------------------------------

SHUT: list[Callable[[str, Collection[str]], None]] = []
"""From a database and people's MOIDs: whatever these people have proved is void from now on. Called in the
transaction that disables or deletes them, or gives them another password."""


def shut(database: str, people: Collection[str]) -> None:
    """Tell all who let people in by proofs of their own."""
    for tell in SHUT:
        tell(database, people)


# ---- conferences, for those who give them a conversation ----------------------------------------


class Gathering(NamedTuple):
    """A conference that runs, and who belongs to it: its creator by MOID, others by sign-in name or MOID."""

    confid: str
    revision: int
    name: str
    domain: str
    creator: str
    accounts: frozenset[str]


Gathered = tuple[Collection[str], Sequence[Gathering]]

GATHERINGS: list[Callable[[str, Mapping[str, int]], Gathered]] = []
"""From a database and the revisions known by confid: which conferences live, and some of those that run
and are of another revision: one, filled by the app that holds conferences."""

ENTERED: list[Callable[[str, str], None]] = []
"""Somebody, by MOID, enters a conference, by confid, with his account; must not fail."""

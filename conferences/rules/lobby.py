"""The rules of the lobby, in which guests wait until a chair lets them in: how many, how long, and who counts. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

MOST_WAITING = 100
"""So many visitors may wait for one conference."""
GONE_AFTER = 90
"""A page that has not asked for so many seconds is closed: its visitor does not wait any more.

Browsers let a page in the background ask once a minute only.
"""
TOLD_EVERY = 10
"""The time at which a page asked is stored at most every so many seconds."""
LONGEST_WAIT = 3600
"""Seconds for which a visitor waits at most."""
REFUSED_FOR = 600
"""Seconds after which a visitor who was refused may ask again."""


class Lobby(StrEnum):
    """The answer to a visitor in the lobby; the first three are also the states of a row."""

    WAITING = "waiting"
    LET_IN = "let_in"
    REFUSED = "refused"
    FULL = "full"
    LATE = "late"


class Waiting(NamedTuple):
    """A visitor's place in the lobby: its state, since when it has it, and when the page asked last (Unix seconds)."""

    state: Lobby
    since: int
    asked_at: int

    def is_there(self, now: int) -> bool:
        """Return whether the visitor waits now."""
        return self.state is Lobby.WAITING and now - self.asked_at <= GONE_AFTER


def decide_waiting(place: Waiting | None, others: int, now: int) -> Lobby:
    """Decide what a visitor is answered who asks to enter. `place`: what is known of it; `others`: how many wait."""
    if place is not None:
        if place.state is Lobby.LET_IN:
            return Lobby.LET_IN
        if place.state is Lobby.REFUSED and now - place.since < REFUSED_FOR:
            return Lobby.REFUSED
        if place.is_there(now):
            return Lobby.LATE if now - place.since > LONGEST_WAIT else Lobby.WAITING
    return Lobby.FULL if others >= MOST_WAITING else Lobby.WAITING

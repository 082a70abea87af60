"""The rules of the lobby, in which guests wait until a chair lets them in: how many, how long, and who counts. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

MOST_WAITING = 100
"""So many visitors may wait for one conference."""
MOST_OF_ADDRESS = 40
"""So many of them may come from one IP address, so that one visitor alone does not fill the lobby."""
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
    """The lobby's answer to a visitor who asks to enter.

    The first three are also the states of a visitor in the table.
    """

    WAITING = "waiting"
    LET_IN = "let_in"
    REFUSED = "refused"
    FULL = "full"
    LATE = "late"


class Waiting(NamedTuple):
    """The object holds a visitor's state in the lobby, since when, and when the page asked last (Unix seconds)."""

    state: Lobby
    since: int
    asked_at: int

    def is_there(self, now: int) -> bool:
        """Return whether the visitor waits now: nothing is decided, and the page has asked lately (GONE_AFTER)."""
        return self.state is Lobby.WAITING and now - self.asked_at <= GONE_AFTER


def decide_waiting(place: Waiting | None, others: int, of_address: int, now: int) -> Lobby:
    """Decide what a visitor is answered who asks to enter a conference with a lobby.

    `place`: what is stored of the visitor; `None` if nothing is. `others`: how many wait; `of_address`: how many of
    them come from the visitor's IP address. `now`: Unix seconds.
    """
    if place is not None:
        if place.state is Lobby.LET_IN:
            return Lobby.LET_IN
        if place.state is Lobby.REFUSED and now - place.since < REFUSED_FOR:
            return Lobby.REFUSED
        # Who has closed the page, or was refused long ago, waits anew.
        if place.is_there(now):
            return Lobby.LATE if now - place.since > LONGEST_WAIT else Lobby.WAITING
    is_full = others >= MOST_WAITING or of_address >= MOST_OF_ADDRESS
    return Lobby.FULL if is_full else Lobby.WAITING

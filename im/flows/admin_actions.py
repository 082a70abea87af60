"""What an administrator does to other people's conversations, whose messages he does not see."""

from __future__ import annotations

from foundation import clock
from foundation.cells.directory import PlatformStore
from im.data.locked_conversation import lock_conversation
from im.data.people import Person


def close(place: PlatformStore, number: int, by: Person, closed: bool) -> bool:
    """Nobody speaks in it from now on, or again. Was it otherwise? Raises held.Denied: there is none."""
    with lock_conversation(place, number, by, clock.now()) as it:
        return it.close(closed)

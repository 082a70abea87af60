"""What an administrator does to other people's conversations, whose messages he does not see."""

from __future__ import annotations

from confplatform import clock
from confplatform.stores.directory import PlatformStore
from im.held import held
from im.people import Person


def close(place: PlatformStore, number: int, by: Person, closed: bool) -> bool:
    """Nobody speaks in it from now on, or again. Was it otherwise? Raises held.Denied: there is none."""
    with held(place, number, by, clock.now()) as it:
        return it.close(closed)

"""Administrators act here on other people's conversations, whose messages they do not see, and on plugins."""

from __future__ import annotations

from foundation import clock
from foundation.cells.directory import PlatformStore
from im.data.locked_conversation import lock_conversation
from im.data.people import Person
from im.data.plugins import switches


def close(store: PlatformStore, number: int, by: Person, closed: bool) -> bool:
    """Close or reopen a conversation in the name of an administrator; return whether it changed.

    Raises locked_conversation.Denied if there is no such conversation.
    """
    with lock_conversation(store, number, by, clock.now()) as locked:
        return locked.close(closed)


def switch_plugin(name: str, *, on: bool) -> bool:
    """Switch a plugin on or off; return whether that changed anything. On also forgives its faults."""
    return switches.switch(name, on=on)

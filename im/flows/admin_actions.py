"""Administrators act here on other people's conversations, whose messages they do not see, and on plugins."""

from __future__ import annotations

from foundation import clock
from foundation.cells.directory import PlatformStore
from im.data.locked_conversation import lock_conversation
from im.data.people import Person
from im.data.plugins import switches


def set_closed(store: PlatformStore, number: int, by: Person, closed: bool) -> bool:
    """Close or reopen the conversation with the id `number`, in the name of the administrator `by`.

    Return whether that changed anything. Raises locked_conversation.Denied if there is no such conversation.
    """
    with lock_conversation(store, number, by, clock.now()) as locked:
        return locked.set_closed(closed)


def switch_plugin(name: str, *, on: bool) -> bool:
    """Switch the plugin `name` on or off; return whether that changed anything.

    Switched on, it is no longer marked as faulty.
    """
    return switches.switch(name, on=on)

"""Define the rules by which a visitor enters a conference, is kept out of a locked one, or waits in its lobby. Pure."""

from __future__ import annotations

from enum import StrEnum

from wire.arrangement import Arrangement


class Entry(StrEnum):
    """The answer to a visitor who asks to enter a conference: enter, wait in the lobby, or why not."""

    OPEN = "open"
    LOCKED = "locked"
    WAITING = "waiting"
    REMOVED = "removed"
    RECORDED = "recorded"
    """The conference is recorded now, and the visitor has not agreed to that yet."""


def decide_entry(
    arrangement: Arrangement,
    visitor: str,
    *,
    was_let_in: bool,
    is_of_tenant: bool,
    is_creator: bool,
) -> Entry:
    """Decide whether the visitor with this id may enter a conference that is arranged like this.

    `was_let_in`: the visitor has been inside, or was let in from the lobby. `is_of_tenant`: the visitor has signed in
    with an account of the conference's user domain; `is_creator`: with that of its creator, whom nothing keeps out.
    """
    if is_creator:
        return Entry.OPEN
    if is_kept_out(arrangement, visitor):
        return Entry.REMOVED
    if was_let_in:
        return Entry.OPEN
    if arrangement.locked:
        return Entry.LOCKED
    return Entry.WAITING if arrangement.lobby and not is_of_tenant else Entry.OPEN


def asks_for_consent(
    arrangement: Arrangement, *, has_agreed: bool, enters: bool, was_let_in: bool
) -> bool:
    """Return whether a visitor has to be asked for consent before entering: the conference is recorded now.

    False while nothing is recorded or the recording pauses, and for a visitor who has agreed (`has_agreed`). `enters`:
    the visitor comes in by this request. With False the page only asks where the conference is, for which somebody
    inside (`was_let_in`) is not asked again.
    """
    is_recorded = arrangement.recording == 1
    return is_recorded and not has_agreed and (enters or not was_let_in)


def is_kept_out(arrangement: Arrangement, visitor: str) -> bool:
    """Return whether a visitor was removed from a conference that is arranged like this, and was not called again."""
    return any(banned.visitor == visitor for banned in arrangement.banned if banned.visitor)

"""The form in which messages of a call's guests are stored: an id of the guest's own, and a mark at the name. Pure.

Guests have no account; the mark keeps them from passing for one.
"""

from __future__ import annotations

from foundation.plain_text import cleaned

_ID = "guest-"
_MARK = " (guest)"
MAX_GUEST_NAME = 48


def guest_id(visitor: str) -> str:
    """Return the sender's id under which a guest's messages are stored; `visitor` is the id of the guest's browser."""
    return _ID + visitor


def is_guest(sender: str) -> bool:
    """Return whether a sender's id is that of a guest of a call, who has no account."""
    return sender.startswith(_ID)


def visitor_of(sender: str) -> str:
    """Return the id of the guest's browser in a sender's id; an account's id is returned unchanged."""
    return sender.removeprefix(_ID)


def marked_name(name: str) -> str:
    """Return the name under which a guest's messages are stored: one line, and a mark that no account's name has."""
    return (cleaned(name[:MAX_GUEST_NAME]) or "?") + _MARK


def unmarked_name(name: str) -> str:
    """Return the name of a guest without the mark, which the page adds in its own language."""
    return name.removesuffix(_MARK)

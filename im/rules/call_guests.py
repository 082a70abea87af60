"""Guests of a call have no account: their messages are stored under an id of their own, with a mark at the name. Pure."""

from __future__ import annotations

from foundation.plain_text import cleaned

_ID = "guest-"
_MARK = " (guest)"
MAX_GUEST_NAME = 48


def guest_id(visitor: str) -> str:
    """Return the id under which the messages of a guest are stored; `visitor` is that of the guest's browser."""
    return _ID + visitor


def is_guest(sender: str) -> bool:
    """Return whether messages of this sender were written by a guest of a call."""
    return sender.startswith(_ID)


def visitor_of(sender: str) -> str:
    """Return the id of the browser of a guest who has written as this sender; that of an account stays as it is."""
    return sender.removeprefix(_ID)


def marked_name(name: str) -> str:
    """Return the name under which a guest's messages are stored: one line, marked, so that it passes for no account."""
    return (cleaned(name[:MAX_GUEST_NAME]) or "?") + _MARK


def unmarked_name(name: str) -> str:
    """Return the name of a guest without the mark, which the page adds in its own language."""
    return name.removesuffix(_MARK)

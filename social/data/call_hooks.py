"""The hook by which plugins decide whether people may call each other, and go on talking."""

from __future__ import annotations

from foundation.hooks import Hook

MAY_TALK: Hook[[str, str, str], bool] = Hook()
"""`(database, caller, callee)`: may this person call, or go on talking to, the other one (balance, permission)?

It is asked when a call begins and every minute; one answer False is enough to end the call."""


def may_talk(database: str, caller: str, callee: str) -> bool:
    """Return whether all plugins allow one person to call another, or to go on talking; both are given by id."""
    return all(MAY_TALK.call(database, caller, callee))

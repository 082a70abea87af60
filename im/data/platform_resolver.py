"""In whose cell something lies: people by their user domain, conversations wherever they were made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from domains.data.lookups import platforms_of_accounts
from foundation.cells import sql
from foundation.cells.directory import look_up, own_platform, possible_platforms

T = TypeVar("T")

MOST_KNOWN = 200_000
_conversations: dict[int, str] = {}
"""Immutable, so never asked twice; which site serves the platform is asked each time."""


def platform_of_users(users: Collection[str]) -> dict[str, str]:
    """Of these people, those whom this site's data knows, and their platforms. Operators, who are of no
    user domain, belong where they were found."""
    found: dict[str, str] = {}
    for platform in possible_platforms():
        missing = [user for user in users if user not in found]
        if missing:
            homes = platforms_of_accounts(platform, missing)
            found |= {user: home or platform for user, home in homes.items()}
    return found


def platforms_of(conversations: Collection[int]) -> dict[int, str]:
    """Of these conversations those that exist, and their platforms.

    At a site with one platform's data alone, all are said to be there: its table knows better.
    """
    if len(possible_platforms()) == 1:
        return dict.fromkeys(conversations, own_platform())
    _ask(sorted({one for one in conversations if one not in _conversations}))
    return {one: _conversations[one] for one in conversations if one in _conversations}


def platform_of_conversation(conversation: int) -> str | None:
    """Where one lies; None: it does not exist."""
    return platforms_of([conversation]).get(conversation)


def by_platform(some: Iterable[T], about: Callable[[T], int]) -> dict[str, list[T]]:
    """Shared out by the home of the conversation that each is about, in order; "": there is none."""
    asked = [(one, about(one)) for one in some]
    known = platforms_of({number for _, number in asked})
    found: dict[str, list[T]] = {}
    for one, number in asked:
        found.setdefault(known.get(number, ""), []).append(one)
    return found


def _ask(missing: list[int]) -> None:
    if len(_conversations) > MOST_KNOWN:
        _conversations.clear()
    for platform in possible_platforms():
        if missing:
            query = f"SELECT id FROM im_conversation WHERE id IN ({sql.marks(missing)})"
            rows = look_up(platform, query, missing)
            _conversations.update({row[0]: platform for row in rows})
            missing = [one for one in missing if one not in _conversations]

"""Define queries for the platform whose data holds a person or a conversation.

People belong to the platform of their user domain, a conversation to that where it was created.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from domains.data.lookups import platforms_of_accounts
from foundation.cells import sql
from foundation.cells.directory import look_up, own_platform, possible_platforms

T = TypeVar("T")

MAX_CACHED = 200_000
_conversations: dict[int, str] = {}
"""The platform of a conversation never changes, so it is cached; the serving site is not."""


def platform_of_users(users: Collection[str]) -> dict[str, str]:
    """Return for each of these people the platform whose data holds the account; unknown people are left out.

    Operators, who belong to no user domain, belong to the platform where they were found.
    """
    platforms: dict[str, str] = {}
    for platform in possible_platforms():
        missing = [user for user in users if user not in platforms]
        if missing:
            homes = platforms_of_accounts(platform, missing)
            platforms |= {user: home or platform for user, home in homes.items()}
    return platforms


def platforms_of(conversations: Collection[int]) -> dict[int, str]:
    """Return for each of these conversations the platform whose data holds it, without those that do not exist.

    A site with the data of a single platform returns that platform for all, without a query:
    whoever then reads the conversation's row sees whether it exists.
    """
    if len(possible_platforms()) == 1:
        return dict.fromkeys(conversations, own_platform())
    _look_up_conversations(
        sorted(
            {conversation for conversation in conversations if conversation not in _conversations}
        )
    )
    return {
        conversation: _conversations[conversation]
        for conversation in conversations
        if conversation in _conversations
    }


def platform_of_conversation(conversation: int) -> str | None:
    """Return the platform of a conversation; `None` means that it does not exist."""
    return platforms_of([conversation]).get(conversation)


def group_by_platform(
    items: Iterable[T], conversation_of: Callable[[T], int]
) -> dict[str, list[T]]:
    """Return items grouped by the platform of the conversation that each is about, in order: platform -> items.

    The key "" holds the items whose conversation does not exist.
    """
    pairs = [(item, conversation_of(item)) for item in items]
    platforms = platforms_of({number for _, number in pairs})
    groups: dict[str, list[T]] = {}
    for item, number in pairs:
        groups.setdefault(platforms.get(number, ""), []).append(item)
    return groups


def _look_up_conversations(missing: list[int]) -> None:
    """Read from each platform's data which of these conversations it holds, and cache their platforms."""
    if len(_conversations) > MAX_CACHED:
        _conversations.clear()
    for platform in possible_platforms():
        if missing:
            query = f"SELECT id FROM im_conversation WHERE id IN ({sql.marks(missing)})"
            rows = look_up(platform, query, missing)
            _conversations.update({row[0]: platform for row in rows})
            missing = [
                conversation for conversation in missing if conversation not in _conversations
            ]

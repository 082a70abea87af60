"""A message center's cache of the members of conversations.

A conversation's row holds a version that grows with each change of its members. The center locks
that row anyway, and so sees whether the cached members are still right.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC

from foundation.cells import sql
from im.rules.message_decisions import MemberFacts
from im.rules.vocabulary import Role

MOST_PEOPLE = 500_000

_QUERY = (
    "SELECT conversation_id, id, user, name, role, muted_until, since_seq FROM im_member"
    " WHERE state='active' AND conversation_id IN ({marks})"
)


@dataclass(frozen=True, slots=True)
class ActiveMembers:
    """Represent the active members of a conversation, as they were at one version of its list of members.

    `users` are their ids, `by_user` is id -> what the rules need to know of the member.
    """

    version: int
    by_user: Mapping[str, MemberFacts]
    users: tuple[str, ...]


class MemberCache:
    """A cache of the members of recently used conversations; others are read from the database."""

    def __init__(self, most: int = MOST_PEOPLE) -> None:
        """Begin empty; the cached conversations have at most `most` members in all."""
        self._most, self._people_count = most, 0
        self._members: OrderedDict[int, ActiveMembers] = OrderedDict()

    def people(self, database: str, versions: Mapping[int, int]) -> dict[int, ActiveMembers]:
        """Return the active members of conversations; `versions`: conversation id -> present version.

        Members that are cached with another version are read from the database again.
        """
        cached = {
            conversation: self._members[conversation]
            for conversation, version in versions.items()
            if conversation in self._members and self._members[conversation].version == version
        }
        for conversation in cached:
            self._members.move_to_end(conversation)
        if missing := [conversation for conversation in versions if conversation not in cached]:
            cached |= self._read_members(
                database, {conversation: versions[conversation] for conversation in missing}
            )
        return cached

    def _read_members(self, database: str, versions: Mapping[int, int]) -> dict[int, ActiveMembers]:
        """Read the members of these conversations, cache them, and return them: id of the conversation -> members."""
        members_by_conversation: dict[int, dict[str, MemberFacts]] = {
            conversation: {} for conversation in versions
        }
        query = _QUERY.format(marks=sql.marks([*versions]))
        for number, row, user, name, role, muted, since in sql.select(database, query, [*versions]):
            until = muted and muted.replace(tzinfo=UTC)
            members_by_conversation[number][user] = MemberFacts(
                row, user, name, Role(role), until, since
            )
        read = {
            conversation: ActiveMembers(versions[conversation], members, tuple(members))
            for conversation, members in members_by_conversation.items()
        }
        for conversation, people in read.items():
            self._cache_members(conversation, people)
        return read

    def _cache_members(self, number: int, people: ActiveMembers) -> None:
        """Cache a conversation's members, and drop the least recently used conversations while it holds too many."""
        old = self._members.pop(number, None)
        self._members[number] = people
        self._people_count += len(people.users) - (len(old.users) if old else 0)
        while self._people_count > self._most and len(self._members) > 1:
            _, forgotten = self._members.popitem(last=False)
            self._people_count -= len(forgotten.users)

"""Who is in a conversation, as a center remembers it: by the version that the row says under its lock."""

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
class People:
    """The active members of a conversation at one version."""

    version: int
    by_user: Mapping[str, MemberFacts]
    users: tuple[str, ...]


class Memory:
    """The conversations used last; forgotten ones are read again."""

    def __init__(self, most: int = MOST_PEOPLE) -> None:
        self._most, self._held = most, 0
        self._of: OrderedDict[int, People] = OrderedDict()

    def people(self, database: str, versions: Mapping[int, int]) -> dict[int, People]:
        """Of each of these conversations the members at this version."""
        known = {
            one: self._of[one]
            for one, version in versions.items()
            if one in self._of and self._of[one].version == version
        }
        for one in known:
            self._of.move_to_end(one)
        if missing := [one for one in versions if one not in known]:
            known |= self._read(database, {one: versions[one] for one in missing})
        return known

    def _read(self, database: str, versions: Mapping[int, int]) -> dict[int, People]:
        found: dict[int, dict[str, MemberFacts]] = {one: {} for one in versions}
        query = _QUERY.format(marks=sql.marks([*versions]))
        for number, row, user, name, role, muted, since in sql.select(database, query, [*versions]):
            until = muted and muted.replace(tzinfo=UTC)
            found[number][user] = MemberFacts(row, user, name, Role(role), until, since)
        read = {one: People(versions[one], who, tuple(who)) for one, who in found.items()}
        for one, people in read.items():
            self._keep(one, people)
        return read

    def _keep(self, number: int, people: People) -> None:
        old = self._of.pop(number, None)
        self._of[number] = people
        self._held += len(people.users) - (len(old.users) if old else 0)
        while self._held > self._most and len(self._of) > 1:
            _, forgotten = self._of.popitem(last=False)
            self._held -= len(forgotten.users)

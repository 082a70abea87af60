"""A conversation in hand: its row locked, who is acting, and everybody told once it is written.

with held(store, number, me, now) as one:
    one.may(Act.PIN)
    one.log(Cmd.CONVERSATION, {...})
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from foundation.cells.directory import PlatformStore
from im.data import journal, queries
from im.data import presence_store as store
from im.data.journal import Locked
from im.data.people import Person
from im.models import Conversation, Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import DenyReason, GroupAction
from im.rules.messages import Data, DraftEntry, Notice, StoredEntry
from im.rules.vocabulary import Cmd

NAMED = 100
"""So many people an entry names; of more it gives the number."""

_WORDS = {
    DenyReason.NOT_FOUND: "there is no such conversation, or you are not in it",
    DenyReason.NOT_ALLOWED: "your role in this conversation does not allow it",
    DenyReason.CLOSED: "this conversation is closed",
    DenyReason.FULL: "there is no more room",
}


class Denied(Exception):
    """A request that cannot be had: a word for programs, a sentence for people."""

    def __init__(self, why: DenyReason, reason: str = "") -> None:
        self.why, self.reason = why, reason or _WORDS.get(why, why.value)
        super().__init__(self.reason)


@dataclass(slots=True)
class Held:
    """What a flow may touch while it has a conversation."""

    store: PlatformStore
    locked: Locked
    conversation: Conversation
    me: Person
    mine: Member | None
    now: datetime
    entries: list[StoredEntry] = field(default_factory=list)
    notes: list[Notice] = field(default_factory=list)
    also: set[str] = field(default_factory=set)
    """Who is told beside the members."""

    @property
    def database(self) -> str:
        """Where it lies."""
        return self.store.database

    def may(self, act: GroupAction, whom: Member | None = None) -> None:
        """Raises Denied, unless the rules allow it."""
        group, who = queries.group_of(self.conversation), queries.standing_of(self.mine)
        if why := conversation_decisions.deny_reason(act, group, who, queries.standing_of(whom)):
            unknown = why is DenyReason.NOT_FOUND and self.mine is not None
            raise Denied(why, "there is no such member" if unknown else "")

    def log(self, cmd: Cmd, data: Data) -> StoredEntry:
        """One more entry, in the name of who is acting."""
        entry = self.locked.append(DraftEntry(cmd, self.me.id, self.me.name, data=data), self.now)
        self.entries.append(entry)
        return entry

    def set(self, **columns: object) -> None:
        """Change columns of the conversation."""
        Conversation.objects.using(self.database).filter(pk=self.locked.id).update(**columns)

    def close(self, closed: bool) -> bool:
        """Nobody says anything in it from now on, or again; what was said stays. Was it otherwise?"""
        if self.conversation.closed == closed:
            return False
        self.set(closed=closed)
        self.log(Cmd.CONVERSATION, {"what": "dissolved" if closed else "reopened"})
        return True

    def finish(self) -> None:
        """Write the entries, and stage what people are told."""
        journal.flush(self.database, [self.locked])
        if self.entries or self.notes:
            people = {*queries.active(self.database, self.locked.id), *self.also}
            ways = store.ways(people, self.now.timestamp())
            journal.tell(self.store, self.entries, ways, self.now, self.notes)


@contextmanager
def held(place: PlatformStore, number: int, me: Person, now: datetime) -> Iterator[Held]:
    """A conversation, locked until what is done to it has committed. Raises Denied: there is none."""
    with transaction.atomic(using=place.database):
        journal.gate(place)
        locked = journal.lock(place.database, [number]).get(number)
        conversation = queries.conversation(place.database, number)
        if locked is None or conversation is None:
            raise Denied(DenyReason.NOT_FOUND)
        mine = queries.place(place.database, number, me.id)
        one = Held(place, locked, conversation, me, mine, now)
        yield one
        one.finish()


def named(people: Collection[Person | Member]) -> Data:
    """Who an entry is about: the first of them by name, and how many they are."""
    first = [
        {"user_id": one.id if isinstance(one, Person) else one.user, "name": one.name}
        for one in sorted(people, key=lambda one: one.name)[:NAMED]
    ]
    return {"users": first, "count": len(people)}

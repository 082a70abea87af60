"""A lock on one conversation, under which a flow changes it; its members are notified afterwards.

with lock_conversation(store, number, me, now) as locked:
    locked.check_allowed(GroupAction.PIN)
    locked.log(Cmd.CONVERSATION, {...})
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from foundation.cells.directory import PlatformStore
from im.data import journal, presence_store, queries
from im.data.journal import LockedRow
from im.data.people import Person
from im.models import Conversation, Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import DenyReason, GroupAction
from im.rules.messages import Data, DraftEntry, Notice, StoredEntry
from im.rules.vocabulary import Cmd

MAX_NAMED = 100
"""An entry names at most this many people; of more it gives only the number."""

_WORDS = {
    DenyReason.NOT_FOUND: "there is no such conversation, or you are not in it",
    DenyReason.NOT_ALLOWED: "your role in this conversation does not allow it",
    DenyReason.CLOSED: "this conversation is closed",
    DenyReason.FULL: "the limit is reached",
}


class Denied(Exception):
    """The exception that denies a person's request: `why` is a code for client applications, `reason` a sentence."""

    def __init__(self, why: DenyReason, reason: str = "") -> None:
        """Deny for the reason `why`; without a sentence (`reason`) the usual one for it is used."""
        self.why, self.reason = why, reason or _WORDS.get(why, why.value)
        super().__init__(self.reason)


@dataclass(slots=True)
class LockedConversation:
    """Represent a locked conversation, the person who acts on it, and the changes to write at the end.

    `me` is the acting person, `own_row` this person's `Member` row (`None`: no member), `row` the locked row, `entries`
    and `notes` what the members get.
    """

    store: PlatformStore
    row: LockedRow
    conversation: Conversation
    me: Person
    own_row: Member | None
    now: datetime
    entries: list[StoredEntry] = field(default_factory=list)
    notes: list[Notice] = field(default_factory=list)
    further_receivers: set[str] = field(default_factory=set)
    """People besides the members who are notified, such as those who were removed."""

    @property
    def database(self) -> str:
        """Return the alias of the database that holds the conversation."""
        return self.store.database

    def check_allowed(self, action: GroupAction, target: Member | None = None) -> None:
        """Check that the acting person may do this to the conversation or to `target`. Raises Denied."""
        group, standing = queries.group_of(self.conversation), queries.standing_of(self.own_row)
        if deny_reason := conversation_decisions.deny_reason(
            action, group, standing, queries.standing_of(target)
        ):
            is_unknown = deny_reason is DenyReason.NOT_FOUND and self.own_row is not None
            raise Denied(deny_reason, "there is no such member" if is_unknown else "")

    def log(self, cmd: Cmd, data: Data) -> StoredEntry:
        """Append an entry to the conversation's log, in the name of the acting person, and return it.

        `cmd` is its kind, `data` its content.
        """
        entry = self.row.append(DraftEntry(cmd, self.me.id, self.me.name, data=data), self.now)
        self.entries.append(entry)
        return entry

    def set(self, **columns: object) -> None:
        """Write new values of these columns of the conversation's row to the database."""
        Conversation.objects.using(self.database).filter(pk=self.row.id).update(**columns)

    def set_closed(self, closed: bool) -> bool:
        """Close or reopen the conversation; its log stays. Return whether that changed anything."""
        if self.conversation.closed == closed:
            return False
        self.set(closed=closed)
        self.log(Cmd.CONVERSATION, {"what": "dissolved" if closed else "reopened"})
        return True

    def finish(self) -> None:
        """Write the new entries to the log, and store in the outbox the messages about them to the members."""
        journal.save_changed(self.database, [self.row])
        if self.entries or self.notes:
            people = {*queries.active_users(self.database, self.row.id), *self.further_receivers}
            protocols = presence_store.protocols_of_online(people, self.now.timestamp())
            journal.stage_publications(self.store, self.entries, protocols, self.now, self.notes)


@contextmanager
def lock_conversation(
    platform_store: PlatformStore, number: int, me: Person, now: datetime
) -> Iterator[LockedConversation]:
    """Lock the conversation `number` for a change by the person `me`, and yield it; write the change at the end.

    Raises Denied if it does not exist, and NotServedHere or ReadOnly as `journal.require_serving` does.
    """
    with transaction.atomic(using=platform_store.database):
        journal.require_serving(platform_store)
        row = journal.lock_conversations(platform_store.database, [number]).get(number)
        conversation = queries.conversation(platform_store.database, number)
        if row is None or conversation is None:
            raise Denied(DenyReason.NOT_FOUND)
        member = queries.member(platform_store.database, number, me.id)
        locked = LockedConversation(platform_store, row, conversation, me, member, now)
        yield locked
        locked.finish()


def name_people(people: Collection[Person | Member]) -> Data:
    """Return the part of a log entry that lists people: the first MAX_NAMED in order of name, and how many they are."""
    first = [
        {"user_id": person.id if isinstance(person, Person) else person.user, "name": person.name}
        for person in sorted(people, key=lambda person: person.name)[:MAX_NAMED]
    ]
    return {"users": first, "count": len(people)}

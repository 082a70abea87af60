"""Conversations are created, changed and dissolved.

Each function is one transaction and writes one entry to the log; a repeated request changes nothing
more. All functions raise `locked_conversation.Denied`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from foundation.cells.directory import PlatformStore
from im.data import journal, people, presence_store, queries
from im.data.locked_conversation import Denied, lock_conversation, name_people
from im.data.people import Person
from im.models import Conversation, Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import FOREVER, DenyReason, GroupAction
from im.rules.messages import DraftEntry
from im.rules.vocabulary import MAX_MEMBERS, Cmd, Joining, Kind, Role

NOBODY = "there is no such person on your platform, or you may not write to them"


def open_direct(store: PlatformStore, me: Person, other: str, *, is_known: bool = False) -> int:
    """Return the id of the one-to-one conversation of two people, which is created if there is none.

    `is_known`: the caller has checked that the two may reach each other, although they are neither contacts nor in the
    same user domain. Raises Denied.
    """
    pair = ":".join(sorted((me.id, other)))
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        conversation = Conversation(
            kind=Kind.DIRECT, domain=me.domain, creator=me.id, pair=pair, members=2
        )
        other_person, blocked = _find_partner(store, me, other, is_known)
        number = _save_unless_stored(store.database, conversation)
        if number == conversation.pk:
            rows = [_member_row(number, me), _member_row(number, other_person)]
            rows[1].muted_until = FOREVER if blocked else None
            Member.objects.using(store.database).bulk_create(rows)
    return number


def _find_partner(
    store: PlatformStore, me: Person, other: str, is_known: bool
) -> tuple[Person, bool]:
    """Return the other person of a one-to-one conversation, and whether `me` has blocked that person.

    Raises Denied if `me` may not write to that person, who must be a friend or of the same user domain, unless the
    caller has checked already that the two may reach each other (`is_known`).
    """
    person = people.people_by_id(store, [other]).get(other)
    own_state, their_state = queries.states_between(store.database, me.id, [other])[other]
    is_near = person is not None and (
        is_known or own_state == "friend" or (me.domain and person.domain == me.domain)
    )
    if person is None or not is_near or other == me.id or their_state == "blocked":
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    return person, own_state == "blocked"


def create_group(
    store: PlatformStore,
    me: Person,
    name: str,
    users: Collection[str],
    joining: Joining,
    key: str,
    now: datetime,
) -> int:
    """Create a group conversation of which `me` is the owner, with these users as members, and return its id.

    `joining` is the way in which others may join. A repeated call with the same `key` returns the same
    group. Raises Denied.
    """
    others = [*{*users} - {me.id}]
    if len(others) >= MAX_MEMBERS:
        raise Denied(DenyReason.FULL)
    digest = hashlib.sha256(key.encode()).hexdigest()[:40]
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        conversation = Conversation(
            kind=Kind.GROUP,
            name=name,
            domain=me.domain,
            creator=me.id,
            pair=f"{me.id}#{digest}" if key else None,
            joining=joining,
            members=len(others) + 1,
        )
        coming = people.select_invitable(store, me, me.domain, others)
        if len(coming) < len(others):
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        number = _save_unless_stored(store.database, conversation)
        if number == conversation.pk:
            _add_first_members(store, number, me, coming, now)
    return number


def _save_unless_stored(database: str, conversation: Conversation) -> int:
    """Insert a conversation unless the same exists already; return the id of the stored one.

    Conversations with an equal `pair`, a unique column, are the same; with `None` each is another one. Two transactions
    that save one wait for each other.
    """
    # INSERT ... ON DUPLICATE KEY UPDATE pair = pair: an existing row is locked and left as it is.
    Conversation.objects.using(database).bulk_create(
        [conversation], update_conflicts=True, update_fields=["pair"]
    )
    if conversation.pair is None:
        return int(conversation.pk)
    return (
        Conversation.objects.using(database)
        .values_list("pk", flat=True)
        .get(pair=conversation.pair)
    )


def _add_first_members(
    store: PlatformStore, number: int, me: Person, coming: list[Person], now: datetime
) -> None:
    """Insert the members of a new group (`me` as owner, and `coming`), and write its creation to its log."""
    rows = [
        _member_row(number, me, Role.OWNER),
        *(_member_row(number, person) for person in coming),
    ]
    Member.objects.using(store.database).bulk_create(rows)
    locked = journal.lock_conversations(store.database, [number])[number]
    data = {"what": "created", "version": locked.members_version, **name_people([me, *coming])}
    entry = locked.append(DraftEntry(Cmd.CONVERSATION, me.id, me.name, data=data), now)
    journal.save_changed(store.database, [locked])
    protocols = presence_store.protocols_of_online([row.user for row in rows], now.timestamp())
    journal.stage_publications(store, [entry], protocols, now)


def _member_row(number: int, person: Person, role: Role = Role.MEMBER) -> Member:
    """Return the row of a new member of a conversation."""
    return Member(conversation_id=number, user=person.id, name=person.name, role=role)


def change_settings(
    store: PlatformStore, number: int, me: Person, wanted: dict[str, object], now: datetime
) -> None:
    """Change settings of a group: its name, notice, way of joining, or whether only administrators may write.

    `wanted`: name of a column of Conversation -> new value. `number` is the conversation's id. Raises Denied.
    """
    with lock_conversation(store, number, me, now) as locked:
        locked.check_allowed(GroupAction.SET)
        new = {
            name: value
            for name, value in wanted.items()
            if getattr(locked.conversation, name) != value
        }
        if new:
            locked.set(**new)
            locked.log(Cmd.CONVERSATION, {"what": "changed", **new})


def dissolve(store: PlatformStore, number: int, me: Person, now: datetime) -> None:
    """Close the group with the id `number` for ever; its messages can still be read. Raises Denied.

    If it is closed already, the owner's request changes nothing.
    """
    with lock_conversation(store, number, me, now) as locked:
        if locked.conversation.closed and locked.own_row and locked.own_row.role == Role.OWNER:
            return
        locked.check_allowed(GroupAction.DISSOLVE)
        locked.set(closed=True)
        locked.log(Cmd.CONVERSATION, {"what": "dissolved"})


def pin(
    store: PlatformStore, number: int, me: Person, seq: int, on: bool, now: datetime
) -> list[int]:
    """Pin or unpin the message `seq` of a conversation for all members. Raises Denied.

    Return the seqs of all pinned messages, the latest last.
    """
    with lock_conversation(store, number, me, now) as locked:
        locked.check_allowed(GroupAction.PIN)
        before: list[int] = locked.conversation.pins
        entry = queries.entry(locked.database, number, seq) if on else None
        if on and (entry is None or entry.cmd is not Cmd.MSG or entry.recalled_seq):
            raise Denied(DenyReason.NOT_FOUND, "there is no such message")
        after = conversation_decisions.pins_after(before, seq, on)
        if isinstance(after, DenyReason):
            raise Denied(after, f"at most {conversation_decisions.MAX_PINS} messages are pinned")
        if after != before:
            locked.set(pins=after)
            locked.log(Cmd.CONVERSATION, {"what": "pinned" if on else "loosened", "pins": after})
    return after

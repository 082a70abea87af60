"""Conversations come into being, change, and are dissolved.

Each function takes the place of the data, who acts, and the moment; what it does is one transaction,
one entry in the log, and the same once more where it is asked twice. Raises `held.Denied`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction

from foundation.cells.directory import PlatformStore
from im.data import journal, people, presence_store, queries
from im.data.locked_conversation import Denied, lock_conversation, name_people
from im.data.people import Person
from im.models import Conversation, Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import FOREVER, DenyReason, GroupAction
from im.rules.messages import DraftEntry
from im.rules.vocabulary import MEMBERS, Cmd, Joining, Kind, Role

NOBODY = "there is no such person on your platform, or you may not write to them"


def direct(place: PlatformStore, me: Person, other: str) -> int:
    """The one conversation of these two; made where there is none yet. Its id."""
    pair = ":".join(sorted((me.id, other)))
    with transaction.atomic(using=place.database):
        journal.require_serving(place)
        made = Conversation(kind=Kind.DIRECT, domain=me.domain, creator=me.id, pair=pair, members=2)
        them, blocked = _other(place, me, other)
        number = _keep(place.database, made)
        if number == made.pk:
            rows = [_member(number, me), _member(number, them)]
            rows[1].muted_until = FOREVER if blocked else None
            Member.objects.using(place.database).bulk_create(rows)
    return number


def _other(place: PlatformStore, me: Person, other: str) -> tuple[Person, bool]:
    """Whom one may write to, and whether one has blocked him. Raises Denied."""
    them = people.people_by_id(place, [other]).get(other)
    mine, theirs = queries.states_between(place.database, me.id, [other])[other]
    near = them is not None and (mine == "friend" or (me.domain and them.domain == me.domain))
    if them is None or not near or other == me.id or theirs == "blocked":
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    return them, mine == "blocked"


def group(
    place: PlatformStore,
    me: Person,
    name: str,
    users: Collection[str],
    how: Joining,
    key: str,
    now: datetime,
) -> int:
    """A new group, whose owner one is; with a `key` the same one again. Its id."""
    others = [*{*users} - {me.id}]
    if len(others) >= MEMBERS:
        raise Denied(DenyReason.FULL)
    digest = hashlib.sha256(key.encode()).hexdigest()[:40]
    with transaction.atomic(using=place.database):
        journal.require_serving(place)
        made = Conversation(
            kind=Kind.GROUP,
            name=name,
            domain=me.domain,
            creator=me.id,
            pair=f"{me.id}#{digest}" if key else None,
            joining=how,
            members=len(others) + 1,
        )
        coming = people.invitable(place, me, me.domain, others)
        if len(coming) < len(others):
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        number = _keep(place.database, made)
        if number == made.pk:
            _fill(place, number, me, coming, now)
    return number


def _keep(database: str, made: Conversation) -> int:
    """Write it, unless there is one of this pair: two at once wait for one another here. Its id."""
    Conversation.objects.using(database).bulk_create(
        [made], update_conflicts=True, update_fields=["pair"]
    )
    if made.pair is None:
        return int(made.pk)
    return Conversation.objects.using(database).values_list("pk", flat=True).get(pair=made.pair)


def _fill(
    place: PlatformStore, number: int, me: Person, coming: list[Person], now: datetime
) -> None:
    rows = [_member(number, me, Role.OWNER), *(_member(number, one) for one in coming)]
    Member.objects.using(place.database).bulk_create(rows)
    locked = journal.lock(place.database, [number])[number]
    data = {"what": "created", "version": locked.members_version, **name_people([me, *coming])}
    entry = locked.append(DraftEntry(Cmd.CONVERSATION, me.id, me.name, data=data), now)
    journal.flush(place.database, [locked])
    ways = presence_store.ways([row.user for row in rows], now.timestamp())
    journal.stage_publications(place, [entry], ways, now)


def _member(number: int, one: Person, role: Role = Role.MEMBER) -> Member:
    return Member(conversation_id=number, user=one.id, name=one.name, role=role)


def change(
    place: PlatformStore, number: int, me: Person, wanted: dict[str, Any], now: datetime
) -> None:
    """Another name, notice, way of joining, or silence for all but administrators."""
    with lock_conversation(place, number, me, now) as one:
        one.may(GroupAction.SET)
        new = {
            name: value
            for name, value in wanted.items()
            if getattr(one.conversation, name) != value
        }
        if new:
            one.set(**new)
            one.log(Cmd.CONVERSATION, {"what": "changed", **new})


def dissolve(place: PlatformStore, number: int, me: Person, now: datetime) -> None:
    """Nobody says anything in it any more; what was said stays."""
    with lock_conversation(place, number, me, now) as one:
        if one.conversation.closed and one.mine and one.mine.role == Role.OWNER:
            return
        one.may(GroupAction.DISSOLVE)
        one.set(closed=True)
        one.log(Cmd.CONVERSATION, {"what": "dissolved"})


def pin(
    place: PlatformStore, number: int, me: Person, seq: int, on: bool, now: datetime
) -> list[int]:
    """A message is pinned for all, or loosened; all that are pinned then."""
    with lock_conversation(place, number, me, now) as one:
        one.may(GroupAction.PIN)
        before: list[int] = one.conversation.pins
        said = queries.entry(one.database, number, seq) if on else None
        if on and (said is None or said.cmd is not Cmd.MSG or said.recalled_seq):
            raise Denied(DenyReason.NOT_FOUND, "there is no such message")
        after = conversation_decisions.pins_after(before, seq, on)
        if isinstance(after, DenyReason):
            raise Denied(after, f"at most {conversation_decisions.MAX_PINS} messages are pinned")
        if after != before:
            one.set(pins=after)
            one.log(Cmd.CONVERSATION, {"what": "pinned" if on else "loosened", "pins": after})
    return after

"""Contacts: asked, accepted, renamed, removed, blocked. Raises `held.Denied`.

Who is blocked is muted in the one-to-one conversation, for ever: the center refuses him with `muted`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from domains.models import Account
from foundation.cells.directory import PlatformStore
from im.data import journal, people, presence_store, queries
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.models import Contact, Conversation, Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import FOREVER, ContactAction, DenyReason
from im.rules.messages import Notice
from im.rules.vocabulary import Cmd

MOST = 2000
"""Contacts of one person, asked and blocked ones included."""
NOBODY = "there is no such person on your platform, or nothing between you two"


def wish(place: PlatformStore, me: Person, other: str, what: ContactAction, now: datetime) -> str:
    """Ask, accept, remove or block somebody; what he is in one's own list then ("" for nothing)."""
    with transaction.atomic(using=place.database):
        journal.require_serving(place)
        _lock(place, me, other)
        before = queries.states_between(place.database, me.id, [other])[other]
        after = conversation_decisions.decide_contact(what, *before)
        if isinstance(after, DenyReason):
            raise Denied(
                after, NOBODY if after is DenyReason.NOT_FOUND else "you have blocked them"
            )
        if after != before:
            _room(place.database, me, before[0], after[0])
            _keep(place.database, me.id, other, after[0])
            _keep(place.database, other, me.id, after[1])
            _silence(place, me, other, after)
            _tell(place, me, other, before, after, now)
    return after[0]


def _lock(place: PlatformStore, me: Person, other: str) -> None:
    """Both people, so that one thing happens between them at a time. Raises Denied: there is nobody."""
    if me.id == other or not people.people_by_id(place, [other]):
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    pair = Account.objects.using(place.database).filter(moid__in=[me.id, other])
    len(pair.order_by("moid").select_for_update())


def _room(database: str, me: Person, before: str, after: str) -> None:
    mine = Contact.objects.using(database).filter(owner=me.id)
    if after and not before and mine.count() >= MOST:
        raise Denied(DenyReason.FULL, f"at most {MOST} contacts are kept")


def _keep(database: str, owner: str, other: str, state: str) -> None:
    rows = Contact.objects.using(database)
    if not state:
        rows.filter(owner=owner, other=other).delete()
    else:
        rows.update_or_create(owner=owner, other=other, defaults={"state": state})


def _silence(place: PlatformStore, me: Person, other: str, after: tuple[str, str]) -> None:
    """In the conversation of these two the blocked one is muted, the other one is not."""
    pair = ":".join(sorted((me.id, other)))
    rows = Conversation.objects.using(place.database).filter(pair=pair)
    number = rows.values_list("pk", flat=True).first()
    if number is None:
        return
    locked = journal.lock(place.database, [number])[number]
    for who, state in ((other, after[0]), (me.id, after[1])):
        until = FOREVER if state == conversation_decisions.BLOCKED else None
        row = Member.objects.using(place.database).filter(conversation=number, user=who)
        row.update(muted_until=until)
    locked.members_changed()
    journal.flush(place.database, [locked])


def _tell(
    place: PlatformStore,
    me: Person,
    other: str,
    before: tuple[str, str],
    after: tuple[str, str],
    now: datetime,
) -> None:
    """One's own devices, and the other one, unless he is to notice nothing of it."""
    mine = {"user_id": other, "state": after[0]}
    theirs = {"user_id": me.id, "name": me.name, "state": after[1]}
    notes = [Notice(Cmd.CONTACT, mine, (me.id,))]
    if before[1] != after[1]:
        notes.append(Notice(Cmd.CONTACT, theirs, (other,)))
    journal.stage_publications(
        place, [], presence_store.ways([me.id, other], now.timestamp()), now, notes
    )


def rename(place: PlatformStore, me: Person, other: str, name: str) -> None:
    """What one calls somebody oneself; empty: as he is called."""
    with transaction.atomic(using=place.database):
        journal.require_serving(place)
        rows = Contact.objects.using(place.database).filter(owner=me.id, other=other)
        if not rows.exists():
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        rows.update(name=name)


def find(place: PlatformStore, me: Person, name: str) -> Person:
    """Who signs in with exactly this name, unless he has blocked whoever asks."""
    found = people.person_by_sign_in_name(place, name)
    if found is None or found.id == me.id:
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    between = queries.states_between(place.database, me.id, [found.id])[found.id]
    if between[1] == conversation_decisions.BLOCKED:
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    return found

"""People ask each other to become contacts; they accept, rename, remove and block contacts.

All functions raise `Denied`. A blocked person is muted for ever in the one-to-one conversation: the
center refuses messages with `muted`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from domains.models import Account
from foundation.cells.directory import PlatformStore
from im.data import hooks, journal, people, presence_store, queries
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.models import Contact, Conversation, Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import FOREVER, ContactAction, DenyReason
from im.rules.messages import Notice
from im.rules.vocabulary import Cmd

MAX_CONTACTS = 2000
"""A person has at most this many contacts, those asked for and blocked included."""
NOBODY = "there is no such person on your platform, or no such contact"


def change_contact(
    store: PlatformStore, me: Person, other: str, action: ContactAction, now: datetime
) -> str:
    """Ask, accept, remove or block the user `other`; return that user's new state in the contact list of `me`.

    An empty string means that the list has no such contact any more. Raises Denied.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        person = _lock_accounts(store, me, other)
        before = queries.states_between(store.database, me.id, [other])[other]
        is_new = action is ContactAction.ASK and not before[0]
        if is_new and not _may_find(store, me, person):
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        after = conversation_decisions.decide_contact(action, *before)
        if isinstance(after, DenyReason):
            raise Denied(
                after, NOBODY if after is DenyReason.NOT_FOUND else "you have blocked them"
            )
        if after != before:
            _check_count(store.database, me, before[0], after[0])
            _save_state(store.database, me.id, other, after[0])
            _save_state(store.database, other, me.id, after[1])
            _update_mute(store, me, other, after)
            _notify_both(store, me, other, before, after, now)
    return after[0]


def _lock_accounts(store: PlatformStore, me: Person, other: str) -> Person:
    """Lock both people's accounts, so that no other change of their contact runs at the same time; return `other`.

    Raises Denied if the other person is unknown, or the same.
    """
    person = people.people_by_id(store, [other]).get(other)
    if me.id == other or person is None:
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    accounts = Account.objects.using(store.database).filter(moid__in=[me.id, other])
    len(accounts.order_by("moid").select_for_update())  # `len` runs the query.
    return person


def _check_count(database: str, me: Person, before: str, after: str) -> None:
    """Check that a person's list has room for a new contact (MAX_CONTACTS). Raises Denied.

    `before` and `after` are the contact's state in this list; "" means that the list has no such
    contact.
    """
    own_contacts = Contact.objects.using(database).filter(owner=me.id)
    if after and not before and own_contacts.count() >= MAX_CONTACTS:
        raise Denied(DenyReason.FULL, f"at most {MAX_CONTACTS} contacts are allowed")


def _save_state(database: str, owner: str, other: str, state: str) -> None:
    """Write the state of a contact in the owner's list; an empty state deletes the contact."""
    rows = Contact.objects.using(database)
    if not state:
        rows.filter(owner=owner, other=other).delete()
    else:
        rows.update_or_create(owner=owner, other=other, defaults={"state": state})


def _update_mute(store: PlatformStore, me: Person, other: str, after: tuple[str, str]) -> None:
    """Mute each of two people whom the other blocks in their conversation, and unmute one who is not blocked.

    `after` are the states (of `other` in the list of `me`, of `me` in the list of `other`). The
    column `pair` holds the ids of the two people of a one-to-one conversation.
    """
    pair = ":".join(sorted((me.id, other)))
    rows = Conversation.objects.using(store.database).filter(pair=pair)
    number = rows.values_list("pk", flat=True).first()
    if number is None:
        return
    locked = journal.lock_conversations(store.database, [number])[number]
    for user, state in ((other, after[0]), (me.id, after[1])):
        until = FOREVER if state == conversation_decisions.BLOCKED else None
        row = Member.objects.using(store.database).filter(conversation=number, user=user)
        row.update(muted_until=until)
    locked.raise_members_version()
    journal.save_changed(store.database, [locked])


def _notify_both(
    store: PlatformStore,
    me: Person,
    other: str,
    before: tuple[str, str],
    after: tuple[str, str],
    now: datetime,
) -> None:
    """Notify the devices of `me` of a contact's new state, and the contact `other` if its own list has changed.

    `before` and `after` are the states (of `other` in the list of `me`, of `me` in the list of `other`). The notices
    are stored in the outbox.
    """
    data_for_me = {"user_id": other, "state": after[0]}
    data_for_other = {"user_id": me.id, "name": me.name, "state": after[1]}
    notes = [Notice(Cmd.CONTACT, data_for_me, (me.id,))]
    if before[1] != after[1]:
        notes.append(Notice(Cmd.CONTACT, data_for_other, (other,)))
    journal.stage_publications(
        store, [], presence_store.protocols_of_online([me.id, other], now.timestamp()), now, notes
    )


def make_friends(store: PlatformStore, me: Person, other: str, now: datetime) -> None:
    """Make two people contacts who have agreed to it elsewhere, such as by an invitation.

    Must run inside a transaction. A block between them raises Denied.
    """
    _lock_accounts(store, me, other)
    before = queries.states_between(store.database, me.id, [other])[other]
    if conversation_decisions.BLOCKED in before:
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    after = (conversation_decisions.FRIEND, conversation_decisions.FRIEND)
    if before != after:
        _check_count(store.database, me, before[0], after[0])
        _save_state(store.database, me.id, other, after[0])
        _save_state(store.database, other, me.id, after[1])
        _notify_both(store, me, other, before, after, now)


def set_note(store: PlatformStore, me: Person, other: str, note: str) -> None:
    """Save a person's private note about the contact `other`, which nobody else sees. Raises Denied."""
    _update_own_contact(store, me, other, note=note)


def set_name(store: PlatformStore, me: Person, other: str, name: str) -> None:
    """Save the name under which a person sees the contact `other`; "" shows the contact's real name. Raises Denied."""
    _update_own_contact(store, me, other, name=name)


def _update_own_contact(store: PlatformStore, me: Person, other: str, **columns: str) -> None:
    """Change columns of the row of the contact `other` in a person's list. Raises Denied if there is none."""
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        rows = Contact.objects.using(store.database).filter(owner=me.id, other=other)
        if not rows.exists():
            raise Denied(DenyReason.NOT_FOUND, NOBODY)
        rows.update(**columns)


def _may_find(store: PlatformStore, me: Person, other: Person) -> bool:
    """Return whether `me` may find `other`: the rules of both user domains, and the other's own choice, allow it."""
    return people.may_find(store, me, other) and all(hooks.MAY_FIND.call(store.database, me, other))


def find_person(store: PlatformStore, me: Person, name: str) -> Person:
    """Return the person who signs in with exactly this name.

    Raises Denied if that person has blocked me, does not want to be found, or belongs to a user domain whose people I
    may not find.
    """
    person = people.person_by_sign_in_name(store, name)
    if person is None or person.id == me.id or not _may_find(store, me, person):
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    between = queries.states_between(store.database, me.id, [person.id])[person.id]
    if between[1] == conversation_decisions.BLOCKED:
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    return person

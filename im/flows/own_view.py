"""A person changes how a conversation appears to that person alone; no other member is notified.

All functions raise `locked_conversation.Denied`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from foundation.cells.directory import PlatformStore
from im.data import journal, presence_store, queries
from im.data.locked_conversation import Denied
from im.data.membership import MemberCache
from im.flows.process import process
from im.models import Hidden, Member
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data, IncomingRequest, Notice, Read
from im.rules.vocabulary import Cmd, Code

MESSAGE = "there is no such message"


def change_settings(
    store: PlatformStore, number: int, user: str, wanted: dict[str, object], now: datetime
) -> None:
    """Change what a person has set for a conversation: "do not disturb" (`quiet`), "on top of the list" (`pinned`).

    `wanted`: name of the setting -> new value. The person's devices are notified. Raises Denied.
    """
    with transaction.atomic(using=store.database):
        own_row = _lock_member(store, number, user)
        if any(getattr(own_row, name) != value for name, value in wanted.items()):
            _update(store, own_row, wanted)
            _notify_own_devices(store, own_row, {"what": "mine", **wanted}, now)


def hide_message(store: PlatformStore, number: int, user: str, seq: int, now: datetime) -> None:
    """Hide the message `seq` of a conversation from this person alone; others still see it. Raises Denied."""
    with transaction.atomic(using=store.database):
        own_row = _lock_member(store, number, user)
        visible = queries.visible_range_of(own_row)
        entry = (
            queries.entry(store.database, number, seq)
            if visible.floor < seq <= visible.top
            else None
        )
        if entry is None or entry.cmd is not Cmd.MSG:
            raise Denied(DenyReason.NOT_FOUND, MESSAGE)
        row = Hidden(user=user, conversation_id=number, seq=seq)
        Hidden.objects.using(store.database).bulk_create([row], ignore_conflicts=True)
        _notify_own_devices(store, own_row, {"what": "hidden", "seq": seq}, now)


def hide_all_messages(store: PlatformStore, number: int, user: str, now: datetime) -> int:
    """Hide all messages of a conversation up to now from this person alone; return the seq of the last one.

    Raises Denied.
    """
    with transaction.atomic(using=store.database):
        # Message centers write read marks under this lock.
        journal.lock_conversations(store.database, [number])
        own_row = _lock_member(store, number, user)
        top = queries.visible_range_of(own_row).top
        if top > own_row.cleared_seq:
            mark_read = {"read_seq": top, "read_messages": own_row.conversation.messages}
            _update(store, own_row, {"cleared_seq": top, **mark_read})
            old = Hidden.objects.using(store.database).filter(user=user, conversation=number)
            old.filter(seq__lte=top).delete()
            _notify_own_devices(store, own_row, {"what": "cleared", "seq": top}, now)
    return top


def mark_read(store: PlatformStore, number: int, user: str, seq: int, now: datetime) -> None:
    """Mark a conversation's messages up to `seq` as read, as if the person's client had sent a read mark to the broker.

    Raises Denied.
    """
    incoming = IncomingRequest(user, "", Read(number, seq))
    with transaction.atomic(using=store.database):
        outcome = process(store, MemberCache(), [incoming], now)
        if outcome.refused:
            unknown = outcome.refused[0].code is Code.UNKNOWN_MESSAGE
            raise Denied(DenyReason.NOT_FOUND, MESSAGE if unknown else "")
        people = [user, *(user for users in outcome.members.values() for user in users)]
        protocols = presence_store.protocols_of_online(people, now.timestamp())
        journal.stage_publications(store, outcome.entries, protocols, now, outcome.notes)


def _lock_member(store: PlatformStore, number: int, user: str) -> Member:
    """Lock the person's row as a member of a conversation, and return it. Raises Denied for one who is no member."""
    journal.require_serving(store)
    rows = Member.objects.using(store.database).select_for_update()
    own_row = rows.filter(conversation=number, user=user).first()
    if own_row is None or own_row.state in queries.WAITING:
        raise Denied(DenyReason.NOT_FOUND)
    return own_row


def _update(store: PlatformStore, own_row: Member, columns: dict[str, object]) -> None:
    """Change columns of a person's row as a member of a conversation."""
    Member.objects.using(store.database).filter(pk=own_row.pk).update(**columns)


def _notify_own_devices(store: PlatformStore, own_row: Member, data: Data, now: datetime) -> None:
    """Store in the outbox a notice about a conversation to the member's own devices; `data` is what has changed."""
    about = {"conversation_id": str(own_row.conversation_id), **data}
    note = Notice(Cmd.CONVERSATION, about, (own_row.user,))
    protocols = presence_store.protocols_of_online([own_row.user], now.timestamp())
    # No log entries: the log belongs to all members, and this change concerns one person alone.
    journal.stage_publications(store, entries=(), protocols=protocols, now=now, notes=[note])

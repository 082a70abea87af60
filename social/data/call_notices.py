"""The functions notify both people's devices of a change of a call, and enter it into the log of their conversation.

All of it lies in the transaction that changes the call, so that the log, the notices and the call never differ.
"""

from __future__ import annotations

from datetime import datetime

from foundation.cells.directory import PlatformStore
from im.data import journal, presence_store
from im.data.locked_conversation import LockedConversation, lock_conversation
from im.data.people import Person
from im.rules.messages import Data, DraftEntry, Notice
from im.rules.vocabulary import Cmd
from social.rules.call_messages import describe, entry_data, log_entries_of, notice_cmd
from social.rules.calls import Call


def notify_both(store: PlatformStore, before: Call | None, after: Call, now: datetime) -> None:
    """Notify both people's devices of a change of their call, and add entries about it to their conversation's log.

    `before` is `None` for a new call. Must run in the transaction that stores the change. Without a conversation only
    the devices are notified.
    """
    people = (after.caller.id, after.callee.id)
    notice = Notice(notice_cmd(after), describe(after), people)
    entry_kinds = log_entries_of(before, after)
    if not entry_kinds or not after.conversation:
        protocols = presence_store.protocols_of_online(people, now.timestamp())
        journal.stage_publications(store, entries=(), protocols=protocols, now=now, notes=[notice])
        return
    acting = Person(after.caller.id, after.caller.name, after.domain)
    with lock_conversation(store, after.conversation, acting, now) as locked:
        for kind in entry_kinds:
            _add_log_entry(locked, kind, after)
        locked.notes.append(notice)


def _add_log_entry(locked: LockedConversation, kind: str, call: Call) -> None:
    """Add an entry about a call to the conversation's log, marked as read by the caller.

    `kind`: STARTED, MISSED_CALL or ENDED.
    """
    draft = DraftEntry(
        Cmd.CALL, locked.me.id, locked.me.name, type=kind, data=entry_data(call, kind)
    )
    reader = locked.own_row.pk if locked.own_row else 0
    locked.entries.append(locked.row.append(draft, locked.now, reader))


def forward_signal(
    store: PlatformStore, call: Call, user: str, device: str, data: Data, now: datetime
) -> None:
    """Forward a WebRTC signalling message from one person's browser to all devices of the other person."""
    other = call.callee.id if user == call.caller.id else call.caller.id
    about = {"call_id": str(call.id), "user_id": user, "device": device, "data": data}
    notice = Notice(Cmd.CALL_SIGNAL, about, (other,))
    protocols = presence_store.protocols_of_online([other], now.timestamp())
    journal.stage_publications(store, [], protocols, now, [notice])

"""Functions that notify both people's devices of a change of a call, and enter it into the log of their conversation.

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
from social.rules.call_messages import describe, entries_of, entry_data, notice_cmd
from social.rules.calls import Call


def tell(store: PlatformStore, before: Call | None, after: Call, now: datetime) -> None:
    """Tell both people of a change of their call, and write what their conversation's log shall keep of it.

    `before` is `None` for a new call. Must run in the transaction that stores the change.
    """
    people = (after.caller.id, after.callee.id)
    notice = Notice(notice_cmd(after), describe(after), people)
    kept = entries_of(before, after)
    if not kept or not after.conversation:
        ways = presence_store.protocols_of_online(people, now.timestamp())
        journal.stage_publications(store, [], ways, now, [notice])
        return
    acting = Person(after.caller.id, after.caller.name, after.domain)
    with lock_conversation(store, after.conversation, acting, now) as locked:
        for what in kept:
            _log(locked, what, after)
        locked.notes.append(notice)


def _log(locked: LockedConversation, what: str, call: Call) -> None:
    """Add an entry about a call to its conversation's log; the caller has read it."""
    draft = DraftEntry(
        Cmd.CALL, locked.me.id, locked.me.name, type=what, data=entry_data(call, what)
    )
    reader = locked.mine.pk if locked.mine else 0
    locked.entries.append(locked.row.append(draft, locked.now, reader))


def pass_on(
    store: PlatformStore, call: Call, user: str, device: str, data: Data, now: datetime
) -> None:
    """Pass a message from one person's browser on to all devices of the other one."""
    other = call.callee.id if user == call.caller.id else call.caller.id
    about = {"call_id": str(call.id), "user_id": user, "device": device, "data": data}
    notice = Notice(Cmd.CALL_SIGNAL, about, (other,))
    ways = presence_store.protocols_of_online([other], now.timestamp())
    journal.stage_publications(store, [], ways, now, [notice])

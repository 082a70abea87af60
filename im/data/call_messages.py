"""The functions here read the chat of a conference for the page of its call, also for guests, who are no members."""

from __future__ import annotations

from domains.data.hooks import CallMessage
from im.data import journal
from im.models import Conversation
from im.rules.call_guests import is_guest, unmarked_name, visitor_of
from im.rules.messages import StoredEntry
from im.rules.vocabulary import Cmd, Type

PAGE = 200
"""So many entries of the log are read at once; who enters sees what is among the last of them."""


def conversation_of(database: str, confid: str) -> tuple[int, int] | None:
    """Return the id of a conference's chat conversation, and the number of its last entry; `None` if it has none."""
    rows = Conversation.objects.using(database).filter(confid=confid)
    return rows.values_list("pk", "last_seq").first()


def last_seq(database: str, confid: str) -> int | None:
    """Return the number of the last entry in the conversation of a conference; `None` if it has none."""
    conversation = conversation_of(database, confid)
    return conversation[1] if conversation else None


def messages_after(database: str, confid: str, after: int) -> tuple[list[CallMessage], int]:
    """Return the messages of a conference's chat that were written or changed after the entry `after`, in order.

    `after` is the number of an entry, 0 for somebody who has just entered and gets the last PAGE entries. The second
    value is the number of the last entry that was looked at; more may follow.
    """
    conversation = conversation_of(database, confid)
    if conversation is None or after >= conversation[1]:
        return [], conversation[1] if conversation else 0
    number, last = conversation
    above = after or max(0, last - PAGE)
    upto = min(last, above + PAGE)
    entries = journal.select_entries(
        database, "conversation_id=%s AND seq>%s AND seq<=%s", [number, above, upto]
    )
    messages = {entry.seq: entry for entry in entries if entry.cmd is Cmd.MSG}
    # An edited or recalled message is sent again, also if it is older than `after`.
    changed = {
        _target_seq(entry) for entry in entries if entry.cmd in (Cmd.EDIT, Cmd.RECALL)
    } - messages.keys()
    columns = ("conversation_id", "seq")
    for entry in journal.entries_with(database, columns, [(number, seq) for seq in changed]):
        if entry.cmd is Cmd.MSG:
            messages[entry.seq] = entry
    return [_shown(messages[seq]) for seq in sorted(messages)], upto


def _target_seq(entry: StoredEntry) -> int:
    """Return the number of the message that an edit or a recall is about."""
    return int((entry.data or {})["msg_id"].rpartition(".")[2])


def _shown(entry: StoredEntry) -> CallMessage:
    """Return a log entry as the message that the page of a call shows; one that was taken back has no text."""
    is_gone, by_guest = entry.recalled_seq is not None, is_guest(entry.sender)
    name = unmarked_name(entry.sender_name) if by_guest else entry.sender_name
    text = "" if is_gone else entry.body
    is_file = entry.type != Type.TEXT
    author = visitor_of(entry.sender) if by_guest else entry.sender
    return CallMessage(entry.seq, author, name, by_guest, text, entry.sent_at, is_file, is_gone)

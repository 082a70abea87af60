"""The facts that the rules need for a batch of clients' requests are read for all at once.

The conversations stay locked until the end of the transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql
from im.data import journal
from im.data.journal import LockedRow
from im.data.membership import ActiveMembers, MemberCache
from im.rules.messages import (
    Data,
    Edit,
    IncomingRequest,
    LoggedRequest,
    React,
    Read,
    Recall,
    Say,
    StoredEntry,
)
from im.rules.vocabulary import Cmd

REPEATED_WITHIN = timedelta(minutes=10)
"""A redelivered message without client_msg_id is compared with what was stored in this time."""
LOOKS_BACK = 1000
"""Such a message is compared with at most this many of the last entries."""

EntryKey = tuple[int, int]
"""A conversation and a seq name an entry."""
DedupKey = tuple[int, str, str]
"""Conversation, sender and client_msg_id are unique for ever."""
ReactionKey = tuple[int, str, str, str]
"""Conversation, sender, msg_id and emoji name a reaction."""


@dataclass(slots=True)
class BatchFacts:
    """An object holds what the rules must know to decide on one batch of chat requests.

    `locked`: conversation id -> its locked row. `people`: conversation id -> its active members.
    """

    locked: dict[int, LockedRow]
    people: dict[int, ActiveMembers]
    stored_by_key: dict[DedupKey, StoredEntry]
    entries: dict[EntryKey, StoredEntry]
    files: dict[str, Data]
    """File id -> `owner`, and `shown` to members; only uploads that are complete."""
    read: dict[int, int]
    """Member row id -> seq of the present read mark; only of those who send a new one."""
    reactions: dict[ReactionKey, StoredEntry]
    """The last entry of each member, about each emoji and message, of those who react."""


def load_facts(
    database: str, memory: MemberCache, incoming: Sequence[IncomingRequest]
) -> BatchFacts:
    """Lock the conversations that the requests are about, and return what the rules must know of them.

    `memory` caches the members of conversations. Must run inside a transaction.
    """
    requests = [logged_request(item) for item in incoming]
    locked = journal.lock_conversations(database, {request.conversation for request in requests})
    people = memory.people(
        database,
        {item.id: item.members_version for item in locked.values()},
    )
    return BatchFacts(
        locked,
        people,
        _entries_with_same_key(database, incoming),
        _entries_referred_to(database, requests),
        _complete_uploads(
            database,
            {request.file for request in requests if isinstance(request, Say) and request.file},
        ),
        _read_marks(database, _reading_members(people, incoming)),
        _reactions(database, incoming, locked),
    )


def logged_request(incoming: IncomingRequest) -> LoggedRequest:
    """Return the client's request, which must be of a kind that adds an entry to a conversation's log.

    Those are new messages, edits, recalls, reactions and read marks. Of another kind it is a
    programming error: AssertionError.
    """
    assert isinstance(incoming.request, Say | Edit | Recall | React | Read)
    return incoming.request


def dedup_key(incoming: IncomingRequest) -> DedupKey | None:
    """Return the key by which a message that is sent twice is recognized; `None` if it has none."""
    client_msg_id = incoming.client_msg_id
    return (
        None
        if client_msg_id is None
        else (logged_request(incoming).conversation, incoming.sender, client_msg_id)
    )


def _entries_with_same_key(
    database: str, incoming: Sequence[IncomingRequest]
) -> dict[DedupKey, StoredEntry]:
    """Return the stored entries that have the same key as one of these requests."""
    keys = {key for key in map(dedup_key, incoming) if key is not None}
    columns = ("conversation_id", "sender", "client_msg_id")
    entries = journal.entries_with(database, columns, keys)
    return {
        (entry.conversation, entry.sender, entry.client_msg_id or ""): entry for entry in entries
    }


def _entries_referred_to(
    database: str, requests: Sequence[LoggedRequest]
) -> dict[EntryKey, StoredEntry]:
    """Return the entries that requests refer to, and the last edit of each of them that was edited."""
    targets = {
        (request.conversation, request.seq) for request in requests if not isinstance(request, Say)
    }
    entries = journal.entries_with(database, ("conversation_id", "seq"), targets)
    changed = {
        (entry.conversation, entry.edited_seq) for entry in entries if entry.edited_seq is not None
    }
    entries += journal.entries_with(database, ("conversation_id", "seq"), changed)
    return {(entry.conversation, entry.seq): entry for entry in entries}


_FILE = ("name", "size", "content_type", "width", "height", "duration_ms", "has_thumbnail")


def _complete_uploads(database: str, ids: Collection[str]) -> dict[str, Data]:
    """Return the completely uploaded files among these ids: id -> `owner`, and what members are shown (`shown`)."""
    if not ids:
        return {}
    names = ", ".join(("id", "owner", *_FILE))
    query = f"SELECT {names} FROM im_file WHERE ready=1 AND id IN ({sql.marks([*ids])})"
    return {
        str(row[0]): {"owner": row[1], "shown": _file_data(zip(_FILE, row[2:], strict=True))}
        for row in sql.select(database, query, [*ids])
    }


def _file_data(columns: Iterable[tuple[str, Any]]) -> Data:
    """Return what members are shown of a file, from (name of a column, value) pairs of its row."""
    values = {name: value for name, value in columns if value is not None}
    return {**values, "has_thumbnail": bool(values["has_thumbnail"])}


def _reading_members(
    people: dict[int, ActiveMembers], incoming: Sequence[IncomingRequest]
) -> set[int]:
    """Return the ids of the `Member` rows of the people who send a read mark in this batch."""
    member_ids = set()
    for item in incoming:
        request = item.request
        if isinstance(request, Read) and request.conversation in people:
            member = people[request.conversation].by_user.get(item.sender)
            member_ids |= {member.id} if member else set()
    return member_ids


def _read_marks(database: str, members: Collection[int]) -> dict[int, int]:
    """Return the present read mark of members: id of the `Member` row -> seq."""
    if not members:
        return {}
    query = f"SELECT id, read_seq FROM im_member WHERE id IN ({sql.marks([*members])})"
    return dict(sql.select(database, query, [*members]))


def reaction_key(entry: StoredEntry) -> ReactionKey:
    """Return the key of a stored reaction: conversation, person, message and emoji."""
    data = entry.data or {}
    return entry.conversation, entry.sender, str(data.get("msg_id")), str(data.get("emoji"))


def _reactions(
    database: str, incoming: Sequence[IncomingRequest], locked: dict[int, LockedRow]
) -> dict[ReactionKey, StoredEntry]:
    """Return the last stored reaction by person, message and emoji, of those who react in this batch.

    `locked`: conversation -> its locked row. Only the last LOOKS_BACK entries of a log are searched.
    """
    reacting = sorted(
        {
            (item.request.conversation, item.sender)
            for item in incoming
            if isinstance(item.request, React) and item.request.conversation in locked
        }
    )
    if not reacting:
        return {}
    condition = "(conversation_id=%s AND seq>%s AND sender=%s)"
    arguments: list[object] = [Cmd.REACT.value]
    for number, sender in reacting:
        arguments += [number, locked[number].last_seq - LOOKS_BACK, sender]
    where = f"cmd=%s AND ({' OR '.join([condition] * len(reacting))}) ORDER BY conversation_id, seq"
    return {
        reaction_key(entry): entry for entry in journal.select_entries(database, where, arguments)
    }


def stored_before(
    database: str, incoming: IncomingRequest, last_seq: int, now: datetime
) -> StoredEntry | None:
    """Return the log entry of a redelivered message that has no client_msg_id: the sender's last equal message.

    `None` means that none of the last LOOKS_BACK entries, sent within REPEATED_WITHIN, is equal: the message is not
    stored yet.
    """
    request = incoming.request
    if not isinstance(request, Say):
        return None
    entries = journal.select_entries(
        database,
        "conversation_id=%s AND seq>%s AND sender=%s AND cmd=%s AND type=%s AND body=%s"
        " AND sent_at>%s ORDER BY seq DESC LIMIT 1",
        [
            request.conversation,
            last_seq - LOOKS_BACK,
            incoming.sender,
            Cmd.MSG.value,
            request.type.value,
            request.body,
            to_db_datetime(now - REPEATED_WITHIN),
        ],
    )
    return entries[0] if entries else None

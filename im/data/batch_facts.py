"""What a batch of wishes needs to know, read once for all of them; the conversations stay locked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foundation.bus.outbox import naive
from foundation.cells import sql
from im.data import journal
from im.data.journal import Locked
from im.data.membership import Memory, People
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

PLAIN_AGAIN = timedelta(minutes=10)
"""So long a redelivered message without a client_msg_id is looked for among what was stored."""
LOOKS_BACK = 1000
"""And among so many entries."""

Point = tuple[int, int]
"""A conversation and a seq."""
Mark = tuple[int, str, str]
"""Conversation, sender, client_msg_id: once for ever."""


@dataclass(slots=True)
class Facts:
    """By conversation, by place in it, by id of a file or of a Member's row."""

    locked: dict[int, Locked]
    people: dict[int, People]
    known: dict[Mark, StoredEntry]
    entries: dict[Point, StoredEntry]
    files: dict[str, Data]
    """Of uploads that are ready: `owner`, and what is shown of them."""
    read: dict[int, int]
    """How far members have read who say that they have read."""


def gather(database: str, memory: Memory, incoming: Sequence[IncomingRequest]) -> Facts:
    """Inside a transaction: lock the conversations, then read the rest."""
    wishes = [wish_of(one) for one in incoming]
    locked = journal.lock(database, {request.conversation for request in wishes})
    people = memory.people(database, {one.id: one.members_version for one in locked.values()})
    return Facts(
        locked,
        people,
        _known(database, incoming),
        _entries(database, wishes),
        _files(database, {w.file for w in wishes if isinstance(w, Say) and w.file}),
        _read(database, _readers(people, incoming)),
    )


def wish_of(one: IncomingRequest) -> LoggedRequest:
    """What takes a place in the order."""
    assert isinstance(one.request, Say | Edit | Recall | React | Read)
    return one.request


def mark_of(one: IncomingRequest) -> Mark | None:
    """By what a message is known again."""
    mark = one.client_msg_id
    return None if mark is None else (wish_of(one).conversation, one.sender, mark)


def _known(database: str, incoming: Sequence[IncomingRequest]) -> dict[Mark, StoredEntry]:
    marks = {mark for mark in map(mark_of, incoming) if mark is not None}
    columns = ("conversation_id", "sender", "client_msg_id")
    found = journal.entries(database, columns, marks)
    return {(e.conversation, e.sender, e.client_msg_id or ""): e for e in found}


def _entries(database: str, wishes: Sequence[LoggedRequest]) -> dict[Point, StoredEntry]:
    """Those that others are about, and the last ones that changed them."""
    about = {(w.conversation, w.seq) for w in wishes if not isinstance(w, Say)}
    found = journal.entries(database, ("conversation_id", "seq"), about)
    changed = {(e.conversation, e.edited_seq) for e in found if e.edited_seq is not None}
    found += journal.entries(database, ("conversation_id", "seq"), changed)
    return {(e.conversation, e.seq): e for e in found}


_FILE = ("name", "size", "content_type", "width", "height", "duration_ms", "has_thumbnail")


def _files(database: str, ids: Collection[str]) -> dict[str, Data]:
    if not ids:
        return {}
    names = ", ".join(("id", "owner", *_FILE))
    query = f"SELECT {names} FROM im_file WHERE ready=1 AND id IN ({sql.marks([*ids])})"
    return {
        str(row[0]): {"owner": row[1], "shown": _known_of(zip(_FILE, row[2:], strict=True))}
        for row in sql.select(database, query, [*ids])
    }


def _known_of(columns: Iterable[tuple[str, Any]]) -> Data:
    found = {name: value for name, value in columns if value is not None}
    return {**found, "has_thumbnail": bool(found["has_thumbnail"])}


def _readers(people: dict[int, People], incoming: Sequence[IncomingRequest]) -> set[int]:
    found = set()
    for one in incoming:
        request = one.request
        if isinstance(request, Read) and request.conversation in people:
            person = people[request.conversation].by_user.get(one.sender)
            found |= {person.id} if person else set()
    return found


def _read(database: str, members: Collection[int]) -> dict[int, int]:
    if not members:
        return {}
    query = f"SELECT id, read_seq FROM im_member WHERE id IN ({sql.marks([*members])})"
    return dict(sql.select(database, query, [*members]))


def stored_before(
    database: str, one: IncomingRequest, last_seq: int, now: datetime
) -> StoredEntry | None:
    """Of a redelivered message without a client_msg_id: the sender's last equal one, if it is new."""
    request = one.request
    if not isinstance(request, Say):
        return None
    found = journal.select(
        database,
        "conversation_id=%s AND seq>%s AND sender=%s AND cmd=%s AND type=%s AND body=%s"
        " AND sent_at>%s ORDER BY seq DESC LIMIT 1",
        [
            request.conversation,
            last_seq - LOOKS_BACK,
            one.sender,
            Cmd.MSG.value,
            request.type.value,
            request.body,
            naive(now - PLAIN_AGAIN),
        ],
    )
    return found[0] if found else None

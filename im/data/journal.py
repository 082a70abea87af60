"""The one way to write into a conversation's log, for the center and for the HTTP side alike.

Inside one transaction on the platform's database: `lock`, then `append` (a seq is given in memory,
under the lock of the row), then `flush`. For the HTTP side `tell` then stages what members are told.

    with transaction.atomic(using=where.database):
        journal.gate(where)                       # nothing is written where another site serves
        one = journal.lock(where.database, [number])[number]
        entry = one.append(Draft(...), now)
        journal.flush(where.database, [one])
        journal.tell(where, [entry], store.ways(users, time), now)

Whoever changes a member's role, state, name, mute or bounds calls `members_changed` before `flush`:
centers remember members by that version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import transaction

from foundation import clock
from foundation.bus import outbox, wake_up
from foundation.cells import sql
from foundation.cells.directory import PlatformStore, own_platform
from foundation.cells.serving import read
from im.rules.messages import DraftEntry, Notice, StoredEntry
from im.rules.routing import Publication, entry_publications, notice_publications
from im.rules.vocabulary import Cmd, Kind

DESTINATION = "im"
"""Of outbox rows that go to the clients' virtual host."""


class NotServedHere(Exception):
    """Another site serves this platform now: nothing may be written here."""


class ReadOnly(Exception):
    """This site begins its service for the platform, or ends it: in a moment it is clear who serves."""


@dataclass(slots=True)
class Locked:
    """A conversation whose row is ours until the end of the transaction."""

    id: int
    kind: Kind
    closed: bool
    mute_all: bool
    last_seq: int
    messages: int
    members: int
    members_version: int
    added: list[StoredEntry] = field(default_factory=list)
    read: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By Member's id: how far he has read now, seq and messages."""
    dirty: bool = False

    def append(self, draft: DraftEntry, now: datetime, reader: int = 0) -> StoredEntry:
        """Give an entry its place. `reader`: the sender's Member id, when he has read all before it too."""
        self.last_seq += 1
        self.messages += draft.cmd is Cmd.MSG
        entry = StoredEntry(
            self.id,
            self.last_seq,
            draft.cmd,
            draft.sender,
            draft.sender_name,
            draft.client_msg_id,
            draft.type,
            draft.body,
            draft.data,
            self.messages,
            now,
        )
        self.added.append(entry)
        if reader:
            self.has_read(reader, self.last_seq, self.messages)
        return entry

    def has_read(self, member: int, seq: int, messages: int) -> None:
        """A member (by his row's id) has read up to a seq; `messages`: how many there are up to it."""
        self.read[member] = max((seq, messages), self.read.get(member, (0, 0)))

    def members_changed(self, count: int | None = None) -> None:
        """Its people are others than before; `count`: how many are active now."""
        self.members_version = max(clock.next_id(), self.members_version + 1)
        self.members = self.members if count is None else count
        self.dirty = True


_LOCK = (
    "SELECT id, kind, closed, mute_all, last_seq, messages, members, members_version"
    " FROM im_conversation WHERE id IN ({marks}) ORDER BY id FOR UPDATE"
)
_ENTRY = (
    "conversation_id",
    "seq",
    "cmd",
    "sender",
    "sender_name",
    "client_msg_id",
    "type",
    "body",
    "data",
    "number",
    "sent_at",
)
COLUMNS = ", ".join((*_ENTRY, "edited_seq", "recalled_seq"))
"""Of an entry, in the order in which `stored` reads them."""


def gate(store: PlatformStore) -> None:
    """Check that this site serves the platform until the end of the transaction.

    Raises NotServedHere, or ReadOnly while the data is being opened or handed over.
    """
    serving = read(store.platform, lock=True)
    if serving is not None and serving.is_served_here:
        return
    if serving is not None and serving.is_changing:
        raise ReadOnly(store.platform)
    raise NotServedHere(serving.owner if serving else store.platform)


def lock(database: str, ids: Collection[int]) -> dict[int, Locked]:
    """Those of these conversations that exist, locked in the order of their ids."""
    if not ids:
        return {}
    found = sql.select(database, _LOCK.format(marks=sql.marks([*ids])), sorted(ids))
    return {r[0]: Locked(r[0], Kind(r[1]), bool(r[2]), bool(r[3]), *r[4:]) for r in found}


def flush(database: str, conversations: Iterable[Locked]) -> None:
    """Write what was appended, how far the logs have come, and what was read."""
    changed = [one for one in conversations if one.added or one.dirty or one.read]
    sql.insert(database, "im_entry", _ENTRY, [_row(e) for one in changed for e in one.added])
    _move_on(database, [one for one in changed if one.added or one.dirty])
    mark_read(database, {reader: at for one in changed for reader, at in one.read.items()})
    for one in changed:
        one.added, one.read, one.dirty = [], {}, False


def _row(entry: StoredEntry) -> tuple[object, ...]:
    data = None if entry.data is None else orjson.dumps(entry.data)
    return (
        entry.conversation,
        entry.seq,
        entry.cmd.value,
        entry.sender,
        entry.sender_name,
        entry.client_msg_id,
        entry.type,
        entry.body,
        data,
        entry.number,
        outbox.naive(entry.sent_at),
    )


def _move_on(database: str, conversations: list[Locked]) -> None:
    values = {c.id: (c.last_seq, c.messages, c.members, c.members_version) for c in conversations}
    _update(
        database,
        "im_conversation",
        ("last_seq", "messages", "members", "members_version"),
        values,
    )


def change(database: str, entries: Iterable[StoredEntry]) -> None:
    """Messages that look different from now on: text, and by which entries."""
    query = (
        "UPDATE im_entry SET body=%s, edited_seq=%s, recalled_seq=%s"
        " WHERE conversation_id=%s AND seq=%s"
    )
    for e in entries:
        row = (e.body, e.edited_seq, e.recalled_seq, e.conversation, e.seq)
        sql.execute(database, query, row)


def take_back(database: str, entries: Iterable[tuple[int, int, int]]) -> None:
    """Entries that are shown no more: conversation, seq, and by which entry."""
    query = "UPDATE im_entry SET recalled_seq=%s WHERE conversation_id=%s AND seq=%s"
    for number, seq, by in entries:
        sql.execute(database, query, (by, number, seq))


def mark_read(database: str, read: Mapping[int, tuple[int, int]]) -> None:
    """By Member's id: he has read up to this seq, and so many messages."""
    _update(database, "im_member", ("read_seq", "read_messages"), read)


def _update(
    database: str, table: str, columns: tuple[str, ...], rows: Mapping[int, tuple[int, ...]]
) -> None:
    """Many rows, each by its id and with numbers of its own, in one statement."""
    if not rows:
        return
    ids = sorted(rows)
    place = f"FIELD(id, {', '.join(map(str, ids))})"
    sets = [
        f"`{name}`=ELT({place}, {', '.join(str(int(rows[one][n])) for one in ids)})"
        for n, name in enumerate(columns)
    ]
    marks = ", ".join(map(str, ids))
    sql.execute(database, f"UPDATE `{table}` SET {', '.join(sets)} WHERE id IN ({marks})")


def tell(
    store: PlatformStore,
    entries: Iterable[StoredEntry],
    ways: Mapping[str, str],
    now: datetime,
    notes: Iterable[Notice] = (),
) -> None:
    """Inside the transaction: stage what these people (by `im.data.presence_store.ways`) are told of the entries."""
    found = [push for entry in entries for push in entry_publications(entry, ways)]
    found += [push for note in notes for push in notice_publications(note, ways)]
    if not found:
        return
    outbox.put(store.database, [_staged(push, now) for push in found], now)
    transaction.on_commit(
        lambda: wake_up.everywhere(store.platform, {DESTINATION}), using=store.database
    )


def _staged(push: Publication, now: datetime) -> outbox.Row:
    """Transient: a client that misses it sees the gap in `seq`, and fetches it."""
    about = {"headers": push.headers, "delivery_mode": 1}
    app = f"im@{own_platform()}"
    return outbox.row(push.body, push.exchange, push.key, now, app, DESTINATION, **about)


# ---- what the log says --------------------------------------------------------------------------


def entries(
    database: str, columns: Sequence[str], points: Collection[Sequence[Any]]
) -> list[StoredEntry]:
    """Those entries whose columns have one of these values."""
    if not points:
        return []
    one = f"({sql.marks(columns)})"
    where = f"({', '.join(columns)}) IN ({', '.join([one] * len(points))})"
    return select(database, where, [value for point in points for value in point])


def select(database: str, where: str, values: Sequence[Any]) -> list[StoredEntry]:
    """Entries by a condition."""
    query = f"SELECT {COLUMNS} FROM im_entry WHERE {where}"
    return [stored(row) for row in sql.select(database, query, values)]


def stored(row: Sequence[Any]) -> StoredEntry:
    """An entry from its `COLUMNS`."""
    number, seq, cmd, sender, name, mark, kind, body, data, count, at, edited, gone = row
    said = None if data is None else orjson.loads(data)
    moment = at.replace(tzinfo=UTC)
    return StoredEntry(
        number, seq, Cmd(cmd), sender, name, mark, kind, body, said, count, moment, edited, gone
    )

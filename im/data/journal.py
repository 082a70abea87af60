"""All writes to a conversation's log go through the functions of this module.

The center and the HTTP API alike use it inside one transaction on the platform's database:
`lock_conversations`, then `append` (which assigns a seq in memory, under the lock of the row), then
`save_changed`. For the HTTP API `stage_publications` then stages the messages that members receive.

    with transaction.atomic(using=store.database):
        journal.require_serving(store)            # nothing is written where another site serves
        row = journal.lock_conversations(store.database, [number])[number]
        entry = row.append(DraftEntry(...), now)
        journal.save_changed(store.database, [row])
        journal.stage_publications(store, [entry], presence_store.protocols_of_online(users, time), now)

A flow that changes a member's role, state, name, mute or visible range calls `raise_members_version`
before `save_changed`. By that version message centers see that their cache is outdated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
"""The destination of outbox rows whose messages go to the clients' broker."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_SET_BACK = timedelta(minutes=1)
"""A clock that is set back by more was wrong before."""


class NotServedHere(Exception):
    """Another site (data centre) takes this platform's requests now: nothing may be written here."""


class ReadOnly(Exception):
    """The platform's data is being handed from one site (data centre) to another; the caller may retry in a moment."""


@dataclass(slots=True)
class LockedRow:
    """A conversation whose row is locked until the end of the transaction, and the changes to it in this time.

    `messages` and `members` are how many it has; `added` are its new log entries. `latest_at` is the time of its latest
    entry, in microseconds since 1970; 0 if that is unknown.
    """

    id: int
    kind: Kind
    closed: bool
    mute_all: bool
    last_seq: int
    messages: int
    members: int
    members_version: int
    latest_at: int
    added: list[StoredEntry] = field(default_factory=list)
    read: dict[int, tuple[int, int]] = field(default_factory=dict)
    """The new read marks by Member id: seq and number of messages."""
    dirty: bool = False

    def append(self, draft: DraftEntry, now: datetime, reader: int = 0) -> StoredEntry:
        """Give a new entry the next seq of the conversation's log and return it; `save_changed` writes it.

        `reader` is the id of the sender's `Member` row if the entry also moves the sender's read
        mark to itself, 0 if not.
        """
        self.last_seq += 1
        self.messages += draft.is_counted
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
            self._time_of_next_entry(now),
        )
        self.added.append(entry)
        if reader:
            self.move_read_mark(reader, self.last_seq, self.messages)
        return entry

    def _time_of_next_entry(self, now: datetime) -> datetime:
        """Return `now`, or the time of the latest entry if the clock was set back a little since.

        So times never fall within a log, and whoever sorts several logs by time keeps the order of each. After a clock
        that was far ahead they do fall, once: all later entries would have a wrong time instead.
        """
        microseconds = (now - _EPOCH) // _MICROSECOND
        if microseconds < self.latest_at <= microseconds + _MOST_SET_BACK // _MICROSECOND:
            return _EPOCH + self.latest_at * _MICROSECOND
        self.latest_at = microseconds
        return now

    def move_read_mark(self, member: int, seq: int, messages: int) -> None:
        """Move a member's read mark to `seq`, unless it is further already.

        `member` is the id of the `Member` row, `messages` the number of messages up to `seq`.
        """
        self.read[member] = max((seq, messages), self.read.get(member, (0, 0)))

    def raise_members_version(self, count: int | None = None) -> None:
        """Raise the version of a conversation's list of members, so that message centers read the members again.

        `count` is the new number of active members; `None` means that it is unchanged.
        """
        self.members_version = max(clock.next_id(), self.members_version + 1)
        self.members = self.members if count is None else count
        self.dirty = True


_LOCK = (
    "SELECT id, kind, closed, mute_all, last_seq, messages, members, members_version, latest_at"
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
"""The columns of an entry, in the order in which `entry_of_row` reads them."""


def require_serving(store: PlatformStore) -> None:
    """Check that this site takes the platform's requests, and let no other site take over before the transaction ends.

    Raises NotServedHere, or ReadOnly while the data is handed from one site to another.
    """
    serving = read(store.platform, lock=True)
    if serving is not None and serving.is_served_here:
        return
    if serving is not None and serving.is_changing:
        raise ReadOnly(store.platform)
    raise NotServedHere(serving.owner if serving else store.platform)


def lock_conversations(database: str, ids: Collection[int]) -> dict[int, LockedRow]:
    """Lock the rows of those of these conversations that exist, in the order of their ids; return id -> row."""
    if not ids:
        return {}
    rows = sql.select(database, _LOCK.format(marks=sql.marks([*ids])), sorted(ids))
    return {
        number: LockedRow(number, Kind(kind), bool(closed), bool(mute_all), *counters)
        for number, kind, closed, mute_all, *counters in rows
    }


def save_changed(database: str, conversations: Iterable[LockedRow]) -> None:
    """Write to the database all changes of these conversations that were made since they were locked.

    That is new log entries, the rows of the conversations, and read marks.
    """
    changed = [
        conversation
        for conversation in conversations
        if conversation.added or conversation.dirty or conversation.read
    ]
    sql.insert(
        database,
        "im_entry",
        _ENTRY,
        [_entry_values(entry) for conversation in changed for entry in conversation.added],
    )
    _save_conversations(
        database,
        [conversation for conversation in changed if conversation.added or conversation.dirty],
    )
    mark_read(
        database,
        {reader: mark for conversation in changed for reader, mark in conversation.read.items()},
    )
    for conversation in changed:
        conversation.added, conversation.read, conversation.dirty = [], {}, False


def _entry_values(entry: StoredEntry) -> tuple[object, ...]:
    """Return the column values of an entry for its row in the database."""
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
        outbox.to_db_datetime(entry.sent_at),
    )


def _save_conversations(database: str, conversations: list[LockedRow]) -> None:
    """Write the counters and versions of these conversations in one statement."""
    values = {
        row.id: (row.last_seq, row.messages, row.members, row.members_version, row.latest_at)
        for row in conversations
    }
    _update(
        database,
        "im_conversation",
        ("last_seq", "messages", "members", "members_version", "latest_at"),
        values,
    )


def save_edits_and_recalls(database: str, entries: Iterable[StoredEntry]) -> None:
    """Write the text of edited or recalled messages, and the seqs of the entries that last edited or recalled them."""
    query = (
        "UPDATE im_entry SET body=%s, edited_seq=%s, recalled_seq=%s"
        " WHERE conversation_id=%s AND seq=%s"
    )
    for entry in entries:
        row = (entry.body, entry.edited_seq, entry.recalled_seq, entry.conversation, entry.seq)
        sql.execute(database, query, row)


def mark_recalled(database: str, entries: Iterable[tuple[int, int, int]]) -> None:
    """Mark log entries as taken back, given as (conversation, seq, seq of the entry that takes it back)."""
    query = "UPDATE im_entry SET recalled_seq=%s WHERE conversation_id=%s AND seq=%s"
    for number, seq, recalling_seq in entries:
        sql.execute(database, query, (recalling_seq, number, seq))


def mark_read(database: str, read: Mapping[int, tuple[int, int]]) -> None:
    """Write how far members have read: id of the `Member` row -> (seq, number of messages up to it)."""
    _update(database, "im_member", ("read_seq", "read_messages"), read)


def _update(
    database: str, table: str, columns: tuple[str, ...], rows: Mapping[int, tuple[int, ...]]
) -> None:
    """Update many rows of a table in one statement.

    `rows`: id -> the new values of `columns`. They are numbers, since they stand in the SQL text itself. Does nothing
    without rows.
    """
    if not rows:
        return
    ids = sorted(rows)
    # In MariaDB FIELD returns an id's position in the list of ids, and ELT the value at that position.
    position = f"FIELD(id, {', '.join(map(str, ids))})"
    sets = [
        f"`{name}`=ELT({position}, {', '.join(str(int(rows[row_id][index])) for row_id in ids)})"
        for index, name in enumerate(columns)
    ]
    marks = ", ".join(map(str, ids))
    sql.execute(database, f"UPDATE `{table}` SET {', '.join(sets)} WHERE id IN ({marks})")


def stage_publications(
    store: PlatformStore,
    entries: Iterable[StoredEntry],
    protocols: Mapping[str, str],
    now: datetime,
    notes: Iterable[Notice] = (),
) -> None:
    """Store in the outbox the messages that publish log entries and notices to the people in `protocols`.

    They are sent once the transaction has committed; must run inside it. `protocols` comes from
    `im.data.presence_store.protocols_of_online`.
    """
    publications = [
        publication for entry in entries for publication in entry_publications(entry, protocols)
    ]
    publications += [
        publication for note in notes for publication in notice_publications(note, protocols)
    ]
    if not publications:
        return
    outbox.insert_rows(
        store.database, [_outbox_row(publication, now) for publication in publications], now
    )
    transaction.on_commit(
        lambda: wake_up.wake_senders(store.platform, {DESTINATION}), using=store.database
    )


def _outbox_row(publication: Publication, now: datetime) -> outbox.OutboxRow:
    """Return a message to publish as a row of the outbox.

    The broker keeps the message in memory only: a client that misses it sees the gap in `seq` and
    fetches the entry.
    """
    about = {"headers": publication.headers, "delivery_mode": 1}
    app = f"im@{own_platform()}"
    return outbox.new_row(
        publication.body, publication.exchange, publication.key, now, app, DESTINATION, **about
    )


# ---- reading ------------------------------------------------------------------------------------


def entries_with(
    database: str, columns: Sequence[str], tuples: Collection[Sequence[object]]
) -> list[StoredEntry]:
    """Return the stored log entries whose `columns` have the values of one of the `tuples`."""
    if not tuples:
        return []
    tuple_marks = f"({sql.marks(columns)})"
    condition = f"({', '.join(columns)}) IN ({', '.join([tuple_marks] * len(tuples))})"
    return select_entries(
        database, condition, [value for one_tuple in tuples for value in one_tuple]
    )


def select_entries(database: str, condition: str, values: Sequence[object]) -> list[StoredEntry]:
    """Return the stored log entries that meet an SQL condition; `values` stand for its placeholders."""
    query = f"SELECT {COLUMNS} FROM im_entry WHERE {condition}"
    return [entry_of_row(row) for row in sql.select(database, query, values)]


def entry_of_row(row: Sequence[Any]) -> StoredEntry:
    """Return the log entry in a row of the table; `row` has the values of `COLUMNS`."""
    (
        number,
        seq,
        cmd,
        sender,
        name,
        client_msg_id,
        kind,
        body,
        data,
        count,
        sent_at,
        edited,
        recalled,
    ) = row
    parsed_data = None if data is None else orjson.loads(data)
    moment = sent_at.replace(tzinfo=UTC)
    return StoredEntry(
        number,
        seq,
        Cmd(cmd),
        sender,
        name,
        client_msg_id,
        kind,
        body,
        parsed_data,
        count,
        moment,
        edited,
        recalled,
    )

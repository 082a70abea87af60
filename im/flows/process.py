"""Wishes for one platform's conversations become entries of their logs, in one transaction.

All that a batch needs is read and locked first (`facts`), decisions are made in memory one after the
other (`decisions`), everything is written at the end in a handful of statements (`journal`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from foundation.cells import sql
from foundation.cells.directory import PlatformStore
from im.data import batch_facts, journal
from im.data.batch_facts import BatchFacts, EntryKey
from im.data.journal import LockedRow
from im.data.membership import MemberCache
from im.rules import message_decisions as rules
from im.rules.message_decisions import Accepted, ConversationFacts, Duplicate, MemberFacts, Rejected
from im.rules.messages import (
    BatchResult,
    Data,
    Edit,
    IncomingRequest,
    Notice,
    React,
    Read,
    Recall,
    RefusedMessage,
    Say,
    StoredEntry,
)
from im.rules.vocabulary import Cmd

NO_FILE = Rejected(rules.UNKNOWN_MESSAGE.code, "file_id: no upload of yours that is complete")

_USED = (
    "INSERT INTO im_fileuse (file_id, conversation_id, messages) VALUES (%s, %s, %s)"
    " ON DUPLICATE KEY UPDATE messages=messages+VALUES(messages)"
)
_ONE_USE = "file_id=%s AND conversation_id=%s"
_NOT_USED = f"UPDATE im_fileuse SET messages=GREATEST(messages, %s)-%s WHERE {_ONE_USE}"
_NO_USE = f"DELETE FROM im_fileuse WHERE {_ONE_USE} AND messages=0"

Decision = Accepted | Rejected | Duplicate | None


def process(
    store: PlatformStore, memory: MemberCache, incoming: Sequence[IncomingRequest], now: datetime
) -> BatchResult:
    """Store what is allowed; what it returns is committed.

    Raises journal.NotServedHere, journal.ReadOnly and database errors: then nothing was done.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        batch = _Batch(
            store.database, batch_facts.load_facts(store.database, memory, incoming), now
        )
        for one in incoming:
            batch.take(one)
        batch.flush()
    return batch.outcome


class _Batch:
    """What a batch has led to, so far."""

    def __init__(self, database: str, known: BatchFacts, now: datetime) -> None:
        self.database, self.facts, self.now = database, known, now
        self.outcome = BatchResult()
        self._again: list[tuple[IncomingRequest, EntryKey]] = []
        self._changed: dict[EntryKey, StoredEntry] = {}
        self._gone: list[tuple[int, int, int]] = []
        self._uses: Counter[tuple[str, int]] = Counter()

    def take(self, one: IncomingRequest) -> None:
        """One wish: known, refused, or the next entry."""
        request = batch_facts.logged_request(one)
        place = self.facts.locked.get(request.conversation)
        if place is None:
            self._refuse(one, rules.NOT_MEMBER)
            return
        if stored := self._before(one, place):
            self._done(one, stored)
            return
        person = self.facts.people[place.id].by_user.get(one.sender)
        match self._decide(one, place, person):
            case Rejected() as no:
                self._refuse(one, no)
            case Duplicate(seq):
                self._again.append((one, (place.id, seq)))
            case Accepted() as yes if person:
                self._append(one, place, person, yes)

    def _before(self, one: IncomingRequest, place: LockedRow) -> StoredEntry | None:
        mark = batch_facts.dedup_key(one)
        if mark is not None:
            return self.facts.known.get(mark)
        if not one.redelivered:
            return None
        return batch_facts.stored_before(self.database, one, place.last_seq, self.now)

    # ---- the rules ----------------------------------------------------------------------------

    def _decide(
        self, one: IncomingRequest, locked: LockedRow, person: MemberFacts | None
    ) -> Decision:
        place = ConversationFacts(
            locked.kind, locked.closed, locked.mute_all, locked.last_seq, locked.members
        )
        if person is None:
            return rules.NOT_MEMBER
        if isinstance(one.request, Read):
            return self._read(one, one.request, place, locked, person)
        if isinstance(one.request, Recall):
            target = self._entry((locked.id, one.request.seq))
            return (
                rules.CLOSED if place.closed else rules.decide_recall(one, person, target, self.now)
            )
        return rules.why_silent(place, person, self.now) or self._speak(one, place, person)

    def _speak(
        self, one: IncomingRequest, place: ConversationFacts, person: MemberFacts
    ) -> Decision:
        match one.request:
            case Say() as request:
                if request.file and not self._file(request.file, person):
                    return NO_FILE
                return self._with_file(rules.decide_say(one, request, place, person), request)
            case Edit() as request:
                target = self._entry((request.conversation, request.seq))
                return rules.decide_edit(one, request, person, target, self._edits(target))
            case React() as request:
                return rules.decide_react(
                    one, request, person, self._entry((request.conversation, request.seq))
                )
        raise AssertionError(one.request)

    def _read(
        self,
        one: IncomingRequest,
        request: Read,
        place: ConversationFacts,
        locked: LockedRow,
        person: MemberFacts,
    ) -> Decision:
        """The mark moves on even where nobody is told."""
        read_seq = self.facts.read.get(person.id, 0)
        decision = rules.decide_read(one, request, place, person, read_seq)
        entry = self._entry((locked.id, request.seq))
        if read_seq < request.seq <= place.last_seq and entry is not None:
            self.facts.read[person.id] = request.seq
            locked.has_read(person.id, request.seq, entry.number)
            if decision is None:
                told = {"conversation_id": str(locked.id), "user_id": person.user}
                data = {**told, "read_seq": request.seq}
                self.outcome.notes.append(Notice(Cmd.READ, data, (person.user,)))
        return decision

    def _file(self, file: str, person: MemberFacts) -> Data | None:
        found = self.facts.files.get(file)
        return found if found and found["owner"] == person.user else None

    def _with_file(self, decision: Accepted | Rejected, request: Say) -> Decision:
        if not request.file or isinstance(decision, Rejected):
            return decision
        data = {**(decision.draft.data or {}), "file": self.facts.files[request.file]["shown"]}
        self._uses[request.file, request.conversation] += 1
        return replace(decision, draft=replace(decision.draft, data=data))

    def _entry(self, point: EntryKey) -> StoredEntry | None:
        """An entry as it is now: of this batch, or read."""
        if point in self._changed:
            return self._changed[point]
        number, seq = point
        added = self.facts.locked[number].added
        if added and seq >= added[0].seq:
            return added[seq - added[0].seq] if seq <= added[-1].seq else None
        return self.facts.entries.get(point)

    def _edits(self, target: StoredEntry | None) -> list[int]:
        """The entries that have changed a message."""
        if target is None or target.edited_seq is None:
            return []
        last = self._entry((target.conversation, target.edited_seq))
        before = (last.data or {}).get("edits", []) if last else []
        return [*before, target.edited_seq]

    # ---- what follows -------------------------------------------------------------------------

    def _refuse(self, one: IncomingRequest, no: Rejected) -> None:
        refused = RefusedMessage(one.sender, no.code, no.reason, one.client_msg_id)
        self.outcome.refused.append(refused)

    def _append(
        self, one: IncomingRequest, place: LockedRow, person: MemberFacts, yes: Accepted
    ) -> None:
        reader = person.id if yes.draft.cmd is Cmd.MSG else 0
        entry = place.append(yes.draft, self.now, reader)
        if mark := batch_facts.dedup_key(one):
            self.facts.known[mark] = entry
        if yes.target:
            self._change(yes, yes.target, entry)
        self._done(one, entry)

    def _change(self, yes: Accepted, target: StoredEntry, by: StoredEntry) -> None:
        """A message looks different from now on; what had changed it goes with it."""
        if not yes.gone:
            self._put(replace(target, body=yes.body, edited_seq=by.seq))
            return
        self._gone += [(target.conversation, seq, by.seq) for seq in self._edits(target)]
        self._put(replace(target, recalled_seq=by.seq))
        if file := (target.data or {}).get("file_id"):
            self._uses[file, target.conversation] -= 1

    def _put(self, entry: StoredEntry) -> None:
        self._changed[(entry.conversation, entry.seq)] = entry

    def _done(self, one: IncomingRequest, entry: StoredEntry) -> None:
        """Tell the members, and the sender that it has its place: also when it had it before, since
        nobody knows whether that was told."""
        self.outcome.entries.append(entry)
        users = self.facts.people[entry.conversation].users
        self.outcome.members[entry.conversation] = users
        if entry.cmd is Cmd.MSG or one.client_msg_id is not None:
            mark = one.client_msg_id or entry.client_msg_id
            same = (entry.sender, entry.client_msg_id) == (one.sender, mark)
            told = entry if same else replace(entry, sender=one.sender, client_msg_id=mark)
            self.outcome.acks.append(told)

    def flush(self) -> None:
        """Write everything."""
        added = {c.id: c.added for c in self.facts.locked.values()}
        journal.flush(self.database, self.facts.locked.values())
        journal.save_changes(self.database, self._changed.values())
        journal.mark_recalled(self.database, self._gone)
        self._note_files()
        self._answer_again(added)

    def _note_files(self) -> None:
        """Which messages carry which file: with the last one it is nobody's but its owner's."""
        more = sorted((*pair, count) for pair, count in self._uses.items() if count > 0)
        less = sorted((*pair, -count) for pair, count in self._uses.items() if count < 0)
        if more:
            ids = sorted({file for file, _, _ in more})
            query = f"UPDATE im_file SET used=1 WHERE id IN ({sql.marks(ids)})"
            sql.execute(self.database, query, ids)
            sql.cursor_of(self.database).executemany(_USED, more)
        for file, conversation, count in less:
            sql.execute(self.database, _NOT_USED, (count, count, file, conversation))
            sql.execute(self.database, _NO_USE, (file, conversation))

    def _answer_again(self, added: dict[int, list[StoredEntry]]) -> None:
        """What was done before is told again."""
        here = {(e.conversation, e.seq): e for some in added.values() for e in some}
        here = {**self.facts.entries, **here}
        missing = {point for _, point in self._again if point not in here}
        found = journal.entries(self.database, ("conversation_id", "seq"), missing)
        here |= {(e.conversation, e.seq): e for e in found}
        for one, point in self._again:
            if point in here:
                self._done(one, here[point])

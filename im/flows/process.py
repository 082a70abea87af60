"""A batch of requests for one platform's conversations is stored in their logs, in one transaction.

All that a batch needs is locked and read first (`batch_facts`). Decisions are then made in memory
one after the other (`message_decisions`). Everything is written at the end in a handful of
statements (`journal`).
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
    msg_id,
)
from im.rules.vocabulary import Cmd

NO_FILE = Rejected(rules.UNKNOWN_MESSAGE.code, "file_id: this is not a complete upload of yours")

_ADD_USES = (
    "INSERT INTO im_fileuse (file_id, conversation_id, messages) VALUES (%s, %s, %s)"
    " ON DUPLICATE KEY UPDATE messages=messages+VALUES(messages)"
)
_ONE_USE = "file_id=%s AND conversation_id=%s"
_REMOVE_USES = f"UPDATE im_fileuse SET messages=GREATEST(messages, %s)-%s WHERE {_ONE_USE}"
_DELETE_UNUSED = f"DELETE FROM im_fileuse WHERE {_ONE_USE} AND messages=0"

Decision = Accepted | Rejected | Duplicate | None


def process(
    store: PlatformStore, memory: MemberCache, incoming: Sequence[IncomingRequest], now: datetime
) -> BatchResult:
    """Store the chat requests that the rules allow, refuse the others, and return the committed result.

    `memory` caches the members of conversations. Raises journal.NotServedHere, journal.ReadOnly and database errors:
    then nothing was done.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        batch = _Batch(
            store.database, batch_facts.load_facts(store.database, memory, incoming), now
        )
        for request in incoming:
            batch.handle(request)
        batch.save()
    return batch.outcome


class _Batch:
    """A batch of requests while it is handled: the facts read for it, and the changes that it will write."""

    def __init__(self, database: str, facts: BatchFacts, now: datetime) -> None:
        """Begin a batch: nothing is decided yet. `facts` were read, and their rows locked, in this transaction."""
        self.database, self.facts, self.now = database, facts, now
        self.outcome = BatchResult()
        self._repeated: list[tuple[IncomingRequest, EntryKey]] = []
        """Requests that ask for what is done already, each with the entry that did it."""
        self._changed: dict[EntryKey, StoredEntry] = {}
        """(conversation, seq) -> an entry of before this batch, as the batch has changed it."""
        self._recalled: list[tuple[int, int, int]] = []
        """(conversation, seq of a recalled edit, seq of the recalling entry)."""
        self._unnamed: dict[tuple[str, Say], StoredEntry] = {}
        """(sender, message without client_msg_id that came for the first time) -> its entry."""
        self._uses: Counter[tuple[str, int]] = Counter()
        """(file, conversation) -> by how much the number of messages with this file changes."""

    def handle(self, incoming: IncomingRequest) -> None:
        """Handle one request: it was stored before, is refused, or becomes the next entry of its conversation's log."""
        request = batch_facts.logged_request(incoming)
        conversation = self.facts.locked.get(request.conversation)
        if conversation is None:
            self._refuse(incoming, rules.NOT_MEMBER)
            return
        if stored := self._stored_before(incoming, conversation):
            self._publish_and_acknowledge(incoming, stored)
            return
        member = self.facts.people[conversation.id].by_user.get(incoming.sender)
        match self._decide(incoming, conversation, member):
            case Rejected() as rejected:
                self._refuse(incoming, rejected)
            case Duplicate(seq):
                self._repeated.append((incoming, (conversation.id, seq)))
            case Accepted() as accepted if member:
                self._append_to_log(incoming, conversation, member, accepted)

    def _stored_before(
        self, incoming: IncomingRequest, conversation: LockedRow
    ) -> StoredEntry | None:
        """Return the log's entry for this request if it was stored before; `None` if it was not."""
        key = batch_facts.dedup_key(incoming)
        if key is not None:
            return self.facts.stored_by_key.get(key)
        # A message without a key was stored before only if the broker delivers it once more.
        if not incoming.redelivered:
            return None
        # Between stages a message may pass twice, so that one batch holds it and its repetition.
        request = incoming.request
        if isinstance(request, Say) and (entry := self._unnamed.get((incoming.sender, request))):
            return entry
        return batch_facts.stored_before(self.database, incoming, conversation.last_seq, self.now)

    # ---- the rules ----------------------------------------------------------------------------

    def _decide(
        self, incoming: IncomingRequest, locked: LockedRow, member: MemberFacts | None
    ) -> Decision:
        """Decide whether a request is accepted; `member` is its sender, `None` for one who is no member.

        `locked` is the row of the conversation.
        """
        facts = ConversationFacts(
            locked.kind, locked.closed, locked.mute_all, locked.last_seq, locked.members
        )
        if member is None:
            return rules.NOT_MEMBER
        if isinstance(incoming.request, Read):
            return self._decide_read_mark(incoming, incoming.request, facts, locked, member)
        if isinstance(incoming.request, Recall):
            target = self._current_entry((locked.id, incoming.request.seq))
            return (
                rules.CLOSED
                if facts.closed
                else rules.decide_recall(incoming, member, target, self.now)
            )
        return rules.why_may_not_write(facts, member, self.now) or self._decide_writing(
            incoming, facts, member
        )

    def _decide_writing(
        self, incoming: IncomingRequest, conversation: ConversationFacts, member: MemberFacts
    ) -> Decision:
        """Decide whether a new message, an edit or a reaction is accepted."""
        match incoming.request:
            case Say() as request:
                if request.file and not self._file_data(request.file, member):
                    return NO_FILE
                return self._with_file(
                    rules.decide_say(incoming, request, conversation, member), request
                )
            case Edit() as request:
                target = self._current_entry((request.conversation, request.seq))
                return rules.decide_edit(incoming, request, member, target, self._edit_seqs(target))
            case React() as request:
                target = self._current_entry((request.conversation, request.seq))
                about = msg_id(request.conversation, request.seq)
                key = (request.conversation, incoming.sender, about, request.emoji)
                last = self.facts.reactions.get(key)
                return rules.decide_react(incoming, request, member, target, last)
        raise AssertionError(incoming.request)

    def _decide_read_mark(
        self,
        incoming: IncomingRequest,
        request: Read,
        conversation: ConversationFacts,
        locked: LockedRow,
        member: MemberFacts,
    ) -> Decision:
        """Decide whether a read mark is shown to the other members, and move it.

        The mark moves even where the other members are not notified. Then only the reader's own
        devices are.
        """
        read_seq = self.facts.read.get(member.id, 0)
        decision = rules.decide_read(incoming, request, conversation, member, read_seq)
        entry = self._current_entry((locked.id, request.seq))
        if read_seq < request.seq <= conversation.last_seq and entry is not None:
            self.facts.read[member.id] = request.seq
            locked.move_read_mark(member.id, request.seq, entry.number)
            if decision is None:
                about = {"conversation_id": str(locked.id), "user_id": member.user}
                data = {**about, "read_seq": request.seq}
                self.outcome.notes.append(Notice(Cmd.READ, data, (member.user,)))
        return decision

    def _file_data(self, file: str, member: MemberFacts) -> Data | None:
        """Return a file's name, size and so on, as members see it.

        `None` means that it is not a complete upload of this member.
        """
        upload = self.facts.files.get(file)
        return upload if upload and upload["owner"] == member.user else None

    def _with_file(self, decision: Accepted | Rejected, request: Say) -> Decision:
        """Return the decision on a message, with its file's name, size and so on; count the file's use."""
        if not request.file or isinstance(decision, Rejected):
            return decision
        data = {**(decision.draft.data or {}), "file": self.facts.files[request.file]["shown"]}
        self._uses[request.file, request.conversation] += 1
        return replace(decision, draft=replace(decision.draft, data=data))

    def _current_entry(self, key: EntryKey) -> StoredEntry | None:
        """Return an entry of a conversation's log with the changes of this batch; `None` if it does not exist.

        `key` is (conversation, seq).
        """
        if key in self._changed:
            return self._changed[key]
        number, seq = key
        added = self.facts.locked[number].added
        if added and seq >= added[0].seq:
            return added[seq - added[0].seq] if seq <= added[-1].seq else None
        return self.facts.entries.get(key)

    def _edit_seqs(self, target: StoredEntry | None) -> list[int]:
        """Return the seqs of the entries that have edited a message. [] if none has."""
        if target is None or target.edited_seq is None:
            return []
        last = self._current_entry((target.conversation, target.edited_seq))
        before = (last.data or {}).get("edits", []) if last else []
        return [*before, target.edited_seq]

    # ---- results ------------------------------------------------------------------------------

    def _refuse(self, incoming: IncomingRequest, rejected: Rejected) -> None:
        """Add to the result that a request is refused."""
        refused = RefusedMessage(
            incoming.sender, rejected.code, rejected.reason, incoming.client_msg_id
        )
        self.outcome.refused.append(refused)

    def _append_to_log(
        self,
        incoming: IncomingRequest,
        conversation: LockedRow,
        member: MemberFacts,
        accepted: Accepted,
    ) -> None:
        """Append an accepted request to the log of its conversation."""
        reader = member.id if accepted.draft.cmd is Cmd.MSG else 0
        entry = conversation.append(accepted.draft, self.now, reader)
        if key := batch_facts.dedup_key(incoming):
            self.facts.stored_by_key[key] = entry
        # Without a client's id only the message itself shows that it comes again within this batch.
        elif isinstance(incoming.request, Say) and not incoming.redelivered:
            self._unnamed[incoming.sender, incoming.request] = entry
        if accepted.target:
            self._change_message(accepted, accepted.target, entry)
        if entry.cmd is Cmd.REACT:
            self.facts.reactions[batch_facts.reaction_key(entry)] = entry
        self._publish_and_acknowledge(incoming, entry)

    def _change_message(self, accepted: Accepted, target: StoredEntry, by: StoredEntry) -> None:
        """Give a message a new text, or recall it and the entries that edited it. `by` is the entry that does so.

        A recalled message frees its file.
        """
        if not accepted.gone:
            self._keep_changed(replace(target, body=accepted.body, edited_seq=by.seq))
            return
        self._recalled += [(target.conversation, seq, by.seq) for seq in self._edit_seqs(target)]
        self._keep_changed(replace(target, recalled_seq=by.seq))
        if file := (target.data or {}).get("file_id"):
            self._uses[file, target.conversation] -= 1

    def _keep_changed(self, entry: StoredEntry) -> None:
        """Remember the new value of a log entry, which `save` writes to the database."""
        self._changed[(entry.conversation, entry.seq)] = entry

    def _publish_and_acknowledge(self, incoming: IncomingRequest, entry: StoredEntry) -> None:
        """Add to the result that an entry is published to the members, and acknowledged to the request's sender.

        This also happens for a repeated request, since nobody knows whether it was answered the
        first time.
        """
        self.outcome.entries.append(entry)
        users = self.facts.people[entry.conversation].users
        self.outcome.members[entry.conversation] = users
        if entry.cmd is Cmd.MSG or incoming.client_msg_id is not None:
            client_msg_id = incoming.client_msg_id or entry.client_msg_id
            same = (entry.sender, entry.client_msg_id) == (incoming.sender, client_msg_id)
            # Somebody else may have done before what is asked for: the answer goes to the one who asks.
            acknowledged = (
                entry
                if same
                else replace(entry, sender=incoming.sender, client_msg_id=client_msg_id)
            )
            self.outcome.acks.append(acknowledged)

    def save(self) -> None:
        """Write to the database all entries and changes that the batch holds, and answer repeated requests."""
        added = {row.id: row.added for row in self.facts.locked.values()}
        journal.save_changed(self.database, self.facts.locked.values())
        journal.save_edits_and_recalls(self.database, self._changed.values())
        journal.mark_recalled(self.database, self._recalled)
        self._save_file_uses()
        self._answer_repeated(added)

    def _save_file_uses(self) -> None:
        """Save which conversations use which file, so that their members may read it."""
        added = sorted((*pair, count) for pair, count in self._uses.items() if count > 0)
        removed = sorted((*pair, -count) for pair, count in self._uses.items() if count < 0)
        if added:
            ids = sorted({file for file, _, _ in added})
            query = f"UPDATE im_file SET used=1 WHERE id IN ({sql.marks(ids)})"
            sql.execute(self.database, query, ids)
            sql.cursor_of(self.database).executemany(_ADD_USES, added)
        for file, conversation, count in removed:
            sql.execute(self.database, _REMOVE_USES, (count, count, file, conversation))
            sql.execute(self.database, _DELETE_UNUSED, (file, conversation))

    def _answer_repeated(self, added: dict[int, list[StoredEntry]]) -> None:
        """Acknowledge again the requests that asked for what was done before.

        `added`: conversation -> the entries that this batch has appended.
        """
        entries = {
            (entry.conversation, entry.seq): entry
            for appended in added.values()
            for entry in appended
        }
        entries = {**self.facts.entries, **entries}
        missing = {key for _, key in self._repeated if key not in entries}
        stored = journal.entries_with(self.database, ("conversation_id", "seq"), missing)
        entries |= {(entry.conversation, entry.seq): entry for entry in stored}
        for incoming, key in self._repeated:
            if key in entries:
                self._publish_and_acknowledge(incoming, entries[key])

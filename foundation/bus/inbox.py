"""Requests already seen, and their answers: one effect and one answer per request id, for 24 h."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from foundation.bus import protocol
from foundation.bus.envelope import Envelope
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql
from foundation.cells.directory import store_of

_COLUMNS = (
    "key",
    "wire_type",
    "digest",
    "reqid",
    "e164",
    "reply_to",
    "correlation_id",
    "origin",
    "answer",
    "answered",
    "taken_at",
)
_CHANGES = ("reply_to", "correlation_id", "origin", "answer", "answered")
_FIELDS = ", ".join(f"`{c}`" for c in _COLUMNS if c != "answered")


@dataclass(slots=True)
class InboxRequest:
    """A request that was taken, with who asked it last and what was answered."""

    key: str
    wire_type: str
    digest: str
    reqid: str
    e164: str
    reply_to: str
    correlation_id: str
    origin: str
    answer: bytes | None = None
    taken_at: datetime | None = None
    """When it was taken, as the database has it: UTC without saying so. None: by this transaction."""
    is_new: bool = False
    changed: bool = False
    peer: str = ""

    def waits_since_before(self, moment: datetime) -> bool:
        """Return whether the request was taken before a moment and has had no answer since."""
        return self.answer is None and bool(
            self.taken_at and self.taken_at < to_db_datetime(moment)
        )

    def asked_again(self, envelope: Envelope) -> None:
        """The newest asker gets the answer."""
        self.reply_to, self.correlation_id = envelope.reply_to, envelope.correlation_id
        self.origin, self.peer = envelope.origin, envelope.peer
        self.changed = True


class InboxOfWork:
    """The requests that one transaction has to do with."""

    def __init__(self, database: str, now: datetime) -> None:
        self._database, self._now = database, now
        self._known: dict[str, InboxRequest | None] = {}
        self._open_of: dict[str, list[InboxRequest]] = {}
        self._looked_up: set[str] = set()

    def load(self, keys: Iterable[str]) -> None:
        """Read and lock these requests, where they were taken before: while one worker answers,
        another may hear who asked again, and neither may overwrite what the other writes."""
        wanted = [key for key in dict.fromkeys(keys) if key and key not in self._known]
        if not wanted:
            return
        self._known.update(dict.fromkeys(wanted))
        query = (
            f"SELECT {_FIELDS} FROM bus_inbox WHERE `key` IN ({sql.marks(wanted)})"  # noqa: S608
            " ORDER BY `key` FOR UPDATE"
        )
        for found in sql.select(self._database, query, wanted):
            self._take(found)

    def _take(self, found: tuple[object, ...]) -> InboxRequest:
        asked = InboxRequest(*found)  # type: ignore[arg-type]
        return self._known.setdefault(asked.key, asked) or self._keep(asked)

    def _keep(self, asked: InboxRequest) -> InboxRequest:
        self._known[asked.key] = asked
        return asked

    def get(self, key: str) -> InboxRequest | None:
        """The request with this key, if it was taken."""
        self.load([key])
        return self._known.get(key)

    def add(self, envelope: Envelope, wire_type: str, reqid: str, e164: str) -> InboxRequest:
        """Take a new request. That two workers cannot both take it, the primary key sees to."""
        asked = InboxRequest(
            envelope.request,
            wire_type,
            envelope.digest,
            reqid[:64],
            e164[:16],
            envelope.reply_to,
            envelope.correlation_id,
            envelope.origin,
            is_new=True,
            peer=envelope.peer,
        )
        self._known[asked.key] = asked
        self._open_of.setdefault(e164, []).append(asked)
        return asked

    def find_passed_on(self, e164: str, correlation_id: str, reqid: str) -> InboxRequest | None:
        """Return the passed-on request about this number that an answer belongs to, by correlation id, else by reqid.

        A request that has its answer is found too: a second answer changes nothing.
        """
        if e164 not in self._looked_up:
            self._looked_up.add(e164)
            self._open_of.setdefault(e164, []).extend(self._passed_on(e164, answered=False))
        waiting = [a for a in self._open_of[e164] if a.answer is None]
        found = _belongs(waiting, correlation_id, reqid)
        if found is None and (correlation_id or reqid):
            found = _belongs(self._passed_on(e164, answered=True), correlation_id, reqid)
        return found

    def _passed_on(self, e164: str, *, answered: bool) -> list[InboxRequest]:
        prefix = protocol.current().passed_on_prefix.replace("_", "\\_")
        query = (
            f"SELECT {_FIELDS} FROM bus_inbox WHERE e164=%s AND answered=%s"  # noqa: S608
            " AND wire_type LIKE %s ORDER BY taken_at DESC LIMIT 500"
            f"{'' if answered else ' FOR UPDATE'}"
        )
        return [
            self._take(one)
            for one in sql.select(self._database, query, [e164, answered, f"{prefix}%"])
        ]

    def flush(self) -> None:
        """Write what is new and what has changed."""
        rows = [
            asked for asked in self._known.values() if asked and (asked.is_new or asked.changed)
        ]
        values = [(a, self._values(a)) for a in rows]
        new = [v for a, v in values if a.is_new]
        old = [v for a, v in values if not a.is_new]
        sql.insert(self._database, "bus_inbox", _COLUMNS, new)
        sql.insert(self._database, "bus_inbox", _COLUMNS, old, _CHANGES)

    def _values(self, a: InboxRequest) -> tuple[object, ...]:
        return (
            a.key,
            a.wire_type,
            a.digest,
            a.reqid,
            a.e164,
            a.reply_to,
            a.correlation_id,
            a.origin,
            a.answer,
            a.answer is not None,
            to_db_datetime(self._now),
        )


def _belongs(asked: list[InboxRequest], correlation_id: str, reqid: str) -> InboxRequest | None:
    for name, value in (
        ("correlation_id", correlation_id),
        ("key", correlation_id),
        ("reqid", reqid),
    ):
        for one in asked:
            if value and getattr(one, name) == value:
                return one
    return None


FORGET_AT_ONCE, MOST_ROUNDS = 5000, 50

READ_AFTER = (
    "SELECT `key`, wire_type, reqid, e164, taken_at, answer FROM bus_inbox"
    " WHERE `key` > %s ORDER BY `key` LIMIT %s"
)
"""Select requests in the order of their keys, beginning after a key, at most as many as given."""

READ_KEYS = "SELECT `key` FROM bus_inbox WHERE `key` IN ({marks})"
"""Select those of the given keys under which a request was taken."""


def forget_old(platform: str, keep: timedelta = timedelta(hours=24)) -> int:
    """Delete requests that nobody can repeat any more, some thousands at a time; return how many."""
    query = "DELETE FROM bus_inbox WHERE taken_at < UTC_TIMESTAMP(6) - INTERVAL %s SECOND LIMIT %s"
    database, deleted = store_of(platform).database, 0
    for _ in range(MOST_ROUNDS):
        count = sql.execute(database, query, [int(keep.total_seconds()), FORGET_AT_ONCE])
        deleted += count
        if count < FORGET_AT_ONCE:
            break
    return deleted

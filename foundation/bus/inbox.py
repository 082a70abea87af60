"""The inbox holds requests and their answers, so that a request id has one effect and one answer for 24 h."""

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
    """An inbox request is a request that was taken, with the way to its latest sender, and its answer."""

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
    """The moment when the request was taken, in UTC without a time zone. `None` means: by this transaction."""
    is_new: bool = False
    changed: bool = False
    peer: str = ""

    def waits_since_before(self, moment: datetime) -> bool:
        """Return whether the request was taken before a moment and has had no answer since."""
        return self.answer is None and bool(
            self.taken_at and self.taken_at < to_db_datetime(moment)
        )

    def repeat(self, envelope: Envelope) -> None:
        """Note that the request has come again: the latest sender gets the answer."""
        self.reply_to, self.correlation_id = envelope.reply_to, envelope.correlation_id
        self.origin, self.peer = envelope.origin, envelope.peer
        self.changed = True


class InboxOfWork:
    """The part of a unit of work that reads and writes the inbox."""

    def __init__(self, database: str, now: datetime) -> None:
        self._database, self._now = database, now
        self._by_key: dict[str, InboxRequest | None] = {}
        """`None` means that the inbox holds no request with the key."""
        self._open_of: dict[str, list[InboxRequest]] = {}
        """Passed-on requests without an answer, by number."""
        self._looked_up: set[str] = set()

    def load(self, keys: Iterable[str]) -> None:
        """Read and lock the requests with these keys, where they were taken before.

        While one worker answers a request, another one may receive it again: neither may overwrite what the
        other writes.
        """
        wanted = [key for key in dict.fromkeys(keys) if key and key not in self._by_key]
        if not wanted:
            return
        self._by_key.update(dict.fromkeys(wanted))
        query = (
            f"SELECT {_FIELDS} FROM bus_inbox WHERE `key` IN ({sql.marks(wanted)})"
            " ORDER BY `key` FOR UPDATE"
        )
        for row in sql.select(self._database, query, wanted):
            self._from_row(row)

    def _from_row(self, row: tuple[object, ...]) -> InboxRequest:
        """Return the request of a row; a request that this transaction holds already stays as it is."""
        request = InboxRequest(*row)  # type: ignore[arg-type]  # the columns of the row are the fields in their order
        return self._by_key.setdefault(request.key, request) or self._remember(request)

    def _remember(self, request: InboxRequest) -> InboxRequest:
        self._by_key[request.key] = request
        return request

    def get(self, key: str) -> InboxRequest | None:
        """Return the request with this key; `None` means that it was not taken."""
        self.load([key])
        return self._by_key.get(key)

    def add(self, envelope: Envelope, wire_type: str, reqid: str, e164: str) -> InboxRequest:
        """Stage a new request. The primary key sees to it that two workers cannot both take it."""
        request = InboxRequest(
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
        self._by_key[request.key] = request
        self._open_of.setdefault(e164, []).append(request)
        return request

    def find_passed_on(self, e164: str, correlation_id: str, reqid: str) -> InboxRequest | None:
        """Return the passed-on request about this number to which an answer belongs; `None` means that there is none.

        It is found by correlation id, else by reqid. A request that has its answer is found too: a second answer
        changes nothing.
        """
        if e164 not in self._looked_up:
            self._looked_up.add(e164)
            self._open_of.setdefault(e164, []).extend(self._passed_on(e164, answered=False))
        waiting = [request for request in self._open_of[e164] if request.answer is None]
        request = _matching(waiting, correlation_id, reqid)
        if request is None and (correlation_id or reqid):
            request = _matching(self._passed_on(e164, answered=True), correlation_id, reqid)
        return request

    def _passed_on(self, e164: str, *, answered: bool) -> list[InboxRequest]:
        prefix = protocol.current().passed_on_prefix.replace("_", "\\_")
        query = (
            f"SELECT {_FIELDS} FROM bus_inbox WHERE e164=%s AND answered=%s"
            " AND wire_type LIKE %s ORDER BY taken_at DESC LIMIT 500"
            f"{'' if answered else ' FOR UPDATE'}"
        )
        return [
            self._from_row(row)
            for row in sql.select(self._database, query, [e164, answered, f"{prefix}%"])
        ]

    def flush(self) -> None:
        """Write the requests that are new or have changed."""
        requests = [
            request
            for request in self._by_key.values()
            if request and (request.is_new or request.changed)
        ]
        new = [self._row(request) for request in requests if request.is_new]
        changed = [self._row(request) for request in requests if not request.is_new]
        sql.insert(self._database, "bus_inbox", _COLUMNS, new)
        sql.insert(self._database, "bus_inbox", _COLUMNS, changed, _CHANGES)

    def _row(self, request: InboxRequest) -> tuple[object, ...]:
        return (
            request.key,
            request.wire_type,
            request.digest,
            request.reqid,
            request.e164,
            request.reply_to,
            request.correlation_id,
            request.origin,
            request.answer,
            request.answer is not None,
            to_db_datetime(self._now),
        )


def _matching(requests: list[InboxRequest], correlation_id: str, reqid: str) -> InboxRequest | None:
    """Return the first of the requests that an answer names, by correlation id, else by reqid."""
    for name, value in (
        ("correlation_id", correlation_id),
        ("key", correlation_id),
        ("reqid", reqid),
    ):
        for request in requests:
            if value and getattr(request, name) == value:
                return request
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

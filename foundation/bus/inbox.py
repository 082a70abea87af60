"""The inbox stores requests and their answers for 24 hours, so that a repeated request has no second effect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from foundation import clock
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
_CHANGING_COLUMNS = ("reply_to", "correlation_id", "origin", "answer", "answered")
_MAX_PASSED_ON = 500
_SELECTED = ", ".join(f"`{column}`" for column in _COLUMNS if column != "answered")


@dataclass(slots=True)
class InboxRequest:
    """An inbox request is a request that was received, with the address of its latest sender, and its answer.

    `digest` is the hash of its content, `e164` the number of the conference that it is about.
    """

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
    """When the request was received, in UTC without a time zone. `None` means: in this transaction."""
    is_new: bool = False
    changed: bool = False
    peer: str = ""

    def is_unanswered_since(self, moment: datetime) -> bool:
        """Return whether the request was received before a time and still has no answer."""
        return self.answer is None and bool(
            self.taken_at and self.taken_at < to_db_datetime(moment)
        )

    def repeat(self, envelope: Envelope) -> None:
        """Replace the address for the answer by that of `envelope`: the sender has repeated the request."""
        self.reply_to, self.correlation_id = envelope.reply_to, envelope.correlation_id
        self.origin, self.peer = envelope.origin, envelope.peer
        self.changed = True


class InboxUnitOfWork:
    """The part of a unit of work (one transaction) that reads and writes the inbox.

    The inbox is the table of received requests.
    """

    def __init__(self, database: str, now: datetime) -> None:
        """Prepare reading and writing of requests in the transaction that is open on this database at `now`."""
        self._database, self._now = database, now
        self._requests: dict[str, InboxRequest | None] = {}
        """Key -> request; `None` means that the inbox has no request with the key."""
        self._unanswered: dict[str, list[InboxRequest]] = {}
        """Conference number -> requests about it that another party is to answer."""
        self._looked_up: set[str] = set()
        """The conference numbers whose requests have been read."""

    def lock_requests(self, keys: Iterable[str]) -> None:
        """Read and lock the requests with these keys that were received before.

        While one worker answers a request, another one may receive it again. The lock keeps them from overwriting each
        other's changes. Those that this transaction has read already are left out.
        """
        missing = [key for key in dict.fromkeys(keys) if key and key not in self._requests]
        if not missing:
            return
        self._requests.update(dict.fromkeys(missing))
        query = (
            f"SELECT {_SELECTED} FROM bus_inbox WHERE `key` IN ({sql.marks(missing)})"
            " ORDER BY `key` FOR UPDATE"
        )
        for row in sql.select(self._database, query, missing):
            self._request_of_row(row)

    def _request_of_row(self, row: tuple[object, ...]) -> InboxRequest:
        """Return the request of a database row; one that this transaction has read before is returned unchanged."""
        request = InboxRequest(*row)  # type: ignore[arg-type]  # the columns of the row are the fields in their order
        # `lock_requests` has stored `None` under the key of a request that it is about to read.
        return self._requests.setdefault(request.key, request) or self._keep_request(request)

    def _keep_request(self, request: InboxRequest) -> InboxRequest:
        """Keep a request in memory, by its key, for the rest of the transaction, and return it."""
        self._requests[request.key] = request
        return request

    def find_request(self, key: str) -> InboxRequest | None:
        """Return the request with this key; `None` means that it was not received before."""
        self.lock_requests([key])
        return self._requests.get(key)

    def add_request(
        self, envelope: Envelope, wire_type: str, reqid: str, e164: str
    ) -> InboxRequest:
        """Stage a new request about a conference number, and return it.

        `reqid` and number (`e164`) are cut to the length of their columns. If another worker has inserted the request
        meanwhile, the primary key makes this transaction fail.
        """
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
        self._requests[request.key] = request
        self._unanswered.setdefault(e164, []).append(request)
        return request

    def find_forwarded_request(
        self, e164: str, correlation_id: str, reqid: str
    ) -> InboxRequest | None:
        """Return the request about a conference number that another party's answer belongs to, or `None`.

        It is found by correlation id, else by reqid. A request that has its answer is found too: a second answer
        changes nothing.
        """
        if e164 not in self._looked_up:
            self._looked_up.add(e164)
            unanswered = self._select_forwarded(e164, answered=False)
            self._unanswered.setdefault(e164, []).extend(unanswered)
        waiting = [request for request in self._unanswered[e164] if request.answer is None]
        request = _find_request(waiting, correlation_id, reqid)
        if request is None and (correlation_id or reqid):
            answered = self._select_forwarded(e164, answered=True)
            request = _find_request(answered, correlation_id, reqid)
        return request

    def _select_forwarded(self, e164: str, *, answered: bool) -> list[InboxRequest]:
        """Return the requests about a conference number that were passed on to another party, the latest first.

        They are at most _MAX_PASSED_ON. Those without an answer (not `answered`) are locked.
        """
        prefix = protocol.current().passed_on_prefix.replace("_", "\\_")
        query = (
            f"SELECT {_SELECTED} FROM bus_inbox WHERE e164=%s AND answered=%s"
            f" AND wire_type LIKE %s ORDER BY taken_at DESC LIMIT {_MAX_PASSED_ON}"
            f"{'' if answered else ' FOR UPDATE'}"
        )
        return [
            self._request_of_row(row)
            for row in sql.select(self._database, query, [e164, answered, f"{prefix}%"])
        ]

    def flush(self) -> None:
        """Write the requests that are new or have changed in this transaction to the inbox."""
        requests = [
            request
            for request in self._requests.values()
            if request and (request.is_new or request.changed)
        ]
        new_rows = [self._column_values(request) for request in requests if request.is_new]
        changed_rows = [self._column_values(request) for request in requests if not request.is_new]
        sql.insert(self._database, "bus_inbox", _COLUMNS, new_rows)
        sql.insert(self._database, "bus_inbox", _COLUMNS, changed_rows, _CHANGING_COLUMNS)

    def _column_values(self, request: InboxRequest) -> tuple[object, ...]:
        """Return a request as a database row: the values of `_COLUMNS`, in their order."""
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


def _find_request(
    requests: list[InboxRequest], correlation_id: str, reqid: str
) -> InboxRequest | None:
    """Return the first request to which an answer with this correlation id or request id belongs, or `None`."""
    for name, value in (
        ("correlation_id", correlation_id),
        ("key", correlation_id),
        ("reqid", reqid),
    ):
        for request in requests:
            if value and getattr(request, name) == value:
                return request
    return None


DELETED_AT_ONCE, MAX_STATEMENTS = 5000, 50

READ_AFTER = (
    "SELECT `key`, wire_type, reqid, e164, taken_at, answer FROM bus_inbox"
    " WHERE `key` > %s ORDER BY `key` LIMIT %s"
)
"""Selects requests in the order of their keys. Parameters: the key after which to begin, and how many at most."""

READ_KEYS = "SELECT `key` FROM bus_inbox WHERE `key` IN ({marks})"
"""Selects those of the given keys with which a request was received."""


def delete_old_requests(platform: str, retention: timedelta = timedelta(hours=24)) -> int:
    """Delete a platform's received requests that are older than `retention`; return how many were deleted.

    It stops after MAX_STATEMENTS of DELETED_AT_ONCE requests each: the next run of the timer deletes the rest. If the
    database's clock was set while this process ran (`clock.step_microseconds`), that difference is subtracted.
    """
    query = (
        "DELETE FROM bus_inbox WHERE taken_at < UTC_TIMESTAMP(6) - INTERVAL %s MICROSECOND LIMIT %s"
    )
    database, deleted = store_of(platform).database, 0
    age = clock.step_microseconds(database) + retention // timedelta(microseconds=1)
    for _ in range(MAX_STATEMENTS):
        count = sql.execute(database, query, [age, DELETED_AT_ONCE])
        deleted += count
        if count < DELETED_AT_ONCE:
            break
    return deleted

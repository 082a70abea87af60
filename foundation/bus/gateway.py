"""The gateway handles commands from HTTP requests; those of all threads of a web process share transactions.

A web process publishes nothing itself. It commits the messages to send to the outbox, wakes a relay thread of a worker,
which sends them, and waits some seconds for the answer to appear in the inbox (the table of requests and answers).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections

from foundation.bus.delivery import Delivery, Outcome
from foundation.bus.dispatch import handle_batch
from foundation.bus.envelope import Envelope
from foundation.bus.message import Message, dumps, to_body
from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms
from foundation.logs import request_id

log = logging.getLogger("confplatform.bus.gateway")

BATCH = 100
ANSWER_SECONDS = 4.0
BROKER_SECONDS = 0.7
"""A row that is still in the outbox after this time means that the broker is unavailable: no answer will come soon."""

POLL_SECONDS = 0.015
COMMIT_SECONDS = 10
STUCK_SECONDS = 3.0
"""A batch that has not been committed for so long waits for a lock or a disk: later requests are refused at once."""
ERROR_PAUSE_SECONDS = 0.5
"""The pause after a failed read of the database."""

_MAX_LATE_REQUESTS, _MAX_LATE_ROWS = 20, 500
"""At most so many requests and rows are looked at to see whether the broker is unavailable."""


@dataclass(slots=True)
class PendingRequest:
    """A pending request is a command of a web request that waits for its commit, then for its answer.

    `created_conference` is number and id of the conference that it has created, if any. `rows` are the ids of the
    rows that its transaction has added to the outbox (the table of messages to send), `since` is the monotonic time
    of its arrival.
    """

    delivery: Delivery
    committed: Future[None] = field(default_factory=Future)
    answer: Future[bytes | None] = field(default_factory=Future)
    created_conference: tuple[str, str] | None = None
    rows: tuple[int, ...] = ()
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """A result holds the body of the answer to a command; `None` means that there is none yet.

    `created_conference` is number and id of the conference that the command has created, `None` if it created none.
    """

    answer: bytes | None
    created_conference: tuple[str, str] | None


class Gateway:
    """A gateway handles the commands of a web process's HTTP requests, and waits for their answers.

    Each web process has one. One of its two threads commits requests, the other waits for answers.
    """

    def __init__(self) -> None:
        """Start the two threads of the gateway."""
        self._queue: queue.SimpleQueue[PendingRequest] = queue.SimpleQueue()
        self._waiting: dict[str, list[PendingRequest]] = {}
        """Key of a request in the inbox -> the committed requests with it that wait for the answer."""
        self._lock = threading.Lock()
        self._someone_waits = threading.Event()
        self._commits_since: float | None = None
        """When the commit began that is under way (`time.monotonic`); `None` if none is."""
        for work in (self._commit_loop, self._watch_loop):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def ask(self, command: Message, seconds: float = ANSWER_SECONDS) -> Result:
        """Handle a command in a transaction, and wait up to `seconds` for its answer, which another process may give.

        Raises DatabaseError if the transaction is not committed in time. Returns the answer, or that none came in time.
        """
        since = self._commits_since
        if since is not None and time.monotonic() - since > STUCK_SECONDS:
            raise DatabaseError("the database has not committed anything for a while")
        body = {"reqid": uuid.uuid4().hex, **to_body(command)}
        envelope = Envelope(queue="http", origin="http", app_id="http", request_id=request_id())
        request = PendingRequest(Delivery(dumps(body), envelope), since=time.monotonic())
        self._queue.put(request)
        try:
            request.committed.result(timeout=COMMIT_SECONDS)
        except TimeoutError:
            raise DatabaseError(f"not committed within {COMMIT_SECONDS} s") from None
        if not request.answer.done():
            self._watch_for_answer(request)
        with suppress(TimeoutError):
            return Result(request.answer.result(timeout=seconds), request.created_conference)
        return Result(None, request.created_conference)

    # ---- committing ---------------------------------------------------------------------------

    def _commit_loop(self) -> None:
        """Handle the commands that web threads have queued, for ever: all that wait now in one transaction."""
        while True:
            batch = [self._queue.get()]
            while len(batch) < BATCH:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            self._commits_since = time.monotonic()
            try:
                self._commit_batch(batch)
            except Exception as error:
                log.exception("a batch of %d requests failed", len(batch))
                for request in batch:
                    if not request.committed.done():
                        # The web threads that wait get the error, and answer their callers.
                        request.committed.set_exception(DatabaseError(str(error)))
            self._commits_since = None

    def _commit_batch(self, batch: list[PendingRequest]) -> None:
        """Handle a batch of commands from HTTP requests in one transaction.

        Then wake these requests with their outcomes.
        """
        close_old_connections()
        outcomes = handle_batch([request.delivery for request in batch], publish_inline=False)
        for request in batch:
            self._note_outcomes(request, outcomes)
            request.committed.set_result(None)

    def _note_outcomes(self, request: PendingRequest, outcomes: list[Outcome]) -> None:
        """Note on a request what the outcomes of its batch hold for it: conference, messages, an immediate answer."""
        key = request.delivery.envelope.request
        for outcome in outcomes:
            request.created_conference = (
                outcome.created_conferences.get(key) or request.created_conference
            )
            request.rows += tuple(row.id for row in outcome.rows)
            if key in outcome.answers:
                request.answer.set_result(outcome.answers[key])

    # ---- waiting for answers ------------------------------------------------------------------

    def _watch_for_answer(self, request: PendingRequest) -> None:
        """Hand a committed request to the thread that looks for answers in the database."""
        with self._lock:
            self._waiting.setdefault(request.delivery.envelope.request, []).append(request)
        self._someone_waits.set()

    def _watch_loop(self) -> None:
        """Look for answers in the database, for ever, whenever requests wait for some.

        While the database is away it pauses.
        """
        while True:
            self._someone_waits.wait()
            time.sleep(POLL_SECONDS)
            try:
                close_old_connections()
                self._read_answers()
            except (DatabaseError, InterfaceError):
                time.sleep(ERROR_PAUSE_SECONDS)
            except Exception:
                # A thread that ended here would leave every request of this process waiting.
                log.exception("the watch for answers met the unforeseen, and goes on")
                time.sleep(ERROR_PAUSE_SECONDS)
            with self._lock:
                if not self._waiting:
                    self._someone_waits.clear()

    def _read_answers(self) -> None:
        """Read the answers to all waiting requests by one query, and give them to the requests.

        Requests that have waited too long, or whose messages the broker does not take, stop waiting without an answer.
        """
        with self._lock:
            keys = list(self._waiting)
        answers = _select_answers(keys)
        now = time.monotonic()
        unsent = self._find_unsent_rows(now)
        with self._lock:
            for key in keys:
                still_waiting = []
                for request in self._waiting.pop(key):
                    if key in answers:
                        request.answer.set_result(answers[key])
                    elif now - request.since > ANSWER_SECONDS or unsent.intersection(request.rows):
                        request.answer.set_result(None)
                    else:
                        still_waiting.append(request)
                if still_waiting:
                    self._waiting[key] = still_waiting

    def _find_unsent_rows(self, now: float) -> set[int]:
        """Return the ids of outbox rows of waiting requests that should have been sent by now and were not.

        The outbox is the table of messages to send.
        """
        with self._lock:
            late_requests = [
                request
                for waiting in self._waiting.values()
                for request in waiting
                if now - request.since > BROKER_SECONDS
            ]
        rows = {row for request in late_requests[:_MAX_LATE_REQUESTS] for row in request.rows}
        ids = sorted(rows)[:_MAX_LATE_ROWS]
        if not ids:
            return set()
        query = f"SELECT id FROM bus_outbox WHERE id IN ({sql.marks(ids)})"
        return {row_id for (row_id,) in _select_everywhere(query, ids)}


def _select_answers(keys: list[str]) -> dict[str, bytes]:
    """Return the answers to requests that have one: key in the inbox (the table of received requests) -> body."""
    if not keys:
        return {}
    query = f"SELECT `key`, answer FROM bus_inbox WHERE `key` IN ({sql.marks(keys)}) AND answered=1"
    return {key: bytes(answer) for key, answer in _select_everywhere(query, keys)}


def _select_everywhere(query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """Return the rows that a query selects in the databases of all platforms whose data lies at this site."""
    return [row for platform in possible_platforms() for row in look_up(platform, query, values)]


_gateway: Gateway | None = None
_creation_lock = threading.Lock()


def gateway() -> Gateway:
    """Return the gateway of this process, which handles the commands of its HTTP requests.

    It is created when first used, after the web server has forked.
    """
    global _gateway
    with _creation_lock:
        if _gateway is None:
            _gateway = Gateway()
    return _gateway

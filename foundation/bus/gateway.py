"""HTTP -> command: requests of all threads of a web process share transactions, as deliveries do.

A web request publishes nothing: it commits (outbox rows and all), wakes the relay, and waits a
while for the answer to appear in the inbox. Where the broker takes nothing it stops waiting early.
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

from foundation.bus import wake_up
from foundation.bus.delivery import Delivery, Outcome
from foundation.bus.dispatch import handle_batch
from foundation.bus.envelope import Envelope
from foundation.bus.message import Message, dumps, to_body
from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms, store_of
from foundation.logs import request_id

log = logging.getLogger("confplatform.bus.gateway")

BATCH = 100
ANSWER_SECONDS = 4.0
BROKER_SECONDS = 0.7
"""A row that still lies in the outbox after so long: the broker is gone, nobody will answer soon."""

LOOK_SECONDS = 0.015
COMMIT_SECONDS = 60
REST_SECONDS = 0.5
"""Between two looks at a database that is away."""


@dataclass(slots=True)
class PendingRequest:
    """A request on its way: done once committed, answered when an answer is there."""

    delivery: Delivery
    committed: Future[None] = field(default_factory=Future)
    answer: Future[bytes | None] = field(default_factory=Future)
    created_conference: tuple[str, str] | None = None
    rows: tuple[int, ...] = ()
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """The answer, or None when there is none yet; `created_conference`: number and id of a conference taken in."""

    answer: bytes | None
    created_conference: tuple[str, str] | None


class Gateway:
    """One per web process, with two threads: one commits, one watches for answers."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[PendingRequest] = queue.SimpleQueue()
        self._waiting: dict[str, list[PendingRequest]] = {}
        self._lock = threading.Lock()
        self._someone_waits = threading.Event()
        for work in (self._commit_loop, self._watch_loop):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def ask(self, command: Message, seconds: float = ANSWER_SECONDS) -> Result:
        """Hand a command in, and wait for its answer. Raises DatabaseError where it is away."""
        body = {"reqid": uuid.uuid4().hex, **to_body(command)}
        envelope = Envelope(queue="http", origin="http", app_id="http", request_id=request_id())
        asked = PendingRequest(Delivery(dumps(body), envelope), since=time.monotonic())
        self._queue.put(asked)
        try:
            asked.committed.result(timeout=COMMIT_SECONDS)
        except TimeoutError:
            raise DatabaseError(f"not committed within {COMMIT_SECONDS} s") from None
        if not asked.answer.done():
            self._watch(asked)
        with suppress(TimeoutError):
            return Result(asked.answer.result(timeout=seconds), asked.created_conference)
        return Result(None, asked.created_conference)

    # ---- committing ---------------------------------------------------------------------------

    def _commit_loop(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < BATCH:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            try:
                self._commit(batch)
            except Exception as failure:
                log.exception("a batch of %d requests failed", len(batch))
                for asked in batch:
                    if not asked.committed.done():
                        asked.committed.set_exception(DatabaseError(str(failure)))

    def _commit(self, batch: list[PendingRequest]) -> None:
        close_old_connections()
        outcomes = handle_batch([a.delivery for a in batch], publish_inline=False)
        written = {outcome.database for outcome in outcomes if outcome.rows}
        for platform in possible_platforms():
            if store_of(platform).database in written:
                wake_up.everywhere(platform)
        for asked in batch:
            self._take_in(asked, outcomes)
            asked.committed.set_result(None)

    def _take_in(self, asked: PendingRequest, outcomes: list[Outcome]) -> None:
        key = asked.delivery.envelope.request
        for outcome in outcomes:
            asked.created_conference = (
                outcome.created_conferences.get(key) or asked.created_conference
            )
            asked.rows += tuple(row.id for row in outcome.rows)
            if key in outcome.answers:
                asked.answer.set_result(outcome.answers[key])

    # ---- watching -----------------------------------------------------------------------------

    def _watch(self, asked: PendingRequest) -> None:
        with self._lock:
            self._waiting.setdefault(asked.delivery.envelope.request, []).append(asked)
        self._someone_waits.set()

    def _watch_loop(self) -> None:
        while True:
            self._someone_waits.wait()
            time.sleep(LOOK_SECONDS)
            try:
                close_old_connections()
                self._look()
            except (DatabaseError, InterfaceError):
                time.sleep(REST_SECONDS)
            except Exception:
                # A thread that ended here would leave every request of this process waiting.
                log.exception("the watch for answers met the unforeseen, and goes on")
                time.sleep(REST_SECONDS)
            with self._lock:
                if not self._waiting:
                    self._someone_waits.clear()

    def _look(self) -> None:
        """One query for all that wait; who has waited long enough leaves."""
        with self._lock:
            keys = list(self._waiting)
        answers = _answers(keys)
        now = time.monotonic()
        stuck = self._stuck(now)
        with self._lock:
            for key in keys:
                left = []
                for asked in self._waiting.pop(key):
                    if key in answers:
                        asked.answer.set_result(answers[key])
                    elif now - asked.since > ANSWER_SECONDS or stuck.intersection(asked.rows):
                        asked.answer.set_result(None)
                    else:
                        left.append(asked)
                if left:
                    self._waiting[key] = left

    def _stuck(self, now: float) -> set[int]:
        """Outbox rows that should have been sent by now."""
        with self._lock:
            late = [
                a
                for waiting in self._waiting.values()
                for a in waiting
                if now - a.since > BROKER_SECONDS
            ]
        ids = sorted({row for asked in late[:20] for row in asked.rows})[:500]
        if not ids:
            return set()
        query = f"SELECT id FROM bus_outbox WHERE id IN ({sql.marks(ids)})"
        return {r[0] for r in _everywhere(query, ids)}


def _answers(keys: list[str]) -> dict[str, bytes]:
    if not keys:
        return {}
    query = f"SELECT `key`, answer FROM bus_inbox WHERE `key` IN ({sql.marks(keys)}) AND answered=1"
    found = _everywhere(query, keys)
    return {r[0]: bytes(r[1]) for r in found}


def _everywhere(query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Rows of all platforms' data that we have."""
    return [row for platform in possible_platforms() for row in look_up(platform, query, values)]


_gateway: Gateway | None = None
_making = threading.Lock()


def gateway() -> Gateway:
    """Return the gateway of this process. It is created when first used (after the web server has forked)."""
    global _gateway
    with _making:
        if _gateway is None:
            _gateway = Gateway()
    return _gateway

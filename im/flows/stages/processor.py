"""The third stage, process: it stores requests in their conversations' logs, platform by platform.

Then it handles heartbeats, presence, typing and signs about calls, which are stored nowhere.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from typing import NoReturn

from django.db import DataError, Error, transaction

from foundation import clock
from foundation.bus import outbox
from foundation.bus.retry import AT_ONCE, RetriedBatch, run_with_retries
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of
from im.data import journal, metrics, platform_resolver
from im.data.batch_facts import logged_request
from im.data.membership import MemberCache
from im.flows import ephemeral
from im.flows.process import process
from im.flows.stages.stage import Handled, Unavailable
from im.rules.messages import (
    BatchResult,
    EphemeralRequest,
    IncomingRequest,
    RefusedMessage,
)
from im.rules.vocabulary import Code

log = logging.getLogger("im.center")


class Processor:
    """The stage of a message center that carries out requests and stores them; it caches conversations' members.

    What it returns is committed already. After a crash the requests come again; they are recognized by their
    `client_msg_id`, and answered again.
    """

    def __init__(self) -> None:
        self._memory = MemberCache()

    def check_writable(self) -> None:
        """Check that messages of this platform can be stored. Raises Unavailable and database errors.

        The center calls this before it consumes, since the broker discards a message that was
        delivered in vain too often.
        """
        store = store_of(own_platform())
        try:
            with transaction.atomic(using=store.database):
                journal.require_serving(store)
                outbox.check_writable(store.database)
        except journal.ReadOnly as error:
            raise Unavailable(f"{error}: its service begins or ends here") from error
        except journal.NotServedHere:
            pass

    def process_batch(self, batch: Sequence[IncomingRequest]) -> Handled[NoReturn]:
        """Carry out requests, store those that are kept, and return the result, which is to be published.

        Raises Unavailable.
        """
        outcome, now = BatchResult(), clock.now()
        ephemeral_requests = [item for item in batch if isinstance(item.request, EphemeralRequest)]
        logged = [item for item in batch if not isinstance(item.request, EphemeralRequest)]
        for platform, requests in platform_resolver.group_by_platform(
            logged, _conversation_of
        ).items():
            outcome.add(self._process_on_platform(platform, requests, now))
        if ephemeral_requests:
            outcome.add(ephemeral.handle_ephemeral(ephemeral_requests, self._memory, now))
        return Handled([], outcome)

    def _process_on_platform(
        self, platform: str, requests: Sequence[IncomingRequest], now: datetime
    ) -> BatchResult:
        """Store requests in the data of one platform and return the result; "" stands for unknown conversations.

        If another platform's data cannot be reached, its requests stay unanswered and the others go on.
        Where another site serves the platform, nobody gets a refusal: the client learns by its heartbeat
        where to send the message again.
        """
        if not platform:
            return _refuse_all(requests, Code.NOT_MEMBER, "there is no such conversation")
        try:
            batch = _RequestBatch(platform, self._memory, now)
            if len(requests) == 1:
                return batch.run_alone(requests[0])
            return reduce(_join_results, batch.run_batch(requests))
        except journal.NotServedHere:
            pass
        except Unavailable:
            if platform == own_platform():
                raise
        metrics.UNANSWERED.inc(len(requests))
        return BatchResult()


class _RequestBatch(RetriedBatch[IncomingRequest, BatchResult]):
    """A batch of requests for one platform's data, handled in one transaction.

    If that fails, each is tried alone, and refused if it fails again.
    """

    unavailable = (Unavailable, journal.NotServedHere)

    def __init__(self, platform: str, members: MemberCache, now: datetime) -> None:
        self._platform, self._members, self._now = platform, members, now

    def run(self, items: Sequence[IncomingRequest]) -> BatchResult:
        """Store requests in one transaction, repeated after deadlocks and similar errors, and return the result.

        Raises Unavailable.
        """
        try:
            return run_with_retries(
                lambda: self._run_once(items), AT_ONCE, _may_succeed_if_repeated
            )
        except Error as error:
            if sql.is_locked(error):
                raise Unavailable(f"a table is locked for long: {error}") from error
            raise

    def _run_once(self, requests: Sequence[IncomingRequest]) -> BatchResult:
        """Store requests in one transaction, and return the result.

        Raises Unavailable if the data cannot be written now.
        """
        try:
            return process(store_of(self._platform), self._members, requests, self._now)
        except journal.ReadOnly as error:
            raise Unavailable(f"{self._platform}: its service begins or ends here") from error
        except Error as error:
            if sql.is_away(error):
                raise Unavailable(str(error)) from error
            raise

    def park(self, item: IncomingRequest, error: Exception) -> BatchResult:
        """Return the refusal of a request that failed at every try, and log the error."""
        metrics.POISON.inc()
        log.error("a message failed: %s", type(item.request).__name__, exc_info=error)
        return _refuse_all([item], Code.BAD_JSON, "this message cannot be stored")

    def log_failed_batch(self, items: Sequence[IncomingRequest], error: Exception) -> None:
        """Log that a batch failed, before its requests are handled one by one."""
        log.error("a batch of %d failed, doing it one by one", len(items), exc_info=error)


def _may_succeed_if_repeated(error: Exception) -> bool:
    """Return whether a transaction that failed with this error may succeed if it is repeated at once."""
    return isinstance(error, Error) and not isinstance(error, DataError) and sql.is_temporary(error)


def _join_results(result: BatchResult, following: BatchResult) -> BatchResult:
    """Append the result of the following batch to `result`, and return that."""
    result.add(following)
    return result


def _conversation_of(incoming: IncomingRequest) -> int:
    """Return the id of the conversation that a request is about."""
    return logged_request(incoming).conversation


def _refuse_all(requests: Sequence[IncomingRequest], code: Code, reason: str) -> BatchResult:
    """Return a batch's result in which all these requests are refused for the same reason."""
    return BatchResult(
        refused=[
            RefusedMessage(incoming.sender, code, reason, incoming.client_msg_id)
            for incoming in requests
        ]
    )

"""The pipeline of a message center: parse, process, route. Start reading here (CONV, 分布式实现框架).

`Pipeline.handle_batch` gets the deliveries that were in the queue and returns what is to be
published. What it returns is committed already: the center publishes it, waits for the broker's
confirms, then acknowledges the deliveries. After a crash in between the broker delivers them again;
they are recognized by their `client_msg_id` and answered again.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, reduce

import redis
from django.db import DataError, Error, transaction

from foundation import clock
from foundation.bus import outbox
from foundation.bus.retry import AT_ONCE, RetriedBatch, run_with_retries
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of
from im.data import journal, metrics, platform_resolver, presence_store, revocations
from im.data.batch_facts import logged_request
from im.data.membership import MemberCache
from im.flows import ephemeral
from im.flows.process import process
from im.rules import tokens
from im.rules.messages import (
    BatchResult,
    ClientDelivery,
    EphemeralRequest,
    IncomingRequest,
    RefusedMessage,
)
from im.rules.parse import parse, refused_unread, sender_of, token_in
from im.rules.rate import Excess, SenderRates
from im.rules.routing import Publication, publications_of
from im.rules.tokens import Bearer, Token
from im.rules.vocabulary import Code

log = logging.getLogger("im.center")

QUEUE_CHECK_SECONDS = 5.0
"""The center may have found the queue empty this many seconds before messages began to wait."""


NOBODY = ""
"""The sender of messages that name none, or one that the broker has not checked."""


class Unavailable(Exception):
    """The database cannot be written now: nothing was stored, and the messages must be redelivered."""


class Pipeline:
    """The pipeline of one message center, which turns the messages of clients into messages to publish.

    It holds the center's caches of members and tokens, and the rate of each sender.
    """

    def __init__(self, on_flood: Callable[[str], None]) -> None:
        """Begin with empty caches. `on_flood` is called with a sender who floods, again and again."""
        self._memory, self._buckets = MemberCache(), SenderRates()
        self._on_flood = on_flood
        """Called with a sender who floods, again and again."""
        self._caught_up = float("-inf")
        """The monotonic time at which the queue was last seen empty."""
        # Clients send the same token with each message.
        self._read_token = lru_cache(maxsize=50_000)(tokens.read)

    def check_writable(self) -> None:
        """Check that messages can be stored. Raises Unavailable and database errors.

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

    def note_queue_empty(self) -> None:
        """Record that no message waits in the queue now, so that none has waited long since."""
        self._caught_up = time.monotonic()

    def handle_batch(self, deliveries: Sequence[ClientDelivery]) -> list[Publication]:
        """Store a batch of clients' messages and return what is to be published. Raises Unavailable."""
        now = clock.now()
        # Messages may have waited since the queue was last empty: many at once do not mean that they were sent too fast.
        self._buckets.allow_backlog(
            max(0.0, time.monotonic() - self._caught_up - QUEUE_CHECK_SECONDS)
        )
        outcome = self._process(self._parse_all(deliveries, now), now)
        _count(deliveries, outcome)
        return list(
            publications_of(
                outcome, presence_store.protocols_of_online(outcome.people, now.timestamp())
            )
        )

    # ---- parse --------------------------------------------------------------------------------

    def _parse_all(
        self, deliveries: Sequence[ClientDelivery], now: datetime
    ) -> list[IncomingRequest | RefusedMessage]:
        """Parse messages into requests of authenticated senders, or refusals.

        What a sender sends over the rate is dropped, after one refusal.
        """
        _refresh_revoked(now.timestamp())
        results: list[IncomingRequest | RefusedMessage] = []
        for delivery in deliveries:
            if not sender_of(delivery):
                results += self._refuse_unattributed(delivery, now.timestamp())
                continue
            match self._excess(delivery, now.timestamp()):
                case Excess.NONE:
                    results.append(self._authenticated(parse(delivery), now.timestamp()))
                case Excess.FIRST:
                    results.append(
                        refused_unread(delivery, Code.RATE, "you send too much; wait a little")
                    )
        return results

    def _excess(self, delivery: ClientDelivery, now: float) -> Excess:
        """Return whether a message is over its sender's rate; a redelivered message counts only once.

        A sender who floods is reported to the flood guard.
        """
        if delivery.is_counted:
            return Excess.NONE
        sender = sender_of(delivery)
        excess = self._buckets.count_message(sender, now, len(delivery.body))
        if excess is Excess.FLOOD:
            self._on_flood(sender)
        return excess

    def _refuse_unattributed(self, delivery: ClientDelivery, now: float) -> list[RefusedMessage]:
        """Refuse a message that names no sender, or one that the broker has not checked.

        If it holds a valid token, the token's owner gets the refusal. All such messages together have the
        rate of one person.
        """
        metrics.UNATTRIBUTED.inc()
        excess = self._buckets.count_message(NOBODY, now, len(delivery.body))
        if excess is Excess.FLOOD:
            self._on_flood(NOBODY)
        if excess is not Excess.NONE:
            return []
        try:
            token: Token = self._read_token(token_in(delivery))
        except tokens.InvalidToken:
            log.warning("a message without the property user_id and without a good token")
            return []
        if not token.is_live(now) or revocations.revoked_tokens.is_revoked(token):
            return []
        reason = "the property user_id is missing: set it to your user id"
        refused = refused_unread(delivery, Code.NOT_SENDER, reason)
        return [replace(refused, sender=token.user)]

    def _authenticated(
        self, parsed: IncomingRequest | RefusedMessage, now: float
    ) -> IncomingRequest | RefusedMessage:
        """Return the request, or a refusal if its token is not valid or belongs to another person."""
        if isinstance(parsed, RefusedMessage):
            return parsed
        try:
            token: Token = self._read_token(parsed.token)
        except tokens.InvalidToken:
            return RefusedMessage(
                parsed.sender,
                Code.BAD_TOKEN,
                "this is not a token of this platform",
                parsed.client_msg_id,
            )
        if token.user != parsed.sender or token.bearer is Bearer.SERVICE:
            reason = "this is somebody else's token"
            return RefusedMessage(parsed.sender, Code.NOT_SENDER, reason, parsed.client_msg_id)
        if not token.is_live(now) or revocations.revoked_tokens.is_revoked(token):
            reason = "the token is expired or revoked; sign in again"
            return RefusedMessage(parsed.sender, Code.BAD_TOKEN, reason, parsed.client_msg_id)
        return parsed

    # ---- process ------------------------------------------------------------------------------

    def _process(
        self, parsed: Sequence[IncomingRequest | RefusedMessage], now: datetime
    ) -> BatchResult:
        """Store the requests, platform by platform; then handle heartbeats, presence, typing and signs about calls.

        Parsed messages that are refusals already become a part of the result.
        """
        outcome = BatchResult(refused=[item for item in parsed if isinstance(item, RefusedMessage)])
        requests = [item for item in parsed if isinstance(item, IncomingRequest)]
        ephemeral_requests = [
            item for item in requests if isinstance(item.request, EphemeralRequest)
        ]
        logged = [item for item in requests if not isinstance(item.request, EphemeralRequest)]
        for platform, requests in platform_resolver.by_platform(logged, _conversation_of).items():
            outcome.add(self._process_on_platform(platform, requests, now))
        if ephemeral_requests:
            outcome.add(ephemeral.handle_ephemeral(ephemeral_requests, self._memory, now))
        return outcome

    def _process_on_platform(
        self, platform: str, requests: Sequence[IncomingRequest], now: datetime
    ) -> BatchResult:
        """Store requests in one platform's data and return the result.

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
    """A batch of requests for one platform's data; a request that fails even alone is refused."""

    unavailable = (Unavailable, journal.NotServedHere)

    def __init__(self, platform: str, members: MemberCache, now: datetime) -> None:
        self._platform, self._members, self._now = platform, members, now

    def run(self, items: Sequence[IncomingRequest]) -> BatchResult:
        """Store requests, and try again after deadlocks and similar errors. Raises Unavailable."""
        try:
            return run_with_retries(lambda: self._run_once(items), AT_ONCE, _may_pass)
        except Error as error:
            if sql.is_locked(error):
                raise Unavailable(f"a table is locked for long: {error}") from error
            raise

    def _run_once(self, requests: Sequence[IncomingRequest]) -> BatchResult:
        """Store requests in one transaction. Raises Unavailable if the data cannot be written now."""
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


def _may_pass(error: Exception) -> bool:
    """Return whether the same transaction may succeed if it is repeated at once."""
    return isinstance(error, Error) and not isinstance(error, DataError) and sql.is_passing(error)


def _join_results(result: BatchResult, following: BatchResult) -> BatchResult:
    """Add the result of the following batch to a result, and return it."""
    result.add(following)
    return result


def _conversation_of(incoming: IncomingRequest) -> int:
    """Return the id of the conversation that a request is about."""
    return logged_request(incoming).conversation


def _refuse_all(requests: Sequence[IncomingRequest], code: Code, reason: str) -> BatchResult:
    """Return the result that refuses all these requests for one reason."""
    return BatchResult(
        refused=[
            RefusedMessage(incoming.sender, code, reason, incoming.client_msg_id)
            for incoming in requests
        ]
    )


def _refresh_revoked(now: float) -> None:
    """Read newly revoked tokens from Redis; without Redis the process keeps what it knows."""
    try:
        revocations.revoked_tokens.refresh(now)
    except redis.RedisError as error:
        log.warning("what is revoked is not known: %s", error)


def _count(deliveries: Sequence[ClientDelivery], outcome: BatchResult) -> None:
    """Count a batch in the metrics."""
    metrics.TAKEN.inc(len(deliveries))
    for cmd, count in Counter(entry.cmd for entry in outcome.entries).items():
        metrics.STORED.labels(cmd.value).inc(count)
    for code, count in Counter(refused.code for refused in outcome.refused).items():
        metrics.REFUSED.labels(code.value).inc(count)

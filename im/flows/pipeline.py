"""stream -> parse -> process -> route: start reading here (CONV, 分布式实现框架).

`Pipeline.take` gets what lay in the queue and returns what is to be published. What it returns is
committed: the center publishes it, waits for the broker's confirms, then acknowledges the deliveries. A
crash in between brings them again; they are known by their `client_msg_id`, and told again.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache

import redis
from django.db import DataError, Error, transaction

from foundation import clock
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
    Heartbeat,
    IncomingRequest,
    RefusedMessage,
    SetPresence,
    Typing,
)
from im.rules.parse import parse, sender_of
from im.rules.rate import FLOOD, SenderRates
from im.rules.routing import Publication, publications_of
from im.rules.tokens import Bearer, Token
from im.rules.vocabulary import Code

log = logging.getLogger("im.center")

TRIES = 3
ASKED_WITHIN = 5.0
"""Seconds: so long ago the center may have looked last whether anything waits."""


class Away(Exception):
    """The data cannot be written just now: nothing was done, and everything has to come again."""


class Pipeline:
    """One center's: it remembers who is where, how much each sender has said, and whose tokens it saw."""

    def __init__(self, on_flood: Callable[[str], None]) -> None:
        self._memory, self._buckets, self._on_flood = MemberCache(), SenderRates(), on_flood
        self._caught_up = float("-inf")
        self._token = lru_cache(maxsize=50_000)(tokens.read)

    def check(self) -> None:
        """Can anything be stored? What is taken from the queue in vain too often, the broker throws away.
        Raises Away and database errors."""
        own = store_of(own_platform())
        try:
            with transaction.atomic(using=own.database):
                journal.require_serving(own)
        except journal.ReadOnly as wrong:
            raise Away(f"{wrong}: its service begins or ends here") from wrong
        except journal.NotServedHere:
            pass

    def nothing_waits(self) -> None:
        """The queue is empty."""
        self._caught_up = time.monotonic()

    def take(self, deliveries: Sequence[ClientDelivery]) -> list[Publication]:
        """Do a batch. Raises Away."""
        now = clock.now()
        self._buckets.allow_backlog(max(0.0, time.monotonic() - self._caught_up - ASKED_WITHIN))
        outcome = self._process(self._read(deliveries, now), now)
        _count(deliveries, outcome)
        return list(publications_of(outcome, presence_store.ways(outcome.people, now.timestamp())))

    # ---- parse --------------------------------------------------------------------------------

    def _read(
        self, deliveries: Sequence[ClientDelivery], now: datetime
    ) -> list[IncomingRequest | RefusedMessage]:
        """Wishes of people who are who they say they are, and the rest."""
        _ask_revoked(now.timestamp())
        found: list[IncomingRequest | RefusedMessage] = []
        for delivery in deliveries:
            over = self._over_rate(delivery, now.timestamp())
            if not over:
                found.append(self._checked(parse(delivery), now.timestamp()))
            elif over == 1:
                found.append(RefusedMessage(sender_of(delivery), Code.RATE, "more slowly, please"))
        return found

    def _over_rate(self, delivery: ClientDelivery, now: float) -> int:
        """How far he is over it; what comes again was counted before."""
        sender = sender_of(delivery)
        if delivery.redelivered or not sender:
            return 0
        over = self._buckets.count_message(sender, now)
        if over and over % FLOOD == 0:
            self._on_flood(sender)
        return over

    def _checked(
        self, one: IncomingRequest | RefusedMessage, now: float
    ) -> IncomingRequest | RefusedMessage:
        """Is the token the sender's, and good?"""
        if isinstance(one, RefusedMessage):
            return one
        try:
            token: Token = self._token(one.token)
        except tokens.InvalidToken:
            return RefusedMessage(one.sender, Code.BAD_TOKEN, "not one of ours", one.client_msg_id)
        if token.user != one.sender or token.bearer is Bearer.SERVICE:
            words = "this is somebody else's token"
            return RefusedMessage(one.sender, Code.NOT_SENDER, words, one.client_msg_id)
        if not token.is_live(now) or revocations.revoked_tokens.voids(token):
            words = "the token is expired or revoked; sign in again"
            return RefusedMessage(one.sender, Code.BAD_TOKEN, words, one.client_msg_id)
        return one

    # ---- process ------------------------------------------------------------------------------

    def _process(
        self, read: Sequence[IncomingRequest | RefusedMessage], now: datetime
    ) -> BatchResult:
        outcome = BatchResult(refused=[one for one in read if isinstance(one, RefusedMessage)])
        wishes = [one for one in read if isinstance(one, IncomingRequest)]
        passing = [o for o in wishes if isinstance(o.request, Heartbeat | SetPresence | Typing)]
        logged = [o for o in wishes if not isinstance(o.request, Heartbeat | SetPresence | Typing)]
        for platform, some in platform_resolver.by_platform(logged, _conversation).items():
            outcome.add(self._on(platform, some, now))
        if passing:
            outcome.add(ephemeral.take(passing, self._memory, now))
        return outcome

    def _on(self, platform: str, some: Sequence[IncomingRequest], now: datetime) -> BatchResult:
        """On one platform's data; a copy that is away holds nobody else up.

        Where another site serves, nobody is refused: his client learns by its heartbeat where to say it again.
        """
        if not platform:
            return _refused(some, Code.NOT_MEMBER, "there is no such conversation")
        try:
            return self._stored(platform, some, now)
        except journal.NotServedHere:
            pass
        except Away:
            if platform == own_platform():
                raise
        metrics.UNANSWERED.inc(len(some))
        return BatchResult()

    def _stored(self, platform: str, some: Sequence[IncomingRequest], now: datetime) -> BatchResult:
        """All at once; if that fails, one by one, so that one message cannot hold up the others."""
        try:
            return self._tried(platform, some, now)
        except (Away, journal.NotServedHere):
            raise
        except Exception:
            if len(some) == 1:
                metrics.POISON.inc()
                log.exception("a message failed: %s", type(some[0].request).__name__)
                return _refused(some, Code.BAD_JSON, "this message cannot be stored")
            log.exception("a batch of %d failed, doing it one by one", len(some))
        whole = BatchResult()
        for one in some:
            whole.add(self._stored(platform, [one], now))
        return whole

    def _tried(self, platform: str, some: Sequence[IncomingRequest], now: datetime) -> BatchResult:
        """Deadlocks and the like are cured by doing it again. Raises Away."""
        for last in (*[False] * (TRIES - 1), True):
            try:
                return process(store_of(platform), self._memory, some, now)
            except journal.ReadOnly as wrong:
                raise Away(f"{platform}: its service begins or ends here") from wrong
            except Error as wrong:
                if sql.is_away(wrong):
                    raise Away(str(wrong)) from wrong
                if last or isinstance(wrong, DataError) or not sql.is_passing(wrong):
                    raise
        raise AssertionError


def _conversation(one: IncomingRequest) -> int:
    return logged_request(one).conversation


def _refused(some: Sequence[IncomingRequest], code: Code, reason: str) -> BatchResult:
    return BatchResult(
        refused=[RefusedMessage(o.sender, code, reason, o.client_msg_id) for o in some]
    )


def _ask_revoked(now: float) -> None:
    try:
        revocations.revoked_tokens.refresh(now)
    except redis.RedisError as wrong:
        log.warning("what is revoked is not known: %s", wrong)


def _count(deliveries: Sequence[ClientDelivery], outcome: BatchResult) -> None:
    metrics.TAKEN.inc(len(deliveries))
    for cmd, count in Counter(entry.cmd for entry in outcome.entries).items():
        metrics.STORED.labels(cmd.value).inc(count)
    for code, count in Counter(one.code for one in outcome.refused).items():
        metrics.REFUSED.labels(code.value).inc(count)

"""The first stage, stream: it takes in what clients have sent, within the rate of each sender.

The broker has accepted the connection and vouches for the sender. What this stage lets in goes on; what is over the
rate is refused once and then dropped, so that a flood goes no further.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from foundation import clock
from im.data import metrics, revocations
from im.flows.stages.stage import Handled
from im.rules import tokens
from im.rules.messages import BatchResult, ClientDelivery, RefusedMessage
from im.rules.parse import refused_too_large, refused_unread, sender_of, token_in
from im.rules.rate import Excess, SenderRates
from im.rules.tokens import Token
from im.rules.vocabulary import Code

log = logging.getLogger("im.center")

QUEUE_CHECK_SECONDS = 5.0
"""The center may have found the queue empty this many seconds before messages began to wait."""

NOBODY = ""
"""The sender of messages that name none, or one that the broker has not checked."""


class Streamer:
    """The first stage of a message center: it takes in clients' messages, and limits the rate of each sender."""

    def __init__(self, on_flood: Callable[[str], None]) -> None:
        """Prepare the stage. `on_flood` is called with the name of a sender who floods, again and again."""
        self._buckets, self._on_flood = SenderRates(), on_flood
        self._caught_up = float("-inf")
        """The monotonic time at which the queue was last seen empty."""
        self._read_token = lru_cache(maxsize=1_000)(tokens.read)

    def note_queue_empty(self) -> None:
        """Record that the queue is empty now, so that messages that come later cannot have waited since before."""
        self._caught_up = time.monotonic()

    def process_batch(self, batch: Sequence[ClientDelivery]) -> Handled[ClientDelivery]:
        """Return the messages that are within their senders' rate limits, for the next step, and refusals of others.

        Of a sender above the limit the first message is refused and the next ones are dropped. Too large ones are
        refused, too.
        """
        now = clock.timestamp()
        metrics.TAKEN.inc(len(batch))
        # Messages may have waited since the queue was last empty: many at once were not necessarily sent too fast.
        self._buckets.allow_backlog(
            max(0.0, time.monotonic() - self._caught_up - QUEUE_CHECK_SECONDS)
        )
        onward: list[ClientDelivery] = []
        outcome = BatchResult()
        for delivery in batch:
            if not sender_of(delivery):
                outcome.refused += self._refuse_unattributed(delivery, now)
                continue
            match self._excess(delivery, now):
                case Excess.NONE if refused := refused_too_large(delivery):
                    outcome.refused.append(refused)
                case Excess.NONE:
                    onward.append(delivery)
                case Excess.FIRST:
                    outcome.refused.append(
                        refused_unread(delivery, Code.RATE, "you send too much; wait a little")
                    )
        return Handled(onward, outcome)

    def _excess(self, delivery: ClientDelivery, now: float) -> Excess:
        """Return how far a message's sender is above the rate limit; a redelivered message counts only once.

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
        """Return the refusal of a message that names no sender, or one that the broker has not checked; [] for none.

        If it holds a valid token, the token's owner gets the refusal. All such messages together have the rate of one
        person.
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
        revocations.refresh_or_warn(now)
        if not token.is_live(now) or revocations.revoked_tokens.is_revoked(token):
            return []
        reason = "the property user_id is missing: set it to your user id"
        refused = refused_unread(delivery, Code.NOT_SENDER, reason)
        return [replace(refused, sender=token.user)]

"""A session of Bayeux holds one client's subscriptions, and the messages that wait for the client."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from dataclasses import dataclass, field

from conferences.api.push import metrics
from conferences.api.push.callers import Caller
from conferences.api.push.hub import PushedEvent
from conferences.api.push.limits import MOST_PENDING, RateLimit

_PER_SECOND, _BURST = 20.0, 400.0
"""The limit of messages that one client may send."""


@dataclass(slots=True, eq=False)
class Session:
    """A session is one client of Bayeux in this process; `pending` are the messages that wait for it.

    With the acknowledge extension (`acks`) messages are sent only with answers to `/meta/connect`, in numbered batches
    that are kept in `batches` until the client acknowledges their number.
    """

    caller: Caller
    acks: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    subscriptions: set[str] = field(default_factory=set)
    pending: deque[bytes] = field(default_factory=deque)
    batches: deque[tuple[int, list[bytes]]] = field(default_factory=deque)
    last_batch: int = 0
    ended: str = ""
    """The reason why the session has ended; "" while it lives."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    rate_limit: RateLimit = field(default_factory=lambda: RateLimit(_PER_SECOND, _BURST))
    connects: int = 0
    """The number of `/meta/connect` that the client has sent; only the latest one is held."""
    holders: int = 0
    """The number of connections that wait for messages of this session."""
    seen_at: float = field(default_factory=time.monotonic)

    def offer(self, event: PushedEvent) -> None:
        """Put an event into the client's queue, if it has subscribed to it; end the session if it is too slow."""
        if self.subscriptions.isdisjoint(event.patterns):
            return
        self.put(event.message)

    def put(self, message: bytes) -> None:
        """Put a message into the client's queue; end the session if too many wait."""
        if self.ended:
            return
        if len(self.pending) >= MOST_PENDING:
            self.end("slow")
            return
        self.pending.append(message)
        metrics.HANDED_OUT.inc()
        self.wake.set()

    def end(self, reason: str) -> None:
        """End the session.

        The answer to a held `/meta/connect`, or to the client's next message, says so. `reason`: a word for the
        metrics.
        """
        if not self.ended:
            self.ended = reason
            self.pending.clear()
            self.batches.clear()
            metrics.ENDED.labels(reason).inc()
        self.wake.set()

    def drain(self) -> list[bytes]:
        """Return the messages that wait for the client, and empty the queue; keep them if it confirms batches."""
        messages = list(self.pending)
        self.pending.clear()
        if self.acks and messages:
            self.last_batch += 1
            self.batches.append((self.last_batch, messages))
        return messages

    def acknowledge(self, batch: int) -> None:
        """Forget the batches up to this number, and put later ones back into the queue: they did not arrive."""
        while self.batches and self.batches[0][0] <= batch:
            self.batches.popleft()
        while self.batches:
            self.pending.extendleft(reversed(self.batches.pop()[1]))

    def is_forsaken(self, seconds: float) -> bool:
        """Return whether the client has had no connection for so many seconds."""
        return not self.holders and time.monotonic() - self.seen_at > seconds

"""How much one program may ask of the push process, and how long the process waits for it."""

from __future__ import annotations

import time

MOST_BYTES = 64 * 1024
"""The size of a request, or of a WebSocket message."""
MOST_MESSAGES = 100
"""Bayeux messages in one request."""
MOST_SUBSCRIPTIONS = 200
"""Subscriptions of a session, and channels of a stream."""
MOST_PENDING = 5000
"""Events that wait for one client. Then the client is too slow, and its session ends."""
MOST_REPLAYED = 1000
"""Events of the past that a subscription of Bayeux may ask for."""
SEND_SECONDS = 15.0
"""A client that takes nothing for so long is cut off."""
SESSION_SECONDS = 60.0
"""A session without a connection is kept so long."""
CHECK_SECONDS = 2.0
"""Sign-ins are looked at again after this time."""
COMPARE_SECONDS = 5.0
"""The table of events is looked at after this time although nobody told of new ones."""


class Pace:
    """A pace limits a rate: so many things a second, and so many at once (a token bucket)."""

    __slots__ = ("_at", "_burst", "_left", "_per_second")

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._left, self._at = burst, time.monotonic()

    def allows(self) -> bool:
        """Count one thing, and return whether it is within the rate."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

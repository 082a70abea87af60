"""Define limits of what one client may ask of the push process, and how long the process waits for a client."""

from __future__ import annotations

import time

MOST_BYTES = 64 * 1024
"""The size of a request, or of a WebSocket message."""
MOST_MESSAGES = 100
"""Bayeux messages in one request."""
MOST_SUBSCRIPTIONS = 200
"""Subscriptions of a session, and channels of a stream."""
MOST_PENDING = 5000
"""Events that may wait for one client. With more the client is too slow, and its session ends."""
MOST_REPLAYED = 1000
"""Events of the past that a subscription of Bayeux may ask for."""
MOST_RATE_LIMITS = 10_000
"""People whose rates are remembered. With more all rates begin anew."""
MOST_REPLY_BYTES = 4 * MOST_BYTES
"""Bytes of replies that may wait for a client of a WebSocket. With more the client does not read; it is cut off."""
SEND_SECONDS = 15.0
"""A client that reads nothing for so long is cut off."""
SESSION_SECONDS = 60.0
"""A session without a connection is kept so long."""
CHECK_SECONDS = 2.0
"""Time between two checks of whether clients are still signed in."""
COMPARE_SECONDS = 5.0
"""Time between two comparisons with the table of events, while Redis signals new ones."""


class RateLimit:
    """A rate limit allows `per_second` things a second on average, and up to `burst` at once (a token bucket)."""

    __slots__ = ("_at", "_burst", "_left", "_per_second")

    def __init__(self, per_second: float, burst: float) -> None:
        """Begin with all of `burst` left to use."""
        self._per_second, self._burst = per_second, burst
        self._left, self._at = burst, time.monotonic()

    def allows(self, count: int = 1) -> bool:
        """Count `count` things and return `True` if they are within the rate, else count nothing and return `False`."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < count:
            return False
        self._left -= count
        return True


class RateLimitPerPerson:
    """A rate limit that is counted for each person apart."""

    def __init__(self, per_second: float, burst: float) -> None:
        """Begin without any person."""
        self._per_second, self._burst = per_second, burst
        self._limits: dict[str, RateLimit] = {}

    def allows(self, person: str, count: int = 1) -> bool:
        """Count `count` things of a person and return `True` if they are within the rate, else return `False`."""
        if person not in self._limits:
            if len(self._limits) >= MOST_RATE_LIMITS:
                self._limits.clear()  # This bounds the memory; the rates of all people begin anew.
            self._limits[person] = RateLimit(self._per_second, self._burst)
        return self._limits[person].allows(count)


def replay_limit() -> RateLimitPerPerson:
    """Return the limit of past events that are sent again to one person: 2,000 a second, and 50,000 at once."""
    return RateLimitPerPerson(2_000.0, 50_000.0)

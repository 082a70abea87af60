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
MOST_PACES = 10_000
"""The paces of so many people are remembered. Then all begin anew."""
MOST_REPLY_BYTES = 4 * MOST_BYTES
"""Replies that wait for a client of a WebSocket, which sends messages and takes no answers. Then it is cut off."""
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

    def allows(self, count: int = 1) -> bool:
        """Count some things, and return whether they are within the rate; if not, they do not count."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < count:
            return False
        self._left -= count
        return True


class PaceOfPeople:
    """A pace of people limits the same rate for each of them."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._paces: dict[str, Pace] = {}

    def allows(self, person: str, count: int = 1) -> bool:
        """Count some things of a person, and return whether they are within the rate."""
        if person not in self._paces:
            if len(self._paces) >= MOST_PACES:
                self._paces.clear()
            self._paces[person] = Pace(self._per_second, self._burst)
        return self._paces[person].allows(count)


def pace_of_replays() -> PaceOfPeople:
    """Return the limit of events of the past that are read for a person."""
    return PaceOfPeople(2_000.0, 50_000.0)

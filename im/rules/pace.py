"""A rate limit for each name (of a person, say), as a token bucket that fills steadily.

It is pure: the caller passes the time.
"""

from __future__ import annotations


class RateLimit:
    """A rate limit allows each name `burst` actions at once, and `rate` a second in the long run."""

    def __init__(self, rate: float, burst: float) -> None:
        """Begin with all names allowed `burst` actions at once; `rate` is in actions a second."""
        self._rate, self._burst = rate, burst
        self._left: dict[str, tuple[float, float]] = {}
        """Name -> (actions that were left, and at which time)."""

    def allows(self, name: str, now: float) -> bool:
        """Return whether this name (of a person, say) is within the limit now, and count the action if so.

        `now` is in seconds of any clock that does not go back.
        """
        tokens, last_time = self._left.get(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - last_time) * self._rate)
        allowed = tokens >= 1
        self._left[name] = (tokens - 1 if allowed else tokens, now)
        return allowed

    def forget_full(self, now: float) -> None:
        """Forget the names that may act `burst` times again, so that the table does not grow for ever."""
        self._left = {
            name: (tokens, last_time)
            for name, (tokens, last_time) in self._left.items()
            if tokens + (now - last_time) * self._rate < self._burst
        }

"""How often one may do something: a bucket for each, filled steadily. Pure: the time is given."""

from __future__ import annotations


class Pace:
    """At most `burst` at once, and `rate` a second in the long run, for each name."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left: dict[str, tuple[float, float]] = {}

    def allows(self, name: str, now: float) -> bool:
        """Take one, if there is one. `now`: seconds of any clock that does not go back."""
        left, at = self._left.get(name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        allowed = left >= 1
        self._left[name] = (left - 1 if allowed else left, now)
        return allowed

    def forget_full(self, now: float) -> None:
        """Names that may do all again need not be remembered."""
        self._left = {
            name: (left, at)
            for name, (left, at) in self._left.items()
            if left + (now - at) * self._rate < self._burst
        }

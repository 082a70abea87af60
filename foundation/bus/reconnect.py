"""A backoff says how long a client waits before it connects to the broker again."""

from __future__ import annotations

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
STABLE_SECONDS = 10.0
"""After a session that lasted longer than this, the next pause is short again."""


class Backoff:
    """A backoff gives the pause before each new connection. It doubles, up to `longest`, while sessions fail soon.

    It does not sleep itself, so that both threads and coroutines can use it. All values are in seconds.
    """

    def __init__(self, longest: float = LONGEST_PAUSE) -> None:
        """Begin with a short pause. `longest` is the longest pause in seconds."""
        self._longest = longest
        self._pause = FIRST_PAUSE

    def reset(self) -> None:
        """Make the next pause short: the broker was reached."""
        self._pause = FIRST_PAUSE

    def next_pause(self, lasted: float = 0.0) -> float:
        """Return the pause after a session that lasted `lasted` seconds, and double the next one."""
        if lasted > STABLE_SECONDS:
            self.reset()
        pause, self._pause = self._pause, min(self._pause * 2, self._longest)
        return pause

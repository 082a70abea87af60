"""The module limits how many texts each participant may send to all in a conference. Pure.

Texts go to Janus over data channels, past the gate and its limits. Janus posts each one to the agent, and holds the
text room for so long: without a limit one participant would hold up all others.
"""

from __future__ import annotations

MOST_TEXTS, WINDOW = 100, 5.0
"""A participant may say so many texts within so many seconds; a join page says a few in a minute."""


class TextRates:
    """The numbers of texts that participants have sent in the current window of time."""

    def __init__(self) -> None:
        """Begin with no texts."""
        self._counts: dict[tuple[str, str], int] = {}
        self._window = 0

    def is_too_many(self, janus_room: str, participant: str, now: float) -> bool:
        """Count one text of a participant; return True when the limit is passed, once in each window of WINDOW seconds.

        `now`: monotonic seconds.
        """
        if (window := int(now // WINDOW)) != self._window:
            self._window = window
            self._counts.clear()
        key = (janus_room, participant)
        self._counts[key] = count = self._counts.get(key, 0) + 1
        return count == MOST_TEXTS + 1

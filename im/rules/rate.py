"""How much one person may say: a bucket of tokens for each sender. Pure; time is an argument."""

from __future__ import annotations

from collections import OrderedDict

from im.rules.vocabulary import BURST, MESSAGES_A_SECOND

FLOOD = 2 * BURST
"""So many thrown out since the sender was last within his rate: he is put out."""
LONGEST_WAIT = 600.0
"""Seconds for which a queue that was not read is made up for."""


class Buckets:
    """Of the senders seen last. Who was forgotten is full again: he has been silent for long."""

    def __init__(self, most: int = 50_000) -> None:
        self._most, self._full = most, float(BURST)
        self._of: OrderedDict[str, tuple[float, float, int]] = OrderedDict()

    def behind(self, seconds: float) -> None:
        """What is taken now may have waited so long: meanwhile everybody could say something."""
        self._full = BURST + min(seconds, LONGEST_WAIT) * MESSAGES_A_SECOND

    def take(self, sender: str, now: float) -> int:
        """One message of a sender: 0: it is within the rate; else the how-manieth one that is not, since
        he was last within it. `now`: seconds."""
        level, at, over = self._of.pop(sender, (self._full, now, 0))
        now = max(now, at)
        level = min(self._full, level + (now - at) * MESSAGES_A_SECOND)
        if level >= 1:
            self._keep(sender, level - 1, now, 0 if level >= BURST / 2 else over)
            return 0
        self._keep(sender, level, now, over + 1)
        return over + 1

    def _keep(self, sender: str, level: float, now: float, over: int) -> None:
        self._of[sender] = (level, now, over)
        if len(self._of) > self._most:
            self._of.popitem(last=False)

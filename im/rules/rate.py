"""A limit on how much one person may write: a token bucket for each sender.

It is pure: time is an argument.
"""

from __future__ import annotations

from collections import OrderedDict

from im.rules.vocabulary import BURST, MESSAGES_A_SECOND

FLOOD = 2 * BURST
"""A sender is disconnected after this many excess messages since the last time within the rate."""
LONGEST_WAIT = 600.0
"""A backlog of the queue raises the allowance for at most this many seconds."""


class SenderRates:
    """The buckets of the most recent senders.

    A forgotten sender, long silent, has a full bucket again.
    """

    def __init__(self, most: int = 50_000) -> None:
        self._most, self._full = most, float(BURST)
        self._of: OrderedDict[str, tuple[float, float, int]] = OrderedDict()

    def allow_backlog(self, seconds: float) -> None:
        """Allow for a backlog: messages counted from now on may have waited this many seconds.

        During that time everybody could go on writing, so the buckets are larger accordingly.
        """
        self._full = BURST + min(seconds, LONGEST_WAIT) * MESSAGES_A_SECOND

    def count_message(self, sender: str, now: float) -> int:
        """Count one message; return 0 within the rate, else the number of excess messages so far.

        The excess is counted since the sender was last within the rate, which means that at least
        half of the burst was free. `now` is in seconds.
        """
        level, last_time, excess = self._of.pop(sender, (self._full, now, 0))
        now = max(now, last_time)
        level = min(self._full, level + (now - last_time) * MESSAGES_A_SECOND)
        if level >= 1:
            self._keep(sender, level - 1, now, 0 if level >= BURST / 2 else excess)
            return 0
        self._keep(sender, level, now, excess + 1)
        return excess + 1

    def _keep(self, sender: str, level: float, now: float, excess: int) -> None:
        """Remember a sender's bucket; forget the least recent sender if there are too many."""
        self._of[sender] = (level, now, excess)
        if len(self._of) > self._most:
            self._of.popitem(last=False)

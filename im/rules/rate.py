"""A limit on how much one person may write, in messages and in bytes: a token bucket for each sender.

It is pure: time is an argument.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from enum import Enum

from im.rules.vocabulary import BURST, MESSAGES_A_SECOND

FLOOD = 2 * BURST
"""A sender is disconnected after this much excess since the last time within the rate, in messages."""
BYTES_A_MESSAGE = 16 * 1024
"""A message counts once for each part of this size. The longest text is one part."""
LONGEST_WAIT_SECONDS = 600.0
"""A backlog of the queue raises the allowance for at most this many seconds."""


class Excess(Enum):
    """How far a sender is above the rate limit: the first message above it is refused, the next ones dropped.

    A sender who goes on sending (FLOOD) is disconnected.
    """

    NONE = "none"
    FIRST = "first"
    MORE = "more"
    FLOOD = "flood"


class SenderRates:
    """The rate limits of senders, one token bucket for each of the `most` senders seen last.

    A sender who was silent so long as to be forgotten has a full bucket again.
    """

    def __init__(self, most: int = 50_000) -> None:
        """Begin with a full bucket for every sender; `most` is for how many senders buckets are kept."""
        self._most, self._full = most, float(BURST)
        self._buckets: OrderedDict[str, tuple[float, float, int]] = OrderedDict()
        """Sender -> (messages that were left, at which time, excess since within the rate)."""

    def allow_backlog(self, seconds: float) -> None:
        """Enlarge all senders' buckets, since messages counted from now on may have waited this many seconds.

        While they waited, their senders could go on writing at the allowed rate.
        """
        self._full = BURST + min(seconds, LONGEST_WAIT_SECONDS) * MESSAGES_A_SECOND

    def count_message(self, sender: str, now: float, size: int = 0) -> Excess:
        """Count a message of `size` bytes, and return how far its sender is above the rate limit.

        The excess is counted since the sender was last within the limit, which means that at least
        half of the burst was free. `now` is in seconds.
        """
        level, last_time, excess = self._buckets.pop(sender, (self._full, now, 0))
        now, parts = max(now, last_time), parts_of(size)
        level = min(self._full, level + (now - last_time) * MESSAGES_A_SECOND)
        if level >= parts:
            self._store_bucket(sender, level - parts, now, 0 if level >= BURST / 2 else excess)
            return Excess.NONE
        self._store_bucket(sender, level, now, excess + parts)
        if (excess + parts) // FLOOD > excess // FLOOD:  # once for every FLOOD messages of excess
            return Excess.FLOOD
        return Excess.MORE if excess else Excess.FIRST

    def _store_bucket(self, sender: str, level: float, now: float, excess: int) -> None:
        """Store a sender's bucket; forget the least recent sender if there are too many."""
        self._buckets[sender] = (level, now, excess)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)


def parts_of(size: int) -> int:
    """Return as how many messages one of `size` bytes counts for the rate limit."""
    return 1 + max(0, size - 1) // BYTES_A_MESSAGE


def users_above_limit(counts: Mapping[str, int], seconds: float) -> list[str]:
    """Return the users who have sent more in these seconds than a person may send.

    `counts`: user -> how many messages, of which a large one counts as several (`parts_of`).
    """
    max_parts = BURST + MESSAGES_A_SECOND * seconds
    return [user for user, parts in counts.items() if parts > max_parts]
